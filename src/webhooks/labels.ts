import type { CapturedExchange, EventLabel } from '../http/capturedExchange'
import type { Answers, ProviderId } from './provider'
import { providers } from './providers'

/** Undefined when the exchange is no event of a known provider. `answersOf` gives what is known for signatures. */
export function labelExchange(
  exchange: CapturedExchange,
  answersOf: (providerId: ProviderId) => Answers | undefined,
): EventLabel | undefined {
  const { request, firstByteMs } = exchange
  if (request.method !== 'POST') return undefined
  for (const provider of Object.values(providers)) {
    const label = provider.describe({ request, answers: answersOf(provider.id) })
    if (label === undefined) continue
    const time = firstByteMs === undefined ? undefined : { ms: firstByteMs, ...provider.patience }
    return { provider: provider.title, ...label, time }
  }
  return undefined
}

/** How near Meta is to unsubscribing an app whose answers fail. */
export type FailingFor =
  | { readonly kind: 'not failing' }
  /** `sinceMs`: for how long nothing has been taken in; `leftMs`: until Meta unsubscribes the app, at least. */
  | {
      readonly kind: 'failing'
      readonly sinceMs: number
      readonly leftMs: number
    }

/**
 * Looks at the answers to one callback, in any order. Meta writes to the developer after about 15 minutes of failures
 * and unsubscribes after an hour; an older text says 8. `path` is the callback's, `now` in milliseconds.
 */
export function judgeFailing(
  exchanges: readonly Judged[],
  { path, now }: { readonly path: string; readonly now: number },
): FailingFor {
  const events = exchanges
    .filter(({ request: { method, target }, source }) => {
      const [ownPath] = target.split('?')
      return method === 'POST' && source.kind === 'visitor' && ownPath === path
    })
    .filter(({ state }) => state !== 'open')
    .sort((one, other) => other.at - one.at)
  const taken = events.findIndex(
    ({ response, state }) => state === 'complete' && response !== undefined && response.status < 300,
  )
  const failed = taken < 0 ? events : events.slice(0, taken)
  const first = failed.at(-1)
  if (first === undefined) return { kind: 'not failing' }
  const sinceMs = now - first.at
  return {
    kind: 'failing',
    sinceMs,
    leftMs: Math.max(0, unsubscribedMs - sinceMs),
  }
}

type Judged = Pick<CapturedExchange, 'at' | 'source' | 'state'> & {
  readonly request: Pick<CapturedExchange['request'], 'method' | 'target'>
  readonly response: { readonly status: number } | undefined
}

const unsubscribedMs = 60 * 60_000
