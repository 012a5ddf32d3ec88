import { whoCanRead } from '../servers/visibility'
import { describeAccess } from './accessText'
import { commandIds } from './commandIds'
import { escapeMarkdown } from './plainText'
import { describeTunnel, heldText, numbersText, type ShownTunnel, type TunnelDescription } from './tunnelText'

/** What the status bar shows; plain values, so that a table can test it. */
export interface StatusBarView {
  readonly text: string
  readonly severity: TunnelDescription['severity']
  readonly command: string
  /** For screen readers, without icons. */
  readonly label: string
  readonly tooltip: string
}

/**
 * Derives the status bar from the tunnels, in the order they were opened; undefined when there is nothing to
 * show. `now` is in milliseconds since the epoch.
 */
export function statusBarView(
  tunnels: readonly ShownTunnel[],
  facts: { readonly now: number; readonly copied: boolean },
): StatusBarView | undefined {
  const latest = tunnels.at(-1)
  if (latest === undefined) return undefined
  const others = tunnels.length - 1
  const more = others > 0 ? ` +${others}` : ''
  const shown = describeTunnel(latest, facts.now)
  const worst = tunnels
    .map((tunnel) => describeTunnel(tunnel, facts.now))
    .find((other) => other.severity === 'error')
  const label = others > 0 ? `${shown.label}, and ${others} more` : shown.label
  return {
    text: facts.copied ? `$(check) Copied${more}` : `$(${shown.icon}) ${shown.text}${more}`,
    severity: worst?.severity ?? shown.severity,
    command: shown.command,
    label: facts.copied ? 'Copied' : label,
    tooltip: tunnels
      .map((tunnel) => tooltip(tunnel, describeTunnel(tunnel, facts.now), facts.now))
      .reverse()
      .join('\n\n---\n\n'),
  }
}

/** Markdown whose links pass the tunnel's id to their commands. */
function tooltip(tunnel: ShownTunnel, { detail, canRetry }: TunnelDescription, now: number): string {
  const link = (title: string, command: string) =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([tunnel.id]))})`
  const links = [
    link('Copy', commandIds.copyPublicUrl),
    link('Open', commandIds.openPublicUrl),
    link('Requests', commandIds.showRequests),
    ...(canRetry ? [link('Retry Now', commandIds.retry)] : []),
    link('Access', commandIds.setAccess),
    link('Stop', commandIds.stop),
    link('Log', commandIds.showLog),
  ]
  const access = describeAccess(tunnel.gate.access, now)
  const paragraphs = [
    `**${escapeMarkdown(tunnel.title)}**`,
    escapeMarkdown([detail, ...heldText(tunnel.held)].join(' ')),
    ...(access === '' ? [] : [escapeMarkdown(`Who may come in: ${access}.`)]),
    escapeMarkdown(numbersText(tunnel.numbers)),
    escapeMarkdown(whoCanRead(tunnel.server.profile)),
    links.join(' · '),
  ]
  return paragraphs.join('\n\n')
}
