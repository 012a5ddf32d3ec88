import type { Disposable } from '../base/disposable'
import type { Event } from '../base/event'
import type { Failure } from '../base/failure'

/** A private key and its certificate with the chain, both in PEM. */
export interface CertificatePair {
  readonly keyPem: string
  readonly certPem: string
}

/** A certificate for one host name, which may be replaced while it is in use. */
export interface Certificate extends Disposable {
  /** Undefined until there is one that can be shown. */
  readonly current: CertificatePair | undefined
  /** Fires when it has been replaced: files that changed, a renewal. */
  readonly onDidChange: Event<CertificatePair>
  /** Fires when it could not be replaced in time: the present one stays for as long as it is valid. */
  readonly onDidFail?: Event<Failure>
  /**
   * Resolves when there is one that can be shown.
   * @throws Failure, or Cancelled when the signal is aborted.
   */
  ready(signal: AbortSignal): Promise<void>
  /** What to show to an authority that checks this name (RFC 8737, TLS-ALPN-01); undefined when none is asked for. */
  challenge(serverName: string): CertificatePair | undefined
}
