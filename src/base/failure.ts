/**
 * The places a request passes between the visitor and the local app, and the steps that build the way,
 * in the order they are reached. A failure names the one it happened at.
 */
export type Hop =
  | 'settings'
  | 'file'
  | 'local app'
  | 'DNS'
  | 'TCP'
  | 'SSH handshake'
  | 'host key'
  | 'authentication'
  | 'remote forward'
  | 'connection'
  | 'certificate'
  | 'public URL'
  | 'webhook provider'

/** What a person can do about a failure with one click; ui maps each to a command. */
export type Remedy =
  | { readonly do: 'open settings' }
  /** Those of ports, which stand in the workspace's settings as a rule. */
  | { readonly do: 'open port settings' }
  | { readonly do: 'show log' }
  | { readonly do: 'retry' }
  /** Only where it is known whose: a port's, that is about to be exposed or is. */
  | { readonly do: 'change name' }
  | { readonly do: 'open file'; readonly path: string; readonly line?: number }

export interface FailureDetails {
  /** A stable name for the kind of failure, such as `host-key-changed`. */
  readonly kind: string
  readonly hop: Hop
  /** One sentence: what was tried and what happened. */
  readonly message: string
  /** What the other side said, verbatim. */
  readonly said?: string
  /** What to do next, in words. */
  readonly advice: string
  readonly remedies?: readonly Remedy[]
  /** False when trying again cannot help until somebody changes something. */
  readonly canHeal: boolean
  readonly cause?: unknown
}

/** An error that names its hop and carries its remedy. */
export class Failure extends Error {
  readonly kind: string
  readonly hop: Hop
  readonly said: string | undefined
  readonly advice: string
  readonly remedies: readonly Remedy[]
  readonly canHeal: boolean

  constructor(details: FailureDetails) {
    super(details.message, { cause: details.cause })
    this.name = 'Failure'
    this.kind = details.kind
    this.hop = details.hop
    this.said = details.said
    this.advice = details.advice
    this.remedies = details.remedies ?? []
    this.canHeal = details.canHeal
  }
}

/** The user changed their mind. Not a failure: whoever catches it says nothing. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled')
    this.name = 'Cancelled'
  }
}

/** True for a cancellation, ours or an AbortSignal's own. */
export function isCancelled(error: unknown): boolean {
  return error instanceof Cancelled || (error instanceof Error && error.name === 'AbortError')
}
