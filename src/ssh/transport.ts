import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { formatHostPort, type Address } from '../base/address'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { within } from '../base/within'
import { failures, saysForcedCommand } from './failures'
import { listenForChannels, type ChannelKind } from './forwardedChannels'
import { RemoteForwards, type RemoteForward } from './remoteForwards'
import type { Route } from './route'
import type { SshSettings } from './settings'
import { Sftp } from './sftp'
import { sendKeepalive } from './ssh2Internals'

/** One life of the SSH connection: from a finished login until it ends. It does not come back. */
export class Transport implements Disposable {
  private readonly didClose = new Emitter<Failure>()
  private readonly forwards: RemoteForwards
  private keepalive: Disposable = toDisposable(() => undefined)
  private unanswered = 0
  private probing: Disposable | undefined
  private hasForcedCommand = false
  private closed = false

  /** Fires once when the transport ends by anything but `dispose`. */
  readonly onDidClose = this.didClose.event

  constructor(
    private readonly options: {
      readonly client: Client
      readonly route: Route
      readonly settings: SshSettings
      /** What the server said before the login (RFC 4252 5.4), after its host key was trusted. */
      readonly banner?: string
      readonly channels?: ChannelKind
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    const { client, route, settings } = options
    this.forwards = new RemoteForwards(client, settings, options.log)
    listenForChannels(
      {
        client,
        route,
        clock: options.clock,
        onArrival: (arrival) => this.forwards.route(arrival),
        onViolation: (text) => route.stream.destroy(new Error(text)),
      },
      options.channels,
    )
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

  get settings(): SshSettings {
    return this.options.settings
  }

  /** What the server said before the login; empty for nothing. */
  get banner(): string {
    return this.options.banner ?? ''
  }

  /** The address that was dialled; undefined where a jump host or a program led here. */
  get peerAddress(): string | undefined {
    const { stream } = this.options.route
    return stream instanceof Socket ? stream.remoteAddress : undefined
  }

  /** Hears sshd's SSH_MSG_DEBUG texts, which hold the reason of a refused forward. */
  serverSaid(text: string): void {
    this.hasForcedCommand ||= saysForcedCommand(text)
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

  /**
   * Whether somebody answers on a unix socket of the server's (OpenSSH PROTOCOL 2.4, direct-streamlocal). False
   * too where the server does not let us ask.
   */
  answersOn(socketPath: string): Promise<boolean> {
    const { client, clock } = this.options
    const asked = new Promise<boolean>((resolve) => {
      client.openssh_forwardOutStreamLocal(socketPath, (error: Error | undefined, channel: Duplex) => {
        if (error === undefined) channel.on('error', () => undefined).destroy()
        resolve(error === undefined)
      })
    })
    return within(clock, askLimitMs, asked)
  }

  /**
   * Runs a command there and answers with what it printed.
   * @throws Error when the server does not run it, or it takes longer than a few seconds.
   */
  run(command: string): Promise<string> {
    const { client, clock } = this.options
    let giveUp: () => void = () => undefined
    const ran = new Promise<string>((resolve, reject) => {
      this.assertOwnCommand()
      client.exec(command, (error, channel) => {
        if (error) return reject(error)
        let printed = ''
        channel
          .setEncoding('utf8')
          .on('data', (text: string) => (printed = (printed + text).slice(-mostPrinted)))
        channel.stderr.resume()
        giveUp = () => channel.close()
        channel.on('error', () => undefined).once('close', () => resolve(printed))
        channel.end()
      })
    })
    return within(clock, askLimitMs, ran).catch((error: unknown) => {
      giveUp()
      throw error
    })
  }

  /**
   * Opens a session (RFC 4254 6.1) without a terminal: the login shell, or one command. What stands on its standard
   * error comes mixed into what is read.
   * @throws Error when the server opens none.
   */
  openSession(request: 'shell' | { readonly exec: string }): Promise<Duplex> {
    const { client } = this.options
    return new Promise((resolve, reject) => {
      const opened = (error: Error | undefined, channel: ClientChannel) => {
        if (error) {
          reject(error)
          return
        }
        channel.on('error', () => undefined)
        // Pushed, not emitted: it may come before anybody listens.
        channel.stderr.on('data', (chunk: Buffer) => channel.push(chunk))
        resolve(channel)
      }
      if (request === 'shell') client.shell(false, opened)
      else client.exec(request.exec, opened)
    })
  }

  /** @throws Error when the server has no SFTP for us. */
  async openSftp(): Promise<Sftp> {
    this.assertOwnCommand()
    return Sftp.open(this.options.client, this.options.clock)
  }

  /** Asks for a sign of life now and waits a few seconds for it, where the keepalives would take a minute. */
  probe(): void {
    if (this.closed || this.probing !== undefined) return
    const { client, route, clock } = this.options
    const seen = this.bytesRead()
    const done = () => {
      this.probing?.dispose()
      this.probing = undefined
    }
    if (!sendKeepalive(client, done)) return
    this.probing = clock.after(probeLimitMs, () => {
      done()
      if (this.bytesRead() !== seen) return
      route.stream.destroy(new Error(`no answer within ${probeLimitMs / 1000} s`))
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
    this.probing?.dispose()
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
    let seen = this.bytesRead()
    const tick = () => {
      if (this.bytesRead() !== seen) this.unanswered = 0
      else if (this.unanswered >= settings.serverAliveCountMax) {
        route.stream.destroy(new Error(`no answer to ${this.unanswered} keepalives`))
        return
      }
      seen = this.bytesRead()
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
  private assertOwnCommand(): void {
    if (this.hasForcedCommand) throw new Error('this key runs a command of its own there')
  }

  private bytesRead(): number {
    const { stream } = this.options.route
    return stream instanceof Socket ? stream.bytesRead : 0
  }
}

const probeLimitMs = 5000
const askLimitMs = 5000
const mostPrinted = 4096
