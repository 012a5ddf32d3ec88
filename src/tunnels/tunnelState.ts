import type { Failure, Hop } from '../base/failure'

/** The one state of a tunnel. */
export type TunnelState =
  | { readonly kind: 'connecting'; readonly hop: Hop }
  | {
      readonly kind: 'open'
      /** False while the local app cannot be reached; visitors of HTTP then get a 502. */
      readonly appAnswers: boolean
      /** Whether the public URL has been seen to lead here. */
      readonly check: 'running' | 'passed' | Failure
      /** What a person should know of this way of being public. */
      readonly remarks: readonly string[]
    }
  /** Lost, and tried again at `retryAt` (milliseconds since the epoch). */
  | { readonly kind: 'waiting'; readonly failure: Failure; readonly retryAt: number }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'closed' }
