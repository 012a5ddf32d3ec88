import { formatHostPort } from '../../base/address'
import { titleOf, whoCanRead } from '../../servers/visibility'
import { formatBytes, formatCount, formatNumber } from '../amounts'
import { describeAccess } from '../accessText'
import { commandIds, innerCommandIds } from '../commandIds'
import { formatLocalTarget } from '../localTarget'
import { escapeMarkdown } from '../plainText'
import {
  describeTunnel,
  heldText,
  latencyText,
  numbersText,
  problemOf,
  trafficText,
  withoutScheme,
  type ShownTunnel,
  type TunnelDescription,
} from '../tunnelText'
import { colors, type ViewItem } from './viewItem'

/** The rows of the view Tunnels, the latest first. `now` is in milliseconds since the epoch. */
export function tunnelItems(tunnels: readonly ShownTunnel[], now: number): readonly ViewItem[] {
  return tunnels.map((tunnel) => tunnelItem(tunnel, describeTunnel(tunnel, now), now)).reverse()
}

function tunnelItem(tunnel: ShownTunnel, description: TunnelDescription, now: number): ViewItem {
  const { id, title, app, numbers, server } = tunnel
  const { icon, note, detail, canRetry } = description
  const color = colorOf(description)
  const access = describeAccess(tunnel.gate.access, now)
  const whole = [
    `**${escapeMarkdown(title)}**`,
    escapeMarkdown([detail, ...heldText(tunnel.held)].join(' ')),
    ...(access === '' ? [] : [escapeMarkdown(`Who may come in: ${access}.`)]),
    escapeMarkdown(numbersText(numbers)),
    escapeMarkdown(whoCanRead(server.profile)),
  ]
  const follows = [note, trafficText(numbers)].filter((part) => part !== '')
  return {
    id: `tunnel:${id}`,
    tunnelId: id,
    label: withoutScheme(title),
    description: follows.join(' · '),
    icon,
    ...(color === undefined ? {} : { color }),
    tooltip: whole.join('\n\n'),
    // Without what counts up or down, so that a screen reader is not made to read each second.
    spoken: `${title}, ${stateInWords(description)}, port ${formatLocalTarget(app)}`,
    contextValue: canRetry ? 'tunnelToRetry' : 'tunnel',
    children: parts(tunnel, description, access),
  }
}

function colorOf({ severity, icon }: TunnelDescription): string | undefined {
  if (severity !== 'normal') return colors[severity]
  return icon === 'globe' ? colors.good : undefined
}

function stateInWords({ note, severity }: TunnelDescription): string {
  if (note === '') return 'open'
  return severity === 'warning' && note.startsWith('retry') ? 'waiting to reconnect' : note
}

function parts(tunnel: ShownTunnel, description: TunnelDescription, access: string): readonly ViewItem[] {
  const { id, app, numbers, server, state } = tunnel
  const part = (name: string, icon: string, value: string): ViewItem => ({
    ...{ id: `tunnel:${id}:${name}`, label: name, description: value, icon },
    tooltip: escapeMarkdown(`${name}: ${value}`),
  })
  const { requests, latencyMs, bytesIn, bytesOut } = numbers
  const isHttp = app.protocol !== 'tcp' || requests > 0
  return [
    ...problem(tunnel, description),
    part('Visitors now', 'person', formatNumber(numbers.visitorsNow)),
    ...(isHttp ? [part('Requests', 'arrow-swap', requestsValue(numbers))] : []),
    ...(latencyMs === undefined ? [] : [part('Latency', 'watch', latencyText(latencyMs))]),
    part('Bytes', 'graph', `${formatBytes(bytesIn)} in, ${formatBytes(bytesOut)} out`),
    part('Leads to', 'plug', formatHostPort(app.host, app.port)),
    part('Through', 'server', titleOf(server.profile)),
    {
      ...part('Who may come in', 'key', access === '' ? 'Everybody' : access),
      ...{ tunnelId: id, command: commandIds.setAccess },
    },
    part('Who can read', 'eye', whoCanRead(server.profile)),
    ...(state.kind === 'open' && state.remarks.length > 0
      ? [part('Note', 'info', state.remarks.join(' '))]
      : []),
  ]
}

function requestsValue({ requests, errors }: ShownTunnel['numbers']): string {
  const failed = errors === 0 ? [] : [formatCount(errors, 'error')]
  return [formatNumber(requests), ...failed].join(' · ')
}

/** What went wrong, in full; a click says what to do. */
function problem({ id, state }: ShownTunnel, { severity, detail }: TunnelDescription): readonly ViewItem[] {
  if (severity === 'normal') return []
  const failure = problemOf(state)
  return [
    {
      id: `tunnel:${id}:problem`,
      tunnelId: id,
      label: failure?.message ?? detail,
      icon: severity,
      color: colors[severity],
      tooltip: escapeMarkdown([failure?.said, detail].filter((each) => each !== undefined).join('\n\n')),
      ...(failure === undefined ? {} : { command: innerCommandIds.showProblem }),
    },
  ]
}
