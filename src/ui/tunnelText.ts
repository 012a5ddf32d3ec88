import { Failure } from '../base/failure'
import type { TunnelNumbers } from '../tunnels/numbers'
import type { Tunnel } from '../tunnels/tunnel'
import type { TunnelState } from '../tunnels/tunnelState'
import { formatBytes, formatCount, formatMs } from './amounts'
import { commandIds, innerCommandIds } from './commandIds'

/** What is shown of a tunnel; plain values, so that a table can test it. */
export type ShownTunnel = Pick<Tunnel, 'id' | 'title' | 'state' | 'app' | 'gate' | 'held' | 'numbers'> & {
  readonly server: Pick<Tunnel['server'], 'profile'>
}

/** What waits until the app answers; nothing where nothing waits. */
export function heldText(count: number): readonly string[] {
  if (count === 0) return []
  return [`${count} request${count === 1 ? ' is' : 's are'} held until the app answers.`]
}

/** Longer URLs are shortened in the middle, where the least telling part is. */
export function shorten(url: string, longest = 60): string {
  if (url.length <= longest) return url
  const head = Math.ceil((longest - 1) / 2)
  return `${url.slice(0, head)}…${url.slice(url.length - (longest - 1 - head))}`
}

/** Without `https://`, where room is scarce. */
export function withoutScheme(url: string): string {
  return url.replace(/^https:\/\//, '')
}

/** What went wrong with a tunnel that is still in the list. */
export function problemOf(state: TunnelState): Failure | undefined {
  switch (state.kind) {
    case 'waiting':
    case 'failed':
      return state.failure
    case 'open':
      return state.check instanceof Failure ? state.check : undefined
    case 'connecting':
    case 'closed':
      return undefined
  }
}

/** What a tunnel's state means to a person. */
export interface TunnelDescription {
  readonly icon: string
  /** The URL, and what counts down. */
  readonly text: string
  /** The state in a word or two, to follow the URL; empty when all is well. */
  readonly note: string
  readonly severity: 'normal' | 'warning' | 'error'
  readonly command: string
  readonly label: string
  /** A sentence for the tooltip. */
  readonly detail: string
  readonly canRetry: boolean
}

/** `2 visitors · ↓1.2 MB ↑300 kB`: from visitors down to here, and up to them. Empty before the first visitor. */
export function trafficText({ visitorsNow, bytesIn, bytesOut }: TunnelNumbers): string {
  const visitors = visitorsNow === 0 ? [] : [formatCount(visitorsNow, 'visitor')]
  const bytes = bytesIn + bytesOut === 0 ? [] : [`↓${formatBytes(bytesIn)} ↑${formatBytes(bytesOut)}`]
  return [...visitors, ...bytes].join(' · ')
}

/** `120 requests, 3 errors`. */
export function requestsText({ requests, errors }: TunnelNumbers): string {
  const failed = errors === 0 ? [] : [formatCount(errors, 'error')]
  return [formatCount(requests, 'request'), ...failed].join(', ')
}

/** `p50 12 ms, p95 80 ms, p99 1.2 s`. */
export function latencyText({ p50, p95, p99 }: NonNullable<TunnelNumbers['latencyMs']>): string {
  return `p50 ${formatMs(p50)}, p95 ${formatMs(p95)}, p99 ${formatMs(p99)}`
}

/** All of the numbers in one line. */
export function numbersText(numbers: TunnelNumbers): string {
  const { requests, latencyMs } = numbers
  const parts = [
    trafficText(numbers),
    requests === 0 ? '' : requestsText(numbers),
    latencyMs === undefined ? '' : latencyText(latencyMs),
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'No visitors yet.' : parts.join(' · ')
}

/** `now` is in milliseconds since the epoch. */
export function describeTunnel({ title, state, app }: ShownTunnel, now: number): TunnelDescription {
  const url = shorten(title)
  switch (state.kind) {
    case 'connecting':
      return {
        icon: 'sync~spin',
        text: url,
        note: 'connecting',
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
      const note = `retry in ${seconds} s`
      return {
        icon: 'warning',
        text: `${url} · ${note}`,
        note,
        severity: 'warning',
        command: commandIds.retry,
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
        note: 'failed',
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
        note: 'closed',
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
): TunnelDescription {
  const text = shorten(publicUrl)
  const command = commandIds.copyPublicUrl
  if (!state.appAnswers) {
    return {
      icon: 'warning',
      text,
      note: `port ${port} does not answer`,
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
      note: 'needs attention',
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
    note: '',
    severity: 'normal',
    command,
    label: `Public URL ${publicUrl}. Copy`,
    detail: [`Leads to port ${port}.`, ...state.remarks].join(' '),
    canRetry: false,
  }
}
