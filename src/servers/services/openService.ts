import { setImmediate as nextTurn } from 'node:timers/promises'
import { delay, type Clock } from '../../base/clock'
import { DisposableStore } from '../../base/disposable'
import { Cancelled, Failure } from '../../base/failure'
import type { Log } from '../../base/log'
import type { Accept } from '../../base/visitor'
import { abortable } from '../../ssh/dial'
import type { RemoteForward } from '../../ssh/remoteForwards'
import type { Transport } from '../../ssh/transport'
import type { ServiceProfile } from '../profile'
import { adapterOf, type ServiceAdapter } from './adapters'
import { Announcement } from './announcement'
import { askUrls } from './askUrls'
import { remarksOn } from './remarks'
import { serviceFailures } from './serviceFailures'
import { ServiceSession } from './serviceSession'
import { standingTunnel, type ServiceListening } from './standingTunnel'

export type { ServiceListening }

export interface ServiceRequest {
  readonly transport: Transport
  readonly profile: ServiceProfile
  readonly name: string
  readonly accept: Accept
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Asks a tunnel service for a tunnel and waits until it names a public URL of its own. Services give one tunnel to a
 * connection, so each tunnel needs one of its own.
 * @throws Failure with what the service said; Cancelled when the signal is aborted. Nothing is left open then but the
 * session.
 */
export async function listenAtService(request: ServiceRequest): Promise<ServiceListening> {
  const opening = new Opening(request)
  try {
    return await opening.run()
  } catch (error) {
    opening.giveUp()
    throw request.signal.aborted ? new Cancelled() : error
  }
}

class Opening {
  private readonly adapter: ServiceAdapter
  private readonly announcement: Announcement
  private readonly domains: readonly string[]
  private readonly owned = new DisposableStore()
  /** Aborted with the reason when there is nothing to wait for any more. */
  private readonly over = new AbortController()
  private session: ServiceSession | undefined
  private forwarding: Promise<RemoteForward> | undefined

  constructor(private readonly request: ServiceRequest) {
    const { service, domain, destination } = request.profile
    this.adapter = adapterOf(service)
    const { domains, notTunnels } = this.adapter
    const isSish = service === 'sish'
    const ownDomain = domain ?? (isSish ? destination.host : undefined)
    this.domains = ownDomain === undefined ? domains : [...domains, ownDomain]
    this.announcement = new Announcement(this.adapter, {
      domains,
      notTunnels,
      ownDomain,
      mayHavePort: isSish,
    })
  }

  async run(): Promise<ServiceListening> {
    this.endTheWait()
    const { signal } = this.over
    const forward = await abortable(this.ask(), signal)
    if (this.adapter.urlsAt !== undefined) this.askForUrls(this.adapter.urlsAt).catch(() => undefined)
    const { announcement } = this
    const isSaid = () => announcement.publicUrl !== undefined || announcement.refusal !== undefined
    await abortable(announcement.until(isSaid), signal)
    this.over.abort()
    if (announcement.publicUrl === undefined) throw this.refusal()
    return this.listening(forward, announcement.publicUrl)
  }

  giveUp(): void {
    this.over.abort()
    this.owned.dispose()
    this.forwarding?.then((forward) => forward.cancel()).catch(() => undefined)
  }

