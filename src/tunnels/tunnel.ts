import { backoffMs } from '../base/backoff'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { PublicWay } from '../servers/profile'
import type { Server } from '../servers/server'
import type { Connection, ConnectionState } from '../ssh/connection'
import { abortable } from '../ssh/dial'
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
  private remoteForward: RemoteForward | undefined
  private transport: Transport | undefined
  private wake: () => void = () => undefined

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
      this.owned.add(connection.onDidChange((state) => this.follow(state)))
      this.follow(connection.state)
      await this.check(either)
    } catch (error) {
      const reason = either.aborted ? new Cancelled() : error
      await this.stop()
      throw reason
    } finally {
      progress.dispose()
    }
  }

  /** Ends the remote forward and every visitor, and lets the connection go. Never throws. */
  async stop(): Promise<void> {
    if (this.ended.signal.aborted) return
    this.ended.abort()
    const forward = this.remoteForward
    this.remoteForward = undefined
    this.become({ kind: 'closed' })
    if (forward) await this.atMost(stopLimitMs, forward.cancel())
    this.owned.dispose()
    this.didChange.dispose()
  }

  /** Tries again at once instead of at the end of the wait. */
  retryNow(): void {
    if (this.current.kind === 'open') void this.check(this.ended.signal).catch(() => undefined)
    this.wake()
    this.options.connection.retryNow()
  }

  /** Told by whoever watches the local port. */
  setAppAnswers(appAnswers: boolean): void {
    if (this.current.kind === 'open' && this.current.appAnswers !== appAnswers) {
      this.become({ ...this.current, appAnswers })
    }
  }

  private async listen(transport: Transport, signal: AbortSignal): Promise<void> {
    if (this.current.kind === 'connecting') this.become({ kind: 'connecting', hop: 'remote forward' })
    this.transport = transport
    const asked = transport.forward(this.options.way.bind, this.stage.accept)
    try {
      this.remoteForward = await abortable(asked, signal)
    } catch (error) {
      // The server may still say yes to what nobody wants any more.
      asked.then((forward) => forward.cancel()).catch(() => undefined)
      throw error
    }
    this.become({ kind: 'open', appAnswers: true, check: 'running' })
  }

  /** Follows the connection once the tunnel has stood. */
  private follow(state: ConnectionState): void {
    if (this.ended.signal.aborted) return
    switch (state.kind) {
      case 'connecting':
      case 'waiting':
      case 'failed':
        this.become(state)
        return
      case 'ready':
        if (state.transport !== this.transport) void this.listenAgain(state.transport)
        return
      case 'idle':
        return
    }
  }

  /** The old session may still hold the address for a while, so a refusal that can heal is tried again. */
  private async listenAgain(transport: Transport): Promise<void> {
    const { clock, log } = this.options
    const signal = this.ended.signal
    const isOver = () => !transport.isOpen || signal.aborted
    for (let tries = 1; !isOver(); tries++) {
      try {
        await this.listen(transport, signal)
        await this.check(signal)
        return
      } catch (error) {
        if (isCancelled(error) || isOver()) return
        if (!(error instanceof Failure)) throw error
        if (!error.canHeal) {
          this.become({ kind: 'failed', failure: error })
          return
        }
        log.warn(`${error.message} ${error.said ?? ''}`.trimEnd())
        const waitMs = backoffMs(tries)
        this.become({ kind: 'waiting', failure: error, retryAt: clock.now() + waitMs })
        await this.sleep(waitMs)
      }
    }
  }

  private async check(signal: AbortSignal): Promise<void> {
    const { way, server, log } = this.options
    this.setCheck('running')
    const expected = this.stage.expect()
    try {
      const { publicUrl } = way
      const answer = await fetchPublicUrl({ publicUrl, nonce: expected.nonce, signal, ca: server.ca })
      if (signal.aborted) throw new Cancelled()
      const facts = { publicUrl, bind: way.bind, nonce: expected.nonce, arrived: expected.arrived() }
      const failure = judgePublicAnswer(answer, facts)
      if (failure) log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
      else log.info(`${publicUrl} leads to port ${this.app.port}`)
      this.setCheck(failure ?? 'passed')
    } finally {
      expected.done()
    }
  }

  private setCheck(check: 'running' | 'passed' | Failure): void {
    if (this.current.kind === 'open') this.become({ ...this.current, check })
  }

  private become(state: TunnelState): void {
    if (this.current.kind === 'closed') return
    this.current = state
    this.didChange.fire(state)
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end: Disposable = this.owned.add(
        toDisposable(() => {
          timer.dispose()
          resolve()
        }),
      )
      const done = () => this.owned.delete(end)
      const timer = this.options.clock.after(ms, done)
      this.wake = done
    })
  }

  private async atMost(ms: number, promise: Promise<void>): Promise<void> {
    let timer: Disposable | undefined
    const limit = new Promise<void>((resolve) => (timer = this.options.clock.after(ms, resolve)))
    await Promise.race([promise, limit])
    timer?.dispose()
  }
}

/** A server that does not answer must not hold up the end; closing the connection ends its listeners too. */
const stopLimitMs = 2000
