import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled } from '../base/failure'
import type { Log } from '../base/log'
import { acmeFailures, RateLimited } from './acmeFailures'
import { orderCertificate } from './acmeOrder'
import type { Certificate, CertificatePair } from './certificate'
import type { CertificateStore } from './certificateStore'
import { examinePair, readCertificates, type Life } from './examinePair'
import { afterAttempt, renewalDue } from './renewal'
import { SharedTask } from './sharedTask'

export interface AcmeOptions {
  readonly hostName: string
  /** Of the authority (RFC 8555 7.1.1); https. */
  readonly directoryUrl: string
  /** A PEM file with whom to trust for the directory's own certificate, besides the public authorities. */
  readonly caFile?: string
  /** An e-mail address for the authority. */
  readonly contact?: string
  readonly store: CertificateStore
  /**
   * Asked once for each directory, before anything about this machine or the name goes there; undefined when the
   * directory names no terms. False cancels.
   */
  readonly agreeToTerms: (urlOfTerms: string | undefined) => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
}

/**
 * A certificate by ACME, from the store or else ordered, and renewed while it is not disposed. The authority comes
 * to port 443 of the name (RFC 8737 3); what shall be shown to it there is `challenge`.
 */
export function acmeCertificate(options: AcmeOptions): Certificate {
  return new AcmeCertificate({ ...options, hostName: options.hostName.toLowerCase() })
}

const minute = 60_000
const hour = 60 * minute

class AcmeCertificate implements Certificate {
  current: CertificatePair | undefined
  private life: Life | undefined
  private shown: CertificatePair | undefined
  private readonly changed = new Emitter<CertificatePair>()
  readonly onDidChange = this.changed.event
  private readonly failed = new Emitter<Failure>()
  readonly onDidFail = this.failed.event
  private readonly order = new SharedTask((signal) => this.obtain(signal))
  private readonly disposed = new AbortController()
  private timer: Disposable | undefined

  constructor(private readonly options: AcmeOptions) {}

  async ready(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.disposed.signal])
    if (either.aborted) throw new Cancelled()
    if (this.life !== undefined && this.options.clock.now() < this.life.notAfter) return
    await this.order.join(either)
  }

  challenge(serverName: string): CertificatePair | undefined {
    return serverName.toLowerCase() === this.options.hostName ? this.shown : undefined
  }

  dispose(): void {
    this.disposed.abort()
    this.timer?.dispose()
    this.changed.dispose()
    this.failed.dispose()
    this.shown = undefined
  }

  /** Takes one from the store that is not due yet, which another window may just have put there, or orders one. */
  private async obtain(signal: AbortSignal): Promise<void> {
    const { store, directoryUrl, hostName, clock, log } = this.options
    const stored = await store.certificate(directoryUrl, hostName)
    if (stored !== undefined && this.take(stored)) return
    if (signal.aborted) throw new Cancelled()
    const pair = await this.orderNow(signal)
    const life = this.lifeOf(pair)
    try {
      await store.putCertificate(directoryUrl, hostName, pair)
    } catch (error) {
      log.warn(`the certificate for ${hostName} could not be stored: ${(error as Error).message}`)
    }
    this.adopt(pair, life)
    this.wakeAt(Math.max(renewalDue(life), afterAttempt(life, clock.now())))
  }

  /** @throws Failure when what was issued cannot be shown to visitors. */
  private lifeOf(issued: CertificatePair): Life {
    const { options } = this
    const examined = examinePair(issued, options.hostName, options.clock.now())
    if (examined.kind === 'expired') throw acmeFailures.clockIsAhead(options, examined.life.notAfter)
    if (examined.kind === 'good' || examined.kind === 'not yet valid') return examined.life
    throw acmeFailures.strangeCertificate(options, examined.kind)
  }

  /** False when this one is no use, or is the one that shall be renewed. */
  private take(stored: CertificatePair): boolean {
    const { hostName, clock, log } = this.options
    const now = clock.now()
    const examined = examinePair(stored, hostName, now)
    if (examined.kind !== 'good' && examined.kind !== 'not yet valid') {
      log.info(`the stored certificate for ${hostName} is of no use: ${examined.kind}`)
      return false
    }
    const isFirst = this.life === undefined
    if (!isFirst && renewalDue(examined.life) <= now) return false
    log.info(`the certificate for ${hostName} comes from the store`)
    this.adopt(stored, examined.life)
    // Where it is due already, the way to this machine may still be opening.
    this.wakeAt(Math.max(renewalDue(examined.life), now + minute))
    return true
  }

  private async orderNow(signal: AbortSignal): Promise<CertificatePair> {
    const { options } = this
    const { store, directoryUrl, hostName, clock } = options
    const tooEarly = store.rateLimit(directoryUrl, hostName)
    if (tooEarly !== undefined && clock.now() < tooEarly.retryAt) throw tooEarly
    const impossible = acmeFailures.cannotBeOrdered(options)
    if (impossible !== undefined) throw impossible
    try {
      const roots = options.caFile === undefined ? undefined : await rootsWith(options.caFile)
      const show = (pair: CertificatePair | undefined) => (this.shown = pair)
      return await orderCertificate({ ...options, contact: options.contact, roots, show }, signal)
    } catch (error) {
      if (signal.aborted || isCancelled(error)) throw new Cancelled()
      const failure = acmeFailures.ordering(error, { ...options, now: clock.now() })
      if (failure instanceof RateLimited) store.noteRateLimit(directoryUrl, hostName, failure)
      throw failure
    }
  }

  private adopt(pair: CertificatePair, life: Life): void {
    this.current = pair
    this.life = life
    this.options.log.info(`it is valid until ${new Date(life.notAfter).toISOString()}`)
    this.changed.fire(pair)
  }

  /** Timers do not run while a machine sleeps, and hold at most 24 days: so the clock is looked at each hour. */
  private wakeAt(time: number): void {
    this.timer?.dispose()
    if (this.disposed.signal.aborted) return
    const { clock } = this.options
    const wait = Math.min(hour, Math.max(0, time - clock.now()))
    this.timer = clock.after(wait, () => {
      if (clock.now() < time) this.wakeAt(time)
      else void this.renew()
    })
  }

  private async renew(): Promise<void> {
    const { hostName, clock, log } = this.options
    try {
      await this.order.join(this.disposed.signal)
    } catch (error) {
      if (this.disposed.signal.aborted) return
      const next = Math.max(
        afterAttempt(this.life, clock.now()),
        error instanceof RateLimited ? error.retryAt : 0,
      )
      const reason = isCancelled(error) ? 'the terms were not agreed to' : reasonOf(error)
      const again = new Date(next).toISOString()
      log.warn(`the certificate for ${hostName} could not be renewed: ${reason} The next try is at ${again}.`)
      this.wakeAt(next)
      this.failed.fire(acmeFailures.notRenewed(this.options, { reason, again, error }))
    }
  }
}

/** Whom Node trusts by itself, and those in the file. */
async function rootsWith(caFile: string): Promise<string[]> {
  let pem: string
  try {
    pem = await readFile(caFile, 'utf8')
  } catch (error) {
    throw acmeFailures.caFileUnusable(caFile, (error as Error).message)
  }
  const certificates = readCertificates(pem)
  if (typeof certificates === 'string' || certificates.length === 0) {
    throw acmeFailures.caFileUnusable(caFile, 'It holds no whole certificate.')
  }
  return [...rootCertificates, ...certificates.map(String)]
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Failure)) return (error as Error).message
  return [error.message, error.said].filter((part) => part !== undefined).join(' ')
}