  /** A cancel, the end of the connection, or time. */
  private endTheWait(): void {
    const { signal, transport, clock } = this.request
    signal.throwIfAborted()
    const onAbort = () => this.over.abort(new Cancelled())
    signal.addEventListener('abort', onAbort, { once: true })
    this.over.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), {
      once: true,
    })
    this.owned.add(this.announcement)
    this.owned.add(transport.onDidClose((lost) => this.over.abort(this.explained(lost))))
    const limit = this.owned.add(
      clock.after(urlLimitMs, () => {
        // Its last line may want nothing but an end.
        this.session?.finishLine()
        if (this.announcement.publicUrl === undefined) this.over.abort(this.explained(this.silence()))
      }),
    )
    this.over.signal.addEventListener('abort', () => limit.dispose(), { once: true })
  }

  /** The request to listen and the session, in the order the service takes them. */
  private async ask(): Promise<RemoteForward> {
    const { adapter } = this
    const { name, profile } = this.request
    if (adapter.sessionFirst) await this.openSession()
    const forwarding = this.forward(adapter.bind({ name, domain: profile.domain }))
    if (!adapter.sessionFirst) {
      // As ssh does: the request is on its way by then, and its answer is not waited for.
      await nextTurn()
      await this.openSession()
    }
    return forwarding.catch((error: unknown) => this.askWithoutName(error))
  }

  private forward(bind: { readonly host: string; readonly port: number }): Promise<RemoteForward> {
    const { transport, accept } = this.request
    // Nobody would take it back.
    this.over.signal.throwIfAborted()
    const forwarding = transport.forward({ kind: 'tcp', ...bind }, accept)
    forwarding.catch(() => undefined)
    this.forwarding = forwarding
    return forwarding
  }

  /** Where the key is not known there, no name is given, but a tunnel may be. */
  private async askWithoutName(error: unknown): Promise<RemoteForward> {
    const { announcement } = this
    if (!isRefusal(error)) throw error
    // The reason stands in the session, and may come after the answer.
    const explained = announcement.until(
      () => announcement.refusal !== undefined || announcement.note !== undefined,
    )
    await Promise.race([explained, delay(this.request.clock, explainMs, this.over.signal)])
    if (announcement.note !== 'key unknown' || announcement.refusal !== undefined) throw this.refusal()
    return this.forward({ host: 'localhost', port: 80 }).catch((again: unknown) => {
      throw isRefusal(again) ? this.refusal() : again
    })
  }

  private async openSession(): Promise<void> {
    const { adapter } = this
    const { transport, log } = this.request
    try {
      this.session = await ServiceSession.on(transport, adapter.session, log)
    } catch (error) {
      // Where the URLs can be asked for, it only tells more.
      if (adapter.urlsAt === undefined) throw serviceFailures.noSession(adapter, error)
      log.debug(`${adapter.title} opened no session: ${String(error)}`)
      return
    }
    const { session } = this
    if (session.hasEnded) throw this.ended()
    this.owned.add(session.onDidHear((line) => this.announcement.hear(line)))
    const ending = this.owned.add(session.onDidEnd(() => this.over.abort(this.explained(this.ended()))))
    this.over.signal.addEventListener('abort', () => ending.dispose(), { once: true })
  }

  private async askForUrls(at: NonNullable<ServiceAdapter['urlsAt']>): Promise<void> {
    const { announcement, over } = this
    while (announcement.publicUrl === undefined && !over.signal.aborted) {
      const urls = await askUrls(this.request.transport, at, over.signal).catch(() => undefined)
      for (const url of urls ?? []) if (url.startsWith('https://')) announcement.take({ kind: 'url', url })
      await delay(this.request.clock, askAgainMs, over.signal)
    }
  }

  private listening(forward: RemoteForward, publicUrl: string): ServiceListening {
    const { adapter, announcement, owned, session } = this
    const { transport, clock, profile, name } = this.request
    const { user } = transport.settings
    return standingTunnel({
      ...{ publicUrl, forward, announcement, session, transport, clock, owned },
      remarks: remarksOn(adapter, { publicUrl, name, domain: profile.domain, note: announcement.note, user }),
      ended: () => this.ended(),
    })
  }

  /** What the service said of it counts more than how it showed. */
  private explained(failure: Failure): Failure {
    return this.announcement.refusal === undefined ? failure : this.refusal()
  }

  private refusal(): Failure {
    const { adapter } = this
    const { refusal, note } = this.announcement
    const otherwise = adapter.naming.kind === 'asked' ? 'name taken' : 'other'
    const said = refusal === undefined || refusal.text === '' ? this.lastWords : refusal.text
    return serviceFailures.refused(adapter, refusal?.reason ?? note ?? otherwise, said)
  }

  private ended(): Failure {
    return serviceFailures.ended(this.adapter, this.lastWords)
  }

  private silence(): Failure {
    const { foreignUrl } = this.announcement
    return foreignUrl === undefined
      ? serviceFailures.silent(this.adapter, urlLimitMs / 1000, this.lastWords)
      : serviceFailures.foreignUrl(this.adapter, this.domains, foreignUrl)
  }

  private get lastWords(): string {
    return this.session?.lastWords ?? ''
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Failure && error.hop === 'remote forward'
}

const urlLimitMs = 20_000
const explainMs = 1000
const askAgainMs = 1000
