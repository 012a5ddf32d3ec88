import { backoffMs } from '../base/backoff'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { within } from '../base/within'
import type { Exchanges } from '../http/exchanges'
import type { GateOptions } from '../http/gateOptions'
import type { ReplayRequest } from '../http/replay'
import { listen, type ExposurePrompts, type Listening, type ListenRequest } from '../servers/listen'
import type { PublicWay } from '../servers/profile'
import type { Server } from '../servers/server'
import { explainLogin } from '../servers/services/serviceFailures'
import { titleOf } from '../servers/visibility'
import type { Connection, ConnectionState } from '../ssh/connection'
import { abortable } from '../ssh/dial'
import { failures } from '../ssh/failures'
import type { Transport } from '../ssh/transport'
import type { Certificate } from '../tls/certificate'
import { CheckLoop, type CheckSubject } from './checkLoop'
import type { LocalApp } from './localApp'
import type { TunnelNumbers } from './numbers'
import { Pause } from './pause'
import type { PublicChecker } from './publicChecker'
import { notExposed } from './replayFailures'
import { Stages } from './stages'
import { TunnelCount } from './tunnelCount'
import type { TunnelState } from './tunnelState'

export interface TunnelOptions {
  /** Tells tunnels of one window apart. */
  readonly id: number
  readonly app: LocalApp
  /** What the user wishes of the gate at first. */
  readonly gate: GateOptions
  readonly server: Server
  readonly name: string
  /** What visitors are going to call, so far as that is known before the server has been heard. */
  readonly expectedUrl: string | undefined
  /** Of a range of ports: the one this tunnel had last time. */
  readonly wishedPort: number | undefined
  readonly connection: Connection
  /** Where what visitors ask is kept. */
  readonly exchanges: Exchanges
  readonly checker: PublicChecker
  readonly certificateFor: (way: PublicWay) => Certificate
  readonly prompts: ExposurePrompts
  readonly holderOf: ListenRequest['holderOf']
  readonly clock: Clock
  readonly log: Log
}

/** A listening port, a remote forward and a public URL, with one life cycle. */
export class Tunnel {
  private readonly didChange = new Emitter<TunnelState>()
  private readonly owned = new DisposableStore()
  private readonly ended = new AbortController()
  private current: TunnelState = { kind: 'connecting', hop: 'DNS' }
  private transport: Transport | undefined
  private stages: Stages | undefined
  /** On that transport, asked for or open. */
  private listening: Promise<Listening> | undefined
  private currentWay: PublicWay | undefined
  private listensSince = 0
  /** Ends what is done for one life of the connection: asking for the forward again, and checking. */
  private life = new AbortController()
  private readonly pause: Pause
  private readonly checks: CheckLoop
  private appAnswers = true
  private currentGate: GateOptions
  private closing: Disposable = toDisposable(() => undefined)
  private readonly count = new TunnelCount()
  private stopped: Promise<void> | undefined

  readonly onDidChange = this.didChange.event

  constructor(private readonly options: TunnelOptions) {
    const { checker, clock, log } = options
    this.currentGate = options.gate
    this.pause = new Pause(clock)
    this.checks = new CheckLoop({
      ...{ checker, clock, log },
      subject: () => this.subject,
      letProxyIn: (way) => this.letProxyIn(way),
      report: (check) => {
        if (this.current.kind === 'open') this.become({ ...this.current, check })
      },
      isFailing: () => this.current.kind === 'open' && this.current.check instanceof Failure,
    })
    this.owned.add(toDisposable(() => this.stages?.dispose()))
    this.owned.add(toDisposable(() => this.closing.dispose()))
  }

