import type { Socket } from 'node:net'
import type { Client } from 'ssh2'
import type { Address } from '../base/address'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { failures } from './failures'
import { RemoteForwards, type RemoteForward } from './remoteForwards'
import type { SshSettings } from './settings'
import { sendKeepalive } from './ssh2Library'

/** One life of the SSH connection: from a finished login until it ends. It does not come back. */
export class Transport implements Disposable {
  private readonly didClose = new Emitter<Failure>()
  private readonly forwards: RemoteForwards
  private keepalive: Disposable = toDisposable(() => undefined)
  private closed = false

  /** Fires once when the transport ends by anything but `dispose`. */
  readonly onDidClose = this.didClose.event

  constructor(
    private readonly options: {
      readonly client: Client
      readonly socket: Socket
      readonly settings: SshSettings
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    const { client, socket, settings } = options
    this.forwards = new RemoteForwards(client, settings, options.log)
    let lastError: unknown
    client.on('error', (error) => {
      lastError = error
      // After a protocol error ssh2 repeats 'error' for each received chunk: the first one ends it.
      socket.destroy()
    })
    client.once('close', () => this.end(failures.lost(settings, lastError)))
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

  /** Says goodbye and closes; the server drops its listeners with the connection. */
  dispose(): void {
    if (this.closed) return
    const { client, socket, clock } = this.options
    this.end(undefined)
    client.end()
    // A peer that never answers must not keep the socket.
    const limit = clock.after(1000, () => socket.destroy())
    socket.once('close', () => limit.dispose())
  }

  private end(failure: Failure | undefined): void {
    if (this.closed) return
    this.closed = true
    this.keepalive.dispose()
    this.forwards.dispose()
    if (failure) this.didClose.fire(failure)
    this.didClose.dispose()
  }

  /** Any byte shows life, so a busy connection is never taken for dead (ServerAliveInterval, ServerAliveCountMax). */
  private watchForDeadPeer(): void {
    const { client, socket, settings, clock } = this.options
    let seen = socket.bytesRead
    let unanswered = 0
    const tick = () => {
      if (socket.bytesRead !== seen) unanswered = 0
      else if (unanswered >= settings.serverAliveCountMax) {
        socket.destroy(new Error(`no answer to ${unanswered} keepalives`))
        return
      }
      seen = socket.bytesRead
      if (!sendKeepalive(client)) {
        // Without ssh2's internals the kernel's own probes have to do.
        socket.setKeepAlive(true, settings.serverAliveIntervalMs)
        return
      }
      unanswered++
      this.keepalive = clock.after(settings.serverAliveIntervalMs, tick)
    }
    this.keepalive = clock.after(settings.serverAliveIntervalMs, tick)
  }
}
