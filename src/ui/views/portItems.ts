import type { RankedPort } from '../../ports/ranking'
import { escapeMarkdown } from '../plainText'
import { processDetail, processText } from '../portText'
import { withoutScheme, type ShownTunnel } from '../tunnelText'
import { colors, type ViewItem } from './viewItem'

/** The rows of the view Ports: what listens here, best guess first, in groups. */
export function portItems(
  ranked: readonly RankedPort[],
  tunnels: readonly Pick<ShownTunnel, 'id' | 'app' | 'title'>[],
): readonly ViewItem[] {
  return groups.flatMap(({ group, label, isUnfolded }) => {
    const children = ranked
      .filter((port) => port.group === group)
      .map((port) =>
        portItem(
          port,
          tunnels.findLast(({ app }) => leadsTo(app, port)),
        ),
      )
    if (children.length === 0) return []
    return [{ id: `group:${group}`, label, children, isUnfolded }]
  })
}

/** In place of them, when the system does not tell. */
export function portsUnreadable(message: string): readonly ViewItem[] {
  return [{ id: 'unreadable', label: message, icon: 'warning', color: colors.warning }]
}

// What the system and VS Code itself listen on is seldom looked for.
const groups: readonly { group: RankedPort['group']; label: string; isUnfolded: boolean }[] = [
  { group: 'workspace', label: 'This workspace', isUnfolded: true },
  { group: 'other', label: 'Other', isUnfolded: true },
  { group: 'system', label: 'System', isUnfolded: false },
]

function portItem(
  { listening }: RankedPort,
  tunnel: Pick<ShownTunnel, 'id' | 'title'> | undefined,
): ViewItem {
  const { port } = listening
  const program = processText(listening)
  const common = { id: `port:${port}`, label: String(port), port }
  const tooltip = (lines: readonly string[]) =>
    [`**${port}** ${escapeMarkdown(program)}`.trim(), ...lines.map(escapeMarkdown)].join('\n\n')
  const detail = processDetail(listening)
  const spoken = (more: readonly string[]) =>
    [`Port ${port}`, ...(program === '' ? [] : [program]), ...more].join(', ')
  if (tunnel === undefined) {
    return {
      ...common,
      description: program,
      icon: 'plug',
      tooltip: tooltip([detail]),
      spoken: spoken([]),
      contextValue: 'port',
    }
  }
  return {
    ...common,
    // The URL first: the end is what a narrow side bar cuts off.
    description: [`→ ${withoutScheme(tunnel.title)}`, ...(program === '' ? [] : [program])].join(' · '),
    icon: 'globe',
    color: colors.good,
    tooltip: tooltip([`Public at ${tunnel.title}`, detail]),
    spoken: spoken([`public at ${tunnel.title}`]),
    contextValue: 'exposedPort',
    tunnelId: tunnel.id,
  }
}

function leadsTo(app: ShownTunnel['app'], { listening }: RankedPort): boolean {
  return app.host === 'localhost' && app.port === listening.port
}
