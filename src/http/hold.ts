import { valuesOf, type HttpRequest } from './exchange'

/** What the user wishes to be held while the app is down. */
export interface HoldOptions {
  /** Exact ones, and those that end in `/*` for all below; every path where there is none. */
  readonly paths: readonly string[]
  /** How many at once. */
  readonly atMost: number
  /** How long each, in milliseconds. */
  readonly forMs: number
  /** How long a visitor waits for the app's own answer before being told that the request is held, in milliseconds. */
  readonly answerAfterMs: number
}

/** As far as nothing else is said. Restarts take a second or two; senders of webhooks wait five seconds or more. */
export const usualHold: HoldOptions = {
  paths: [],
  atMost: 100,
  forMs: 10 * 60_000,
  answerAfterMs: 3000,
}

/** In bytes. A longer one passes as if nothing were held. */
export const longestHeldBody = 1024 * 1024

/** In bytes, of all bodies that one tunnel has in memory for this. */
export const mostHeldBytes = 32 * 1024 * 1024

/** Whether a request is one that may be held, so far as its head tells: it changes something, and its body is short. */
export function mayBeHeld(
  { method, target, fields, upgrade }: Pick<HttpRequest, 'method' | 'target' | 'fields' | 'upgrade'>,
  { paths }: Pick<HoldOptions, 'paths'>,
): boolean {
  // Who asks for something wants it now (RFC 9110 9.2.1).
  if (!['POST', 'PUT', 'PATCH', 'DELETE'].includes(method) || upgrade !== undefined) return false
  const [length = '0'] = valuesOf(fields, 'content-length')
  if (Number(length) > longestHeldBody) return false
  const [path = ''] = target.split('?')
  return paths.length === 0 || paths.some((pattern) => matches(path, pattern))
}

function matches(path: string, pattern: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
}
