import { backoffMs } from '../base/backoff'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, Failure, isCancelled, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { Destination } from './destination'
import { abortable } from './dial'
import { failures } from './failures'
import { TypedSecrets } from './identities'
import { openTransport } from './openTransport'
import type { SshPrompts } from './prompts'
import type { SshSettings } from './settings'
import type { Transport } from './transport'

export type ConnectionState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly hop: Hop }
  | { readonly kind: 'ready'; readonly transport: Transport }
  /** Lost, and tried again at `retryAt` (milliseconds since the epoch). */
  | { readonly kind: 'waiting'; readonly failure: Failure; readonly retryAt: number }
  /** Lost, and trying again cannot help. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/**
 * The one connection to a server, shared by its tunnels. A first `connect` that fails is the caller's to show;
 * once it stood, a lost connection comes back by itself for as long as somebody uses it.
 */
export class Connection implements Disposable {
  private readonly didChange = new Emitter<ConnectionState>()
  private readonly secrets = new TypedSecrets()
  private current: ConnectionState = { kind: 'idle' }
  private attempt: Attempt | undefined
  private users = 0
  private toldUnsupported = ''
  private healing: AbortController | undefined
  private wake: () => void = () => undefined

  readonly onDidChange = this.didChange.event

  constructor(
    private readonly options: {
      /** Asked before each attempt, so that a changed configuration counts from the next one on. */
      readonly settings: () => Promise<SshSettings>
      /** Resolves jump hosts as ssh_config says. */
      readonly resolve: (destination: Destination) => Promise<SshSettings>
      readonly prompts: SshPrompts
      readonly clock: Clock
      readonly log: Log
      /** The last user let go and the connection has been closed. */
      readonly onUnused: () => void
    },
  ) {}

  get state(): ConnectionState {
    return this.current
  }

  /** Keeps the connection open until disposed; when nobody uses it any more it closes. */
  use(): Disposable {
    this.users++
    let released = false
    return toDisposable(() => {
      if (released) return
      released = true
      if (--this.users === 0) {
        this.dispose()
        this.options.onUnused()
      }
    })
  }

  /**
   * Answers the open transport, or opens it; callers at the same time share one attempt, which is given up when
   * all of them have.
   * @throws Failure, or Cancelled when the signal is aborted.
   */
  async connect(signal: AbortSignal): Promise<Transport> {
    if (this.current.kind === 'ready') return this.current.transport
    const attempt = (this.attempt ??= this.startAttempt())
    attempt.waiting++
    this.wake()
    try {
      return await abortable(attempt.transport, signal)
    } catch (error) {
      throw signal.aborted ? new Cancelled() : error
    } finally {
      if (--attempt.waiting === 0) {
        attempt.controller.abort()
        // Whoever comes now gets an attempt of their own, not the end of one that was given up.
        if (this.attempt === attempt) this.attempt = undefined
      }
    }
  }

  /** Ends the wait for the next try. */
  retryNow(): void {
    if (this.current.kind === 'failed') void this.heal(this.current.failure)
    else this.wake()
  }

  dispose(): void {
    this.healing?.abort()
    this.attempt?.controller.abort()
    if (this.current.kind === 'ready') this.current.transport.dispose()
    this.become({ kind: 'idle' })
  }

  private startAttempt(): Attempt {
    const controller = new AbortController()
    const attempt: Attempt = { controller, waiting: 0, transport: this.open(controller.signal) }
    const forget = () => {
      if (this.attempt === attempt) this.attempt = undefined
    }
    attempt.transport.then(forget, forget)
    return attempt
  }

  private async open(signal: AbortSignal): Promise<Transport> {
    const { prompts, clock, log } = this.options
    try {
      this.become({ kind: 'connecting', hop: 'DNS' })
      const settings = await this.options.settings()
      this.tellUnsupported(settings)
      const transport = await openTransport({
        settings,
        prompts,
        secrets: this.secrets,
        clock,
        log,
        signal,
        onHop: (hop) => this.become({ kind: 'connecting', hop }),
        resolve: this.options.resolve,
      })
      if (signal.aborted || !transport.isOpen) {
        transport.dispose()
        throw signal.aborted ? new Cancelled() : failures.lost(settings, undefined)
      }
      transport.onDidClose((failure) => void this.heal(failure))
      this.become({ kind: 'ready', transport })
      log.info(`connected to ${settings.user}@${settings.hostName}`)
      return transport
    } catch (error) {
      // While healing, the loop says what comes next; after a cancel, an attempt that began since.
      const succeeded = signal.aborted && this.attempt !== undefined
      if (this.healing === undefined && !succeeded) this.become({ kind: 'idle' })
      throw error
    }
  }

  /** Once, not at each attempt: what ssh_config asks for and cannot be followed. */
  private tellUnsupported({ destination, unsupported }: SshSettings): void {
    const told = unsupported.join(', ')
    if (told === '' || told === this.toldUnsupported) return
    this.toldUnsupported = told
    this.options.log.warn(`ssh_config of ${destination} asks for what is not supported here: ${told}`)
  }

  private async heal(lost: Failure): Promise<void> {
    const { clock, log } = this.options
    this.healing?.abort()
    const healing = new AbortController()
    this.healing = healing
    let failure = lost
    const givenUp = () => healing.signal.aborted
    for (let tries = 0; !givenUp(); tries++) {
      log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
      const waitMs = backoffMs(tries)
      this.become({ kind: 'waiting', failure, retryAt: clock.now() + waitMs })
      await this.sleep(waitMs, healing.signal)
      if (givenUp()) break
      try {
        await this.connect(healing.signal)
        break
      } catch (error) {
        if (isCancelled(error)) break
        if (!(error instanceof Failure)) throw error
        failure = error
        if (!failure.canHeal) {
          this.become({ kind: 'failed', failure })
          break
        }
      }
    }
    if (this.healing === healing) this.healing = undefined
  }

  private sleep(ms: number, signal: AbortSignal): Promise<void> {
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

  private become(state: ConnectionState): void {
    this.current = state
    this.didChange.fire(state)
  }
}

interface Attempt {
  readonly controller: AbortController
  readonly transport: Promise<Transport>
  waiting: number
}
