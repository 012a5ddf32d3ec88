import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { formatHostPort, type Address } from '../base/address'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { failures } from './failures'
import { RemoteForwards, type RemoteForward } from './remoteForwards'
import type { Route } from './route'
import type { SshSettings } from './settings'
import { sendKeepalive } from './ssh2Library'

/** One life of the SSH connection: from a finished login until it ends. It does not come back. */
export class Transport implements Disposable {
  private readonly didClose = new Emitter<Failure>()
  private readonly forwards: RemoteForwards
  private keepalive: Disposable = toDisposable(() => undefined)
  private unanswered = 0
  private closed = false

  /** Fires once when the transport ends by anything but `dispose`. */
  readonly onDidClose = this.didClose.event

  constructor(
    private readonly options: {
      readonly client: Client
      readonly route: Route
      readonly settings: SshSettings
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    const { client, route, settings } = options
    this.forwards = new RemoteForwards(client, settings, options.log)
    let lastError: unknown
    client.on('error', (error) => {
      lastError = error
      // After a protocol error ssh2 repeats 'error' for each received chunk: the first one ends it.
      route.stream.destroy()
    })
    client.once('close', () => {
      this.end(failures.lost(settings, lastError))
      // What led here (a jump host, a program) has carried the goodbye by now.
      route.dispose()
    })
    this.watchForDeadPeer()
  }

  get isOpen(): boolean {
    return !this.closed
  }

  /** Hears sshd's SSH_MSG_DEBUG texts, which hold the reason of a refused forward. */
  serverSaid(text: string): void {
    this.forwards.serverSaid(text)
  }

  /**
   * Asks the server to listen (RFC 4254 7.1; OpenSSH PROTOCOL 2.4 for unix sockets).
   * @throws Failure with what the server said when it refuses.
   */
  forward(bind: Address, accept: Accept): Promise<RemoteForward> {
    return this.forwards.open(bind, accept)
  }

  /**
   * Opens a connection from the server to an address it can reach (RFC 4254 7.2, direct-tcpip).
   * @throws Failure when the server does not connect there.
   */
  openDirect(host: string, port: number): Promise<Duplex> {
    const { client, settings } = this.options
    return new Promise((resolve, reject) => {
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error) reject(failures.jumpRefused(settings, formatHostPort(host, port), error.message))
        else resolve(channel)
      })
    })
  }

  /** Says goodbye and closes; the server drops its listeners with the connection. */
  dispose(): void {
    if (this.closed) return
    const { client, route, clock } = this.options
    this.end(undefined)
    client.end()
    // A peer that never answers must not keep the socket.
    const limit = clock.after(1000, () => route.stream.destroy())
    route.stream.once('close', () => limit.dispose())
  }

  private end(failure: Failure | undefined): void {
    if (this.closed) return
    this.closed = true
    this.keepalive.dispose()
    this.forwards.dispose()
    if (failure) this.didClose.fire(failure)
    this.didClose.dispose()
  }

  /**
   * Any byte shows life, so a busy connection is never taken for dead (ServerAliveInterval, ServerAliveCountMax).
   * Only sockets count their bytes; on another route the answers to the keepalives themselves have to do.
   */
  private watchForDeadPeer(): void {
    const { client, route, settings, clock } = this.options
    const bytesRead = () => (route.stream instanceof Socket ? route.stream.bytesRead : 0)
    let seen = bytesRead()
    const tick = () => {
      if (bytesRead() !== seen) this.unanswered = 0
      else if (this.unanswered >= settings.serverAliveCountMax) {
        route.stream.destroy(new Error(`no answer to ${this.unanswered} keepalives`))
        return
      }
      seen = bytesRead()
      if (!sendKeepalive(client, () => (this.unanswered = 0))) {
        // Without ssh2's internals the kernel's own probes have to do.
        if (route.stream instanceof Socket) route.stream.setKeepAlive(true, settings.serverAliveIntervalMs)
        return
      }
      this.unanswered++
      this.keepalive = clock.after(settings.serverAliveIntervalMs, tick)
    }
    this.keepalive = clock.after(settings.serverAliveIntervalMs, tick)
  }
}
