import { Failure } from '../base/failure'
import { whoCanRead } from '../servers/visibility'
import type { Tunnel } from '../tunnels/tunnel'
import type { TunnelState } from '../tunnels/tunnelState'
import { describeAccess } from './accessText'
import { commandIds, innerCommandIds } from './commandIds'

/** What the status bar shows; plain values, so that a table can test it. */
export interface StatusBarView {
  readonly text: string
  readonly severity: 'normal' | 'warning' | 'error'
  readonly command: string
  /** For screen readers, without icons. */
  readonly label: string
  readonly tooltip: string
}

export type ShownTunnel = Pick<Tunnel, 'id' | 'title' | 'state' | 'app' | 'gate'> & {
  readonly server: Pick<Tunnel['server'], 'profile'>
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
  const shown = describe(latest, facts.now)
  const worst = tunnels
    .map((tunnel) => describe(tunnel, facts.now))
    .find((other) => other.severity === 'error')
  const label = others > 0 ? `${shown.label}, and ${others} more` : shown.label
  return {
    text: facts.copied ? `$(check) Copied${more}` : `$(${shown.icon}) ${shown.text}${more}`,
    severity: worst?.severity ?? shown.severity,
    command: shown.command,
    label: facts.copied ? 'Copied' : label,
    tooltip: tunnels
      .map((tunnel) => tooltip(tunnel, describe(tunnel, facts.now), facts.now))
      .reverse()
      .join('\n\n---\n\n'),
  }
}

/** Longer URLs are shortened in the middle, where the least telling part is. */
export function shorten(url: string, longest = 60): string {
  if (url.length <= longest) return url
  const head = Math.ceil((longest - 1) / 2)
  return `${url.slice(0, head)}…${url.slice(url.length - (longest - 1 - head))}`
}

interface Description {
  readonly icon: string
  readonly text: string
  readonly severity: StatusBarView['severity']
  readonly command: string
  readonly label: string
  /** A sentence for the tooltip. */
  readonly detail: string
  readonly canRetry: boolean
}

function describe({ title, state, app }: ShownTunnel, now: number): Description {
  const url = shorten(title)
  switch (state.kind) {
    case 'connecting':
      return {
        icon: 'sync~spin',
        text: url,
        severity: 'normal',
        command: commandIds.showLog,
        label: `Connecting ${title}`,
        detail: `Connecting: ${state.hop}`,
        canRetry: false,
      }
    case 'open':
      return describeOpen(title, state, app.port)
    case 'waiting': {
      const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000))
      return {
        icon: 'warning',
        text: `${url} · retry in ${seconds} s`,
        severity: 'warning',
        command: innerCommandIds.retry,
        // Without the countdown, so that a screen reader is not made to read each second.
        label: `Waiting to reconnect ${title}. Retry now`,
        detail: `${state.failure.message} Trying again in ${seconds} s.`,
        canRetry: true,
      }
    }
    case 'failed':
      return {
        icon: 'error',
        text: url,
        severity: 'error',
        command: innerCommandIds.showProblem,
        label: `Failed: ${title}. Show what to do`,
        detail: `${state.failure.message} ${state.failure.advice}`,
        canRetry: true,
      }
    case 'closed':
      return {
        icon: 'circle-slash',
        text: url,
        severity: 'normal',
        command: commandIds.showLog,
        label: `Closed ${title}`,
        detail: 'Closed',
        canRetry: false,
      }
  }
}

function describeOpen(
  publicUrl: string,
  state: Extract<TunnelState, { kind: 'open' }>,
  port: number,
): Description {
  const text = shorten(publicUrl)
  const command = commandIds.copyPublicUrl
  if (!state.appAnswers) {
    return {
      icon: 'warning',
      text,
      severity: 'warning',
      command,
      label: `${publicUrl}: port ${port} does not answer. Copy the URL`,
      detail: `Port ${port} does not answer; visitors get an error until it does.`,
      canRetry: false,
    }
  }
  if (state.check instanceof Failure) {
    return {
      icon: 'warning',
      text,
      severity: 'warning',
      command: innerCommandIds.showProblem,
      label: `${publicUrl}: ${state.check.message} Show what to do`,
      detail: `${state.check.message} ${state.check.advice}`,
      canRetry: true,
    }
  }
  return {
    icon: 'globe',
    text,
    severity: 'normal',
    command,
    label: `Public URL ${publicUrl}. Copy`,
    detail: [`Leads to port ${port}.`, ...state.remarks].join(' '),
    canRetry: false,
  }
}

/** Markdown whose links pass the tunnel's id to their commands. */
function tooltip(tunnel: ShownTunnel, { detail, canRetry }: Description, now: number): string {
  const link = (title: string, command: string) =>
    `[${title}](command:${command}?${encodeURIComponent(JSON.stringify([tunnel.id]))})`
  const links = [
    link('Copy', commandIds.copyPublicUrl),
    link('Open', commandIds.openPublicUrl),
    ...(canRetry ? [link('Retry Now', innerCommandIds.retry)] : []),
    link('Access', commandIds.setAccess),
    link('Stop', commandIds.stop),
    link('Log', commandIds.showLog),
  ]
  const access = describeAccess(tunnel.gate.access, now)
  const paragraphs = [
    `**${escapeMarkdown(tunnel.title)}**`,
    escapeMarkdown(detail),
    ...(access === '' ? [] : [escapeMarkdown(`Who may come in: ${access}.`)]),
    escapeMarkdown(whoCanRead(tunnel.server.profile)),
    links.join(' · '),
  ]
  return paragraphs.join('\n\n')
}

/** What a server said stands in the tooltip too; it must not become a link there. */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!<>|~]/g, '\\$&')
}
