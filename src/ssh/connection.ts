import type { Address } from '../base/address'
import { ownPace, sharedPace } from '../base/backoff'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Cancelled, type Failure, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import type { Destination } from './destination'
import { abortable } from './dial'
import { failures } from './failures'
import { Healing } from './healing'
import { TypedSecrets } from './identities'
import type { NetworkWatch } from './networkWatch'
import { openTransport } from './openTransport'
import type { SshPrompts } from './prompts'
import type { RemoteForward } from './remoteForwards'
import type { SshSettings } from './settings'
import { StaleListeners, type ForwardOptions } from './staleListener'
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
 * once it stood, a lost connection comes back by itself for as long as somebody uses it. When nobody does any more
 * it stays for a moment, in case somebody comes, and closes.
 */
export class Connection implements Disposable {
  private readonly didChange = new Emitter<ConnectionState>()
  private readonly secrets = new TypedSecrets()
  private current: ConnectionState = { kind: 'idle' }
  private attempt: Attempt | undefined
  private users = 0
  private toldUnsupported = ''
  private healing: Healing | undefined
  /** Of the last transport: the tries it took, since when it was ready, and whether a forward stood. */
  private lastLife = { tries: 0, since: 0, stood: false }
  private shortLives = 0
  private readonly stale: StaleListeners
  private lingering: Disposable = nothing
  private watching: Disposable = nothing

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
      /** The connection has been closed, since nobody uses it. */
      readonly onUnused: () => void
      /**
       * It leads to a tunnel service. Nothing is run or looked at there, tries to come back are slow, and it closes
       * with its tunnel.
       */
      readonly isTunnelService?: boolean
      /** Tells when it is worth looking whether the connection still stands. */
      readonly networkWatch?: Pick<NetworkWatch, 'hold' | 'onDidChange'>
      /** The real one unless given. */
      readonly openTransport?: typeof openTransport
    },
  ) {
    this.stale = new StaleListeners(options.log)
  }

  get state(): ConnectionState {
    return this.current
  }

  /** Keeps the connection open until disposed. */
  use(): Disposable {
    if (this.users++ === 0) this.startUse()
    let released = false
    return toDisposable(() => {
      if (released) return
      released = true
      if (--this.users > 0) return
      if (this.current.kind !== 'ready' || this.isTunnelService) this.dispose()
      else this.lingering = this.options.clock.after(lingerMs, () => this.dispose())
    })
  }

  /** Closes now, if nobody uses it: what waits for somebody to come need not wait any longer. */
  closeIfUnused(): void {
    if (this.users === 0) this.dispose()
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
    this.healing?.joinIn()
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

  /**
   * Asks for a remote forward on this transport, and takes back what an earlier session of ours left of it.
   * @throws Failure when the server refuses.
   */
  async forward(
    transport: Transport,
    bind: Address,
    accept: Accept,
    options: ForwardOptions = {},
  ): Promise<RemoteForward> {
    const forward = this.isTunnelService
      ? await transport.forward(bind, accept)
      : await this.stale.forward(transport, bind, accept, options)
    if (this.current.kind === 'ready' && this.current.transport === transport) this.lastLife.stood = true
    return forward
  }

  /**
   * Lets a reverse proxy open a socket that sshd made for its user alone. Answers whether that changed anything;
   * false too where the server has no SFTP for us.
   */
  openToProxy(transport: Transport, path: string): Promise<boolean> {
    return this.isTunnelService ? Promise.resolve(false) : this.stale.openToProxy(transport, path)
  }

  /** Ends the wait for the next try; a connection that stands is asked whether it does. */
  retryNow(): void {
    switch (this.current.kind) {
      case 'ready':
        return this.current.transport.probe()
      case 'failed':
        return this.heal(this.current.failure, 0)
      case 'waiting':
        return this.healing?.tryNow()
      case 'idle':
      case 'connecting':
        return
    }
  }

  /**
   * Logs in anew because of this failure: a session of sshd's keeps the configuration it began with. At once when a
   * person asked for it (unless told otherwise), else as after a loss. Answers false, and does nothing, where others
   * use the connection too.
   */
  renew(failure: Failure, { isAsked = true } = {}): boolean {
    if (this.current.kind !== 'ready' || this.users > 1) return false
    this.current.transport.dispose()
    this.heal(failure, isAsked ? 0 : this.triesAfterLoss())
    return true
  }

  dispose(): void {
    this.lingering.dispose()
    this.watching.dispose()
    this.healing?.stop()
    this.healing = undefined
    this.attempt?.controller.abort()
    if (this.current.kind === 'ready') this.current.transport.dispose()
    this.become({ kind: 'idle' })
    this.options.onUnused()
  }

  private get isTunnelService(): boolean {
    return this.options.isTunnelService === true
  }

  private startUse(): void {
    const { networkWatch, log } = this.options
    this.lingering.dispose()
    this.watching.dispose()
    if (networkWatch === undefined) return
    const listening = networkWatch.onDidChange((event) => {
      log.debug(`${event}: looking after the connection`)
      this.onNetworkChange()
    })
    const hold = networkWatch.hold()
    this.watching = toDisposable(() => {
      listening.dispose()
      hold.dispose()
    })
  }

  private onNetworkChange(): void {
    if (this.current.kind === 'ready') this.current.transport.probe()
    // While a person is being asked, only they can end it.
    else if (this.current.kind === 'waiting' || isWithoutQuestions(this.current)) this.healing?.startOver()
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
    const open = this.options.openTransport ?? openTransport
    const before = this.current
    try {
      this.become({ kind: 'connecting', hop: 'DNS' })
      const settings = await this.options.settings()
      this.tellUnsupported(settings)
      const transport = await open({
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
      transport.onDidClose((failure) => this.onLost(transport, failure))
      this.lastLife = { tries: this.healing?.tries ?? 0, since: clock.now(), stood: false }
      this.become({ kind: 'ready', transport })
      log.info(`connected to ${settings.user}@${settings.hostName}`)
      return transport
    } catch (error) {
      // While healing, the loop says what comes next; after a cancel, an attempt that began since.
      const succeeded = signal.aborted && this.attempt !== undefined
      // What had failed for good has not healed by somebody else's try.
      const after: ConnectionState = before.kind === 'failed' ? before : { kind: 'idle' }
      if (this.healing === undefined && !succeeded) this.become(after)
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

  private onLost(transport: Transport, failure: Failure): void {
    this.stale.onLost(transport)
    if (this.users === 0) return this.dispose()
    this.heal(failure, this.triesAfterLoss())
  }

  /** A server that lets us in and out again is not to be asked without a pause. */
  private triesAfterLoss(): number {
    const { tries, since, stood } = this.lastLife
    const longEnough = this.isTunnelService ? steadyServiceMs : steadyMs
    const isSteady = this.options.clock.now() - since >= longEnough
    this.shortLives = isSteady ? 0 : this.shortLives + 1
    if (isSteady) return 0
    return stood && !this.isTunnelService ? Math.min(this.shortLives - 1, 1) : tries
  }

  private heal(lost: Failure, tries: number): void {
    const { clock, log } = this.options
    this.healing?.stop()
    const healing: Healing = new Healing({
      clock,
      log,
      tries,
      pace: this.isTunnelService ? sharedPace : ownPace,
      connect: (signal) => this.connect(signal),
      onWaiting: (failure, retryAt) => this.become({ kind: 'waiting', failure, retryAt }),
      onFailed: (failure) => {
        this.healing = undefined
        this.become({ kind: 'failed', failure })
      },
    })
    this.healing = healing
    void healing.run(lost).then(() => {
      if (this.healing === healing) this.healing = undefined
    })
  }

  /** What shows the state must not be able to end the healing. */
  private become(state: ConnectionState): void {
    this.current = state
    try {
      this.didChange.fire(state)
    } catch (error) {
      this.options.log.error(`a listener failed: ${String(error)}`)
    }
  }
}

interface Attempt {
  readonly controller: AbortController
  readonly transport: Promise<Transport>
  waiting: number
}

/** From a stop to the next start, such as of another port, the login need not be made again. */
const lingerMs = 3000

/** A connection that stood for so long was in order. */
const steadyMs = 10_000
const steadyServiceMs = 5 * 60_000

const nothing = toDisposable(() => undefined)

function isWithoutQuestions(state: ConnectionState): boolean {
  return state.kind === 'connecting' && ['DNS', 'TCP', 'SSH handshake'].includes(state.hop)
}
