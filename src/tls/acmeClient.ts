// The order counts: see lendReflectMetadata. Imported dynamically, because only who orders a certificate needs it.
import { takeBack } from './lendReflectMetadata'
import * as acme from 'acme-client'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Agent } from 'node:https'
import { Cancelled } from '../base/failure'
import { problemOf, retryAfterMs, Unreachable, type AcmeProblem } from './acmeProblem'

takeBack()

/** What the requests of one order have in common. */
export interface Sender {
  readonly signal: AbortSignal
  /** Holds whom to trust. */
  readonly httpsAgent: Agent
}

/**
 * Runs calls of `acme.Client` so that their requests go by this sender, and end in AcmeProblem, Unreachable or
 * Cancelled. The library has one HTTP client for all orders; each finds its own sender by where it was called from.
 */
export function sendBy<T>(sender: Sender, calls: () => Promise<T>): Promise<T> {
  return senders.run(sender, calls)
}

export { acme }

const senders = new AsyncLocalStorage<Sender>()

const { request, response } = acme.axios.interceptors
// The library's own wait for as long as Retry-After says, hours if need be, and lose what went wrong.
request.clear()
response.clear()

request.use((config) => ({
  ...config,
  ...senders.getStore(),
  // VS Code sees to proxies below this, by its own settings and the environment's variables.
  proxy: false,
  maxRedirects: 3,
  maxContentLength: 1024 * 1024,
}))

response.use(
  (answer) => {
    const isStrange = answer.config.method === 'get' && !isDirectory(answer.data)
    const problem = answer.status < 400 && !isStrange ? undefined : problemOf(answer.data, factsOf(answer))
    // The client tries those again, with the nonce that came along.
    if (problem === undefined || problem.type === 'badNonce') return answer
    throw problem
  },
  (error: unknown) => {
    // What axios throws holds the signed request: none of it goes further.
    const { code, message } = error as NodeJS.ErrnoException
    throw code === 'ERR_CANCELED' ? new Cancelled() : new Unreachable(code, message)
  },
)

/** Nothing else is asked for by GET. */
function isDirectory(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'newOrder' in data
}

function factsOf(answer: { status: number; headers: Record<string, unknown> }): AcmeProblem['facts'] {
  return {
    status: answer.status,
    retryAfterMs: retryAfterMs(answer.headers['retry-after'], Date.now()),
  }
}

acme.axios.defaults.headers.common['User-Agent'] = 'expose-port'
