import { Emitter } from '../../src/base/event'
import type { Certificate, CertificatePair } from '../../src/tls/certificate'

/** A certificate that changes when a test says so. */
export class StaticCertificate implements Certificate {
  private readonly didChange = new Emitter<CertificatePair>()
  readonly onDidChange = this.didChange.event
  /** By server name. */
  readonly challenges = new Map<string, CertificatePair>()

  constructor(public current: CertificatePair | undefined) {}

  replace(pair: CertificatePair): void {
    this.current = pair
    this.didChange.fire(pair)
  }

  get hasListeners(): boolean {
    return this.didChange.hasListeners
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  challenge(serverName: string): CertificatePair | undefined {
    return this.challenges.get(serverName)
  }

  dispose(): void {
    this.didChange.dispose()
  }
}
