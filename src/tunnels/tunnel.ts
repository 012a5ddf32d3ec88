import { backoffMs } from '../base/backoff'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { PublicWay } from '../servers/profile'
import type { Server } from '../servers/server'
import type { Connection, ConnectionState } from '../ssh/connection'
import { abortable } from '../ssh/dial'
import { failures } from '../ssh/failures'
import type { RemoteForward } from '../ssh/remoteForwards'
import type { Transport } from '../ssh/transport'
import type { LocalApp } from './localApp'
import { NonceStage } from './nonceStage'
import { fetchPublicUrl, judgePublicAnswer } from './publicCheck'
import { toLocal } from './toLocal'

export type TunnelState =
  | { readonly kind: 'connecting'; readonly hop: Hop }
  | {
      readonly kind: 'open'
      /** False while the local app cannot be reached; visitors then get a 502 from the proxy. */
      readonly appAnswers: boolean
      /** Whether the public URL has been seen to lead here. */
      readonly check: 'running' | 'passed' | Failure
    }
  /** Lost, and tried again at `retryAt` (milliseconds since the epoch). */
  | { readonly kind: 'waiting'; readonly failure: Failure; readonly retryAt: number }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'closed' }

export interface TunnelOptions {
  /** Tells tunnels of one window apart. */
  readonly id: number
  readonly app: LocalApp
  readonly server: Server
  readonly name: string
  readonly way: PublicWay
  readonly connection: Connection
  readonly clock: Clock
  readonly log: Log
}

/** A listening port, a remote forward and a public URL, with one life cycle. */
export class Tunnel {
  private readonly didChange = new Emitter<TunnelState>()
  private readonly owned = new DisposableStore()
  private readonly ended = new AbortController()
  private readonly stage: NonceStage
  private current: TunnelState = { kind: 'connecting', hop: 'DNS' }
  private transport: Transport | undefined
  /** The forward on that transport, asked for or open. */
  private forward: Promise<RemoteForward> | undefined
  /** Ends what is done for one life of the connection: asking for the forward again, and checking. */
  private life = new AbortController()
  private wake: () => void = () => undefined
  private checks = 0
  private appAnswers = true
  private stopped: Promise<void> | undefined

  readonly onDidChange = this.didChange.event