  get state(): TunnelState {
    return this.current
  }
  get id(): number {
    return this.options.id
  }
  get app(): LocalApp {
    return this.options.app
  }
  /** What the user wishes of the gate now. */
  get gate(): GateOptions {
    return this.currentGate
  }
  /** What it has carried so far; cheap to ask for. */
  get numbers(): TunnelNumbers {
    return this.count.numbers
  }
  /** How many requests are kept until the app is back, where the user wants that. */
  get held(): number {
    return this.stages?.held ?? 0
  }
  get server(): Server {
    return this.options.server
  }
  get name(): string {
    return this.options.name
  }
  /** Undefined until the server listens. */
  get way(): PublicWay | undefined {
    return this.currentWay
  }
  /** When the server first listened, in milliseconds since the epoch; 0 before. */
  get since(): number {
    return this.listensSince
  }
  /** The one expected, until the server has said; undefined where only the server can know it. */
  get publicUrl(): string | undefined {
    return this.currentWay?.publicUrl ?? this.options.expectedUrl
  }
  /** What to call it: its public URL, or the server that is about to give it one. */
  get title(): string {
    return this.publicUrl ?? titleOf(this.server.profile)
  }

  /**
   * Connects, asks for the remote forward and checks the public URL. Afterwards the tunnel heals by itself.
   * A public URL that does not lead here leaves the tunnel open, with the failure in its state.
   * @throws Failure, or Cancelled; nothing is left open then.
   */
  async open(signal: AbortSignal): Promise<void> {
    const { connection } = this.options
    const either = AbortSignal.any([signal, this.ended.signal])
    this.owned.add(connection.use())
    this.closeInTime()
    const progress = connection.onDidChange((state) => {
      if (state.kind === 'connecting') this.become(state)
    })
    try {
      const transport = await connection.connect(either).catch((error: unknown) => {
        throw this.explain(error)
      })
      await this.listen(transport, either)
      progress.dispose()
      this.owned.add(connection.onDidChange((state) => this.follow(state)))
      this.follow(connection.state)
      const { signal: life } = this.life
      if (await this.checks.check(either)) this.background(this.checks.again(life))
    } catch (error) {
      const reason = either.aborted ? new Cancelled() : error
      await this.stop()
      // A session of sshd's keeps the configuration it began with: the next try is to find what was changed since.
      if (reason instanceof Failure) connection.closeIfUnused()
      throw reason
    } finally {
      progress.dispose()
    }
  }

  /**
   * Ends the remote forward and every visitor, and lets the connection go. Never throws. Whoever calls it again
   * waits for the same end.
   */
  stop(): Promise<void> {
    return (this.stopped ??= this.end())
  }

  /** Tries again at once instead of at the end of the wait. */
  retryNow(): void {
    const { connection } = this.options
    const { current } = this
    const { state } = connection
    if (current.kind === 'failed' && state.kind === 'ready') {
      if (!connection.renew(current.failure)) this.listenAgain(state.transport)
      return
    }
    if (current.kind === 'open') this.background(this.checks.untilItPasses(this.newLife()))
    else this.pause.end()
    connection.retryNow()
  }

  /** Counts from the next request on. */
  setGate(gate: GateOptions): void {
    this.currentGate = gate
    this.closeInTime()
    this.become(this.current)
  }

  /** Stops by itself at the closing time. The gate goes by the hour too: timers stand still while a machine sleeps. */
  private closeInTime(): void {
    const { clock } = this.options
    const closesAt = this.currentGate.access?.closesAt
    this.closing.dispose()
    if (closesAt === undefined || this.ended.signal.aborted) return
    this.closing = clock.after(Math.max(0, closesAt - clock.now()), () => void this.stop())
  }

  /**
   * Sends a request straight to the app, past the access rules and not through the internet, and captures it whatever
   * is set. Resolves with the id of the captured exchange when the answer has ended, however that was.
   * @throws Cancelled when `signal` is aborted; Failure when the tunnel is closed, has not stood yet or reads no HTTP.
   */
  replay(request: ReplayRequest, signal?: AbortSignal): Promise<number> {
    if (this.stages === undefined || this.ended.signal.aborted)
      return Promise.reject(notExposed(this.options.app))
    return this.stages.replay(request, signal)
  }

  /** Told by whoever watches the local port. */
  setAppAnswers(appAnswers: boolean): void {
    this.appAnswers = appAnswers
    if (appAnswers) this.stages?.appAnswers()
    if (this.current.kind === 'open' && this.current.appAnswers !== appAnswers) {
      this.become({ ...this.current, appAnswers })
    }
  }

