import type { ProbeAnswer } from './probe'

/** What was seen, before anything is told to the provider. */
export interface PreflightEvidence {
  readonly callbackUrl: string
  readonly appPort: number
  readonly app: SeenSide
  readonly outside: SeenSide
  /** Where the name of the callback leads; empty where that is unknown. */
  readonly addresses: readonly string[]
  /** The provider is in the internet, and reaches public addresses only. */
  readonly isProviderPublic: boolean
  /** The certificate is trusted on this machine, though not by the public. */
  readonly isTrustedHere: boolean
}

/** The same requests, asked of the app or of the public URL; those not asked are left out. */
export interface SeenSide {
  /** Where the provider verifies the callback. */
  readonly verification?: { readonly challenge: string; readonly answer: ProbeAnswer }
  readonly wrongToken?: { readonly challenge: string; readonly answer: ProbeAnswer }
  readonly event: ProbeAnswer
  readonly wrongSignature?: ProbeAnswer
}

/** What is told of one check. */
export interface Finding {
  readonly where: 'app' | 'public URL'
  readonly check: CheckName
  readonly verdict: Verdict
  /** One sentence. */
  readonly text: string
  /** What the provider would say of it. */
  readonly wouldSay?: string
  readonly advice?: string
  readonly snippet?: string
}

export type CheckName =
  | 'address'
  | 'reached'
  | 'certificate'
  | 'verification'
  | 'wrong token'
  | 'event'
  | 'wrong signature'
  | 'time'

/** `not reached`: something before it failed. */
export type Verdict = 'pass' | 'warning' | 'fail' | 'not reached'
