import type { Failure } from '../../base/failure'
import type { ServerProfile } from '../../servers/profile'
import { formatProblem, type Servers, type SettingsProblem } from '../../servers/validation'
import { titleOf, whoCanRead } from '../../servers/visibility'
import { formatCount } from '../amounts'
import { commandIds } from '../commandIds'
import { escapeMarkdown } from '../plainText'
import { problemOf, type ShownTunnel } from '../tunnelText'
import { colors, type ViewItem } from './viewItem'

export interface ServerFacts {
  readonly servers: Pick<Servers, 'profiles' | 'problems'>
  readonly defaultServer: string | undefined
  readonly tunnels: readonly Pick<ShownTunnel, 'server' | 'state'>[]
  /** Why the latest tunnel through a server could not be opened. */
  readonly lastRefusal: (serverId: string) => Failure | undefined
}

/** The rows of the view Servers: the profiles of the settings, and then what is wrong with others. */
export function serverItems(facts: ServerFacts): readonly ViewItem[] {
  const { profiles, problems } = facts.servers
  const wrong = new Set(problems.map(({ server }) => server))
  return [
    ...profiles.map((profile) => serverItem(profile, facts)),
    ...[...wrong].map((id) =>
      wrongItem(
        id,
        problems.filter(({ server }) => server === id),
      ),
    ),
  ]
}

function serverItem(profile: ServerProfile, facts: ServerFacts): ViewItem {
  const { id } = profile
  const own = facts.tunnels.filter(({ server }) => server.profile.id === id)
  const open = own.filter(({ state }) => state.kind === 'open').length
  const problem =
    own.map(({ state }) => problemOf(state)).find((failure) => failure !== undefined) ?? facts.lastRefusal(id)
  // What matters most comes first: a narrow side bar cuts off the end.
  const notes = [
    ...(problem === undefined ? [] : [`last problem: ${problem.hop}`]),
    ...(open > 0 ? ['connected'] : []),
    ...(facts.defaultServer === id ? ['default'] : []),
    titleOf(profile),
  ]
  const color = problem === undefined ? (open > 0 ? colors.good : undefined) : colors.warning
  return {
    ...{ id: `server:${id}`, label: id, description: notes.join(' · ') },
    icon: problem === undefined ? 'server' : 'warning',
    ...(color === undefined ? {} : { color }),
    tooltip: [
      `**${escapeMarkdown(id)}**`,
      escapeMarkdown(notes.join(' · ')),
      escapeMarkdown(whoCanRead(profile)),
    ].join('\n\n'),
    spoken: [`Server ${id}`, ...notes].join(', '),
    contextValue: 'server',
    children: parts(profile, { open, problem }),
  }
}

function parts(
  profile: ServerProfile,
  { open, problem }: { readonly open: number; readonly problem: Failure | undefined },
): readonly ViewItem[] {
  const part = (label: string, icon: string, value: string): ViewItem => ({
    ...{ id: `server:${profile.id}:${label}`, label, description: value, icon },
    tooltip: escapeMarkdown(`${label}: ${value}`),
  })
  return [
    ...(problem === undefined ? [] : [problemItem(profile, problem)]),
    part('Public URL', 'globe', publicUrlOf(profile)),
    part('Who can read', 'eye', whoCanRead(profile)),
    part('Now', 'plug', open === 0 ? 'not in use' : formatCount(open, 'open tunnel')),
  ]
}

function publicUrlOf(profile: ServerProfile): string {
  switch (profile.kind) {
    case 'own':
      return profile.publicUrl
    case 'gateway':
      return 'as the gateway says'
    case 'service':
      return profile.domain ?? 'as the service says'
  }
}

function problemItem({ id }: ServerProfile, { message, said, advice }: Failure): ViewItem {
  const whole = [message, said, advice].filter((part) => part !== undefined && part !== '')
  return {
    ...{ id: `server:${id}:problem`, label: message, icon: 'warning', color: colors.warning },
    tooltip: whole.map((part) => escapeMarkdown(part ?? '')).join('\n\n'),
  }
}

/** A server whose settings cannot be used; a click opens them. */
function wrongItem(id: string, problems: readonly SettingsProblem[]): ViewItem {
  const label = id === '' ? 'exposePort.servers' : id
  const texts = problems.map(({ field, message }) =>
    field === undefined ? message : `"${field}": ${message}`,
  )
  return {
    ...{ id: `wrong:${id}`, label, description: texts.join(' · ') },
    ...{ icon: 'error', color: colors.error },
    tooltip: problems.map((problem) => escapeMarkdown(formatProblem(problem))).join('\n\n'),
    spoken: `Server ${label} cannot be used: ${texts.join(', ')}`,
    contextValue: 'server',
    command: commandIds.editServers,
  }
}