  private async end(): Promise<void> {
    const { connection } = this.options
    if (this.ended.signal.aborted) return
    this.ended.abort()
    this.life.abort()
    const { clock } = this.options
    // The end of the forward ends its visitors too.
    const told = within(clock, farewellMs, this.stages?.close() ?? Promise.resolve()).catch(() => undefined)
    this.become({ kind: 'closed' })
    // The server may still say yes to what nobody wants any more.
    const cancelled = told
      .then(() => this.listening)
      .then((listening) => listening?.cancel())
      .catch(() => undefined)
    const isConfirmed = await within(clock, stopLimitMs, cancelled).then(
      () => true,
      () => false,
    )
    this.owned.dispose()
    // Whatever the server still holds ends with the connection.
    if (!isConfirmed) connection.closeIfUnused()
    this.didChange.dispose()
  }

  private async listen(transport: Transport, signal: AbortSignal): Promise<void> {
    const { server, connection, name, wishedPort, prompts, holderOf, clock, log } = this.options
    if (this.current.kind === 'connecting') this.become({ kind: 'connecting', hop: 'remote forward' })
    signal.throwIfAborted()
    this.transport = transport
    this.listening = listen({
      ...{ connection, transport, profile: server.profile, name, wishedPort, prompts, holderOf },
      ...{ clock, log, signal },
      previous: this.currentWay,
      acceptFor: (way) => this.acceptFor(way),
    })
    const listening = await abortable(this.listening, signal)
    if (this.currentWay === undefined) this.listensSince = clock.now()
    this.currentWay = listening.way
    this.followListening(listening, transport)
    try {
      await this.getCertificate(signal)
    } catch (error) {
      await listening.cancel()
      throw error
    }
    this.become({ kind: 'open', appAnswers: this.appAnswers, check: 'running', remarks: listening.remarks })
  }

  /** The stages last for the tunnel's life, with what they have learned, unless its address becomes another. */
  private acceptFor(way: PublicWay): Accept {
    const { id, app, exchanges, certificateFor, clock, log } = this.options
    this.ended.signal.throwIfAborted()
    if (this.stages?.way.publicUrl !== way.publicUrl) {
      this.stages?.dispose()
      this.stages = new Stages({
        ...{ way, app, exchanges, certificateFor, clock, log },
        ...{ tunnelId: id, count: this.count },
        publicUrl: () => this.currentWay?.publicUrl ?? way.publicUrl,
        gate: () => this.currentGate,
        report: {
          onAnswer: () => this.setAppAnswers(true),
          onNoAnswer: (error) => {
            // What is held is tried again and again.
            const isNews = this.appAnswers
            log[isNews ? 'warn' : 'debug'](`port ${app.port} did not answer a visitor: ${error.message}`)
            this.setAppAnswers(false)
          },
          onHeld: () => this.become(this.current),
        },
      })
      this.followCertificate(this.stages.certificate)
    }
    return this.stages.accept
  }

  /** A certificate that cannot be replaced is a matter for the person before it has expired. */
  private followCertificate(certificate: Certificate | undefined): void {
    certificate?.onDidFail?.((check) => {
      if (this.current.kind === 'open') this.become({ ...this.current, check })
    })
    certificate?.onDidChange(() => {
      if (this.current.kind !== 'open' || !(this.current.check instanceof Failure)) return
      this.background(this.checks.untilItPasses(this.newLife()))
    })
  }

  /** Only with the server listening can an authority see that the name leads here. */
  private async getCertificate(signal: AbortSignal): Promise<void> {
    const certificate = this.stages?.certificate
    if (certificate === undefined) return
    if (this.current.kind === 'connecting' && certificate.current === undefined)
      this.become({ kind: 'connecting', hop: 'certificate' })
    await certificate.ready(signal)
  }

  /** A server may end what it did for us, or change its address, while the connection stands. */
  private followListening({ onDidChangeUrl, onDidEnd }: Listening, transport: Transport): void {
    const isPast = () => this.transport !== transport || this.ended.signal.aborted
    onDidChangeUrl?.((publicUrl) => {
      if (isPast() || this.currentWay === undefined) return
      this.currentWay = { ...this.currentWay, publicUrl }
      this.background(this.checks.untilItPasses(this.newLife()))
    })
    onDidEnd?.((failure) => {
      if (isPast()) return
      this.life.abort()
      if (!failure.canHeal) this.become({ kind: 'failed', failure })
      else if (!this.options.connection.renew(failure, { isAsked: false })) this.listenAgain(transport)
    })
  }

