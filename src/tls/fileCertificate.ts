import { readFile } from 'node:fs/promises'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled } from '../base/failure'
import type { Log } from '../base/log'
import type { Certificate, CertificatePair } from './certificate'
import { certificateFileFailures } from './certificateFileFailures'
import { examinePair } from './examinePair'

export interface FileCertificateOptions {
  /** Full paths of PEM files; symbolic links are followed each time. */
  readonly keyPath: string
  /** The certificate, then the chain that issued it. */
  readonly certPath: string
  readonly hostName: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * A certificate that somebody else keeps in two files. They are read again every ten seconds, which sees a
 * replaced file, a link that leads elsewhere and a network drive alike. What cannot be used is logged, and the one
 * in use stays.
 */
export function fileCertificate(options: FileCertificateOptions): Certificate {
  return new FileCertificate(options)
}

const lookEveryMs = 10_000
/** What has changed must still be so after this, for a writer may not be done yet. */
const settleMs = 1000

class FileCertificate implements Certificate {
  current: CertificatePair | undefined
  private readonly changed = new Emitter<CertificatePair>()
  readonly onDidChange = this.changed.event
  private readonly failed = new Emitter<Failure>()
  readonly onDidFail = this.failed.event
  private timer: Disposable | undefined
  private disposed = false
  /** What the files held at the last look, good or not; undefined when they could not be read. */
  private seen: CertificatePair | undefined
  private lastComplaint = ''

  constructor(private readonly options: FileCertificateOptions) {}

  /** @throws Failure that names the file at fault, or Cancelled. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.current !== undefined) return
    const pair = await this.read(signal)
    this.accept(pair)
    this.seen = pair
    this.timer?.dispose()
    this.lookAgainIn(lookEveryMs)
  }

  /** No authority ever asks: whoever wrote the files proved the name. */
  challenge(): undefined {
    return undefined
  }

  dispose(): void {
    this.disposed = true
    this.timer?.dispose()
    this.changed.dispose()
    this.failed.dispose()
  }

  private lookAgainIn(ms: number): void {
    if (!this.disposed) this.timer = this.options.clock.after(ms, () => void this.look())
  }

  private async look(): Promise<void> {
    let isSettled = true
    try {
      const pair = await this.read()
      isSettled = isSame(pair, this.seen)
      this.seen = pair
      if (isSettled && !isSame(pair, this.current)) this.accept(pair)
    } catch (error) {
      if (isCancelled(error)) return
      this.complain(error as Error)
    }
    this.lookAgainIn(isSettled ? lookEveryMs : settleMs)
  }

  private async read(signal?: AbortSignal): Promise<CertificatePair> {
    const { keyPath, certPath } = this.options
    const [keyPem, certPem] = await Promise.all([readText(keyPath), readText(certPath)])
    if (this.disposed || signal?.aborted === true) throw new Cancelled()
    return { keyPem, certPem }
  }

  /** @throws Failure when the pair is of no use; then the one before stays. */
  private accept(pair: CertificatePair): void {
    const { hostName, certPath, clock, log } = this.options
    const examined = examinePair(pair, hostName, clock.now())
    if (examined.kind !== 'good') throw certificateFileFailures.unusable(examined, this.options)
    this.lastComplaint = ''
    this.current = pair
    const until = new Date(examined.life.notAfter).toISOString()
    log.info(`the certificate for ${hostName} is read from ${certPath}, valid until ${until}`)
    if (examined.chain === 'broken') {
      log.warn(`${certPath}: the chain is not in order, or is of another certificate; visitors may refuse it`)
    }
    this.changed.fire(pair)
  }

  /** Once, not at each look. */
  private complain(error: Error): void {
    if (error.message === this.lastComplaint) return
    this.lastComplaint = error.message
    this.options.log.warn(`${error.message} The certificate that was read before stays in use.`)
    if (error instanceof Failure) this.failed.fire(error)
  }
}

function isSame(one: CertificatePair, other: CertificatePair | undefined): boolean {
  return one.keyPem === other?.keyPem && one.certPem === other.certPem
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw certificateFileFailures.unreadable(path, error as NodeJS.ErrnoException)
  }
}