  constructor(private readonly options: TunnelOptions) {
    this.stage = new NonceStage(
      toLocal(options.app, {
        onAnswer: () => this.setAppAnswers(true),
        onNoAnswer: (error) => {
          options.log.warn(`port ${options.app.port} did not answer a visitor: ${error.message}`)
          this.setAppAnswers(false)
        },
      }),
    )
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
  get server(): Server {
    return this.options.server
  }
  get way(): PublicWay {
    return this.options.way
  }
  get publicUrl(): string {
    return this.options.way.publicUrl
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
    const progress = connection.onDidChange((state) => {
      if (state.kind === 'connecting') this.become(state)
    })
    try {
      const transport = await connection.connect(either)
      await this.listen(transport, either)
      progress.dispose()
      this.owned.add(connection.onDidChange((state) => this.follow(state)))
      this.follow(connection.state)
      const { signal: life } = this.life
      if (await this.check(either)) this.background(this.checkAgain(life))
    } catch (error) {
      const reason = either.aborted ? new Cancelled() : error
      await this.stop()
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
    if (current.kind === 'open') this.background(this.untilItPasses(this.newLife()))
    else this.wake()
    connection.retryNow()
  }

  /** Told by whoever watches the local port. */
  setAppAnswers(appAnswers: boolean): void {
    this.appAnswers = appAnswers
    if (this.current.kind === 'open' && this.current.appAnswers !== appAnswers) {
      this.become({ ...this.current, appAnswers })
    }
  }

  private async end(): Promise<void> {
    const { connection } = this.options
    if (this.ended.signal.aborted) return
    this.ended.abort()
    this.life.abort()
    this.become({ kind: 'closed' })
    // The server may still say yes to what nobody wants any more.
    const cancelled = this.forward?.then((forward) => forward.cancel()).catch(() => undefined)
    const isConfirmed = cancelled === undefined || (await this.atMost(stopLimitMs, cancelled))
    this.owned.dispose()
    // Whatever the server still holds ends with the connection.
    if (!isConfirmed) connection.closeIfUnused()
    this.didChange.dispose()
  }

  private async listen(transport: Transport, signal: AbortSignal): Promise<void> {
    if (this.current.kind === 'connecting') this.become({ kind: 'connecting', hop: 'remote forward' })
    signal.throwIfAborted()
    this.transport = transport
    this.forward = this.options.connection.forward(transport, this.options.way.bind, this.stage.accept)
    await abortable(this.forward, signal)
    this.become({ kind: 'open', appAnswers: this.appAnswers, check: 'running' })
  }

  /** Follows the connection once the tunnel has stood. */
  private follow(state: ConnectionState): void {
    if (this.ended.signal.aborted) return
    switch (state.kind) {
      case 'connecting':
      case 'waiting':
      case 'failed':
        this.life.abort()
        this.become(state)
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
        if (isCancelled(thrown) || !transport.isOpen) return
        const failure = failures.from(thrown)
        if (!failure.canHeal) {
          this.become({ kind: 'failed', failure })
          return
        }
        log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
        const waitMs = backoffMs(tries)
        this.become({ kind: 'waiting', failure, retryAt: clock.now() + waitMs })
        await this.sleep(waitMs, life)
      }
    }
    await this.untilItPasses(life)
  }

  private async untilItPasses(life: AbortSignal): Promise<void> {
    if (await this.check(life)) await this.checkAgain(life)
  }

  /** The network around may come back later than the connection, and a proxy may be cured: the warning goes then. */
  private async checkAgain(life: AbortSignal): Promise<void> {
    for (let tries = firstCheckAgain; !life.aborted; tries++) {
      await this.sleep(backoffMs(tries), life)
      const { current } = this
      if (current.kind !== 'open' || !(current.check instanceof Failure)) return
      if (!(await this.check(life, { quietly: true }))) return
    }
  }

  /** Answers what is wrong with the public URL, if anything is; it stands in the state too. */
  private async check(signal: AbortSignal, options = { quietly: false }): Promise<Failure | undefined> {
    const { way, server, log } = this.options
    signal.throwIfAborted()
    const number = ++this.checks
    if (!options.quietly) this.setCheck('running')
    const expected = this.stage.expect()
    try {
      const { publicUrl } = way
      const answer = await fetchPublicUrl({ publicUrl, nonce: expected.nonce, signal, ca: server.ca })
      if (signal.aborted) throw new Cancelled()
      const facts = { publicUrl, bind: way.bind, nonce: expected.nonce, arrived: expected.arrived() }
      const failure = judgePublicAnswer(answer, facts)
      // One that began later knows better.
      if (number !== this.checks) return undefined
      if (failure) log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
      else log.info(`${publicUrl} leads to port ${this.app.port}`)
      this.setCheck(failure ?? 'passed')
      return failure
    } finally {
      expected.done()
    }
  }

  /** For what nobody awaits: its end by a stop or a lost connection is in order. */
  private background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (!isCancelled(error)) this.options.log.error(`tunnel to port ${this.app.port}: ${String(error)}`)
    })
  }

  private setCheck(check: 'running' | 'passed' | Failure): void {
    if (this.current.kind === 'open') this.become({ ...this.current, check })
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

  /** Until the time is over, somebody wakes it, or the signal is aborted. */
  private sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        timer.dispose()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.options.clock.after(ms, done)
      signal.addEventListener('abort', done)
      this.wake = done
    })
  }

  /** Answers whether it came to its end in that time. */
  private async atMost(ms: number, promise: Promise<unknown>): Promise<boolean> {
    let timer = toDisposable(() => undefined)
    const limit = new Promise<false>((resolve) => {
      timer = this.options.clock.after(ms, () => resolve(false))
    })
    const isInTime = await Promise.race([promise.then(() => true), limit])
    timer.dispose()
    return isInTime
  }
}

/** A server that does not answer must not hold up the end; closing the connection ends its listeners too. */
const stopLimitMs = 2000

/** Of `backoffMs`: the first time after two to four seconds. */
const firstCheckAgain = 3