  /** Follows the connection once the tunnel has stood. */
  private follow(state: ConnectionState): void {
    if (this.ended.signal.aborted) return
    switch (state.kind) {
      case 'connecting':
      case 'waiting':
        this.life.abort()
        this.become(state)
        return
      case 'failed':
        this.life.abort()
        this.become({ ...state, failure: failures.from(this.explain(state.failure)) })
        return
      case 'ready':
        if (state.transport !== this.transport) this.listenAgain(state.transport)
        return
      case 'idle':
        return
    }
  }

  private listenAgain(transport: Transport): void {
    this.background(this.untilItListens(transport, this.newLife()))
  }

  private newLife(): AbortSignal {
    this.life.abort()
    this.life = new AbortController()
    return this.life.signal
  }

  /** The old session may still hold the address for a while, so a refusal that can heal is tried again. */
  private async untilItListens(transport: Transport, life: AbortSignal): Promise<void> {
    const { clock, log } = this.options
    for (let tries = 1; !life.aborted; tries++) {
      try {
        await this.listen(transport, life)
        break
      } catch (thrown) {
        if (!transport.isOpen) return
        if (isCancelled(thrown)) {
          this.onDeclined(life)
          return
        }
        const failure = failures.from(thrown)
        if (!failure.canHeal) {
          this.become({ kind: 'failed', failure })
          return
        }
        // What a service's session has said once it does not say again.
        if (this.isAtService && this.options.connection.renew(failure, { isAsked: false })) return
        log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
        // Authorities count failures: Let's Encrypt takes five an hour for a name.
        const waitMs = failure.hop === 'certificate' ? certificateWaitMs : backoffMs(tries)
        this.become({ kind: 'waiting', failure, retryAt: clock.now() + waitMs })
        await this.pause.wait(waitMs, life)
      }
    }
    await this.checks.untilItPasses(life)
  }

  /** A person was asked, and does not want it so; unless nobody waits for the answer any more. */
  private onDeclined(life: AbortSignal): void {
    if (!life.aborted) void this.stop()
  }

  private get subject(): CheckSubject | undefined {
    const { stages, currentWay: way } = this
    if (stages === undefined || way === undefined) return undefined
    // Where a service's visitors come in is its own affair.
    const server = this.isAtService ? undefined : this.transport?.peerAddress
    return { way, expect: () => stages.expect(), server }
  }

  /** sshd makes sockets that only their user may open, unless told otherwise (StreamLocalBindMask 0177). */
  private async letProxyIn({ bind }: PublicWay): Promise<boolean> {
    const { connection } = this.options
    if (bind.kind !== 'unix' || this.transport === undefined) return false
    return connection.openToProxy(this.transport, bind.path)
  }

  private get isAtService(): boolean {
    return this.server.profile.kind === 'service'
  }

  /** A service lets people in by rules of its own. */
  private explain(error: unknown): unknown {
    const { profile } = this.server
    return profile.kind === 'service' ? explainLogin(profile, error) : error
  }

  /** For what nobody awaits: its end by a stop or a lost connection is in order. */
  private background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!isCancelled(error)) this.options.log.error(`tunnel to port ${this.app.port}: ${String(error)}`)
    })
  }

  /** What shows the state must not be able to end the healing. */
  private become(state: TunnelState): void {
    if (this.current.kind === 'closed') return
    this.current = state
    try {
      this.didChange.fire(state)
    } catch (error) {
      this.options.log.error(`a listener failed: ${String(error)}`)
    }
  }
}

/** Until a certificate is tried for again by itself. */
const certificateWaitMs = 20 * 60_000

/** A server that does not answer must not hold up the end; closing the connection ends its listeners too. */
const stopLimitMs = 2000

/** For visitors who take in slowly that the tunnel was closed. */
const farewellMs = 1000
