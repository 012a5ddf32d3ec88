import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import {
  Server,
  utils,
  type AuthContext,
  type Connection as Guest,
  type ServerChannel,
  type Session,
  type TcpipRequestInfo,
} from 'ssh2'
import WebSocket from 'ws'
import type { ServiceName } from '../../src/servers/profile'
import type { Scope } from './scope'
import { randomName, serviceScripts, type ServiceScript } from './serviceScripts'
import type { TestCa } from './testCa'

/** What the service does that it should not, or does not like. All may change while it runs. */
export interface ServiceFaults {
  /** The name is somebody else's: another is given, or none. */
  nameTaken?: 'another' | 'none'
  /** It never names a URL. */
  saysNoUrl?: boolean
  /** It says this, line by line, before anything of its own. */
  saysFirst?: string
  /** It refuses the tunnel in these words. */
  refuses?: string
  /** It opens no session. */
  noSession?: boolean
  /** pinggy: it does not answer at localhost:4300. */
  noUrlList?: boolean
  /** pinggy, `auth`: it asks for a password, and any is right. */
  asksPassword?: boolean
  /** localhost.run: the form in which it prints what happens. */
  format?: 'event' | 'cloud event' | 'text'
  /** What it prints comes as standard error. */
  onStderr?: boolean
}

/** A tunnel that stands. */
export interface ServiceTunnel {
  readonly guest: Guest
  /** As it was asked for, and as each visitor's channel says. */
  readonly bind: { readonly host: string; readonly port: number }
  readonly user: string
  hostName: string
}

/**
 * A tunnel service as its documentation and published sessions show it: its login, what it answers to which request,
 * the text it prints, and an HTTPS front that leads visitors through the connection. It answers on loopback; visitors
 * find its names there.
 */
export class TunnelService {
  /** All that was asked of it since the start, in order. */
  readonly asked: string[] = []
  readonly faults: ServiceFaults = {}
  /** Public keys it knows, `ssh-ed25519 AAAA…`. */
  readonly knownKeys: string[] = []
  readonly tunnels = new Set<ServiceTunnel>()
  readonly guests = new Set<Guest>()
  readonly channels = new Map<Guest, ServerChannel>()
  readonly domain: string
  readonly host = '127.0.0.1'
  port = 0
  isCrashed = false
  private server: Server
  private front: TlsServer | undefined
  private readonly sockets = new Set<Socket>()
  private readonly script: ServiceScript
  private readonly hostKey = utils.generateKeyPairSync('ecdsa', { bits: 256 })

  constructor(
    readonly service: ServiceName,
    private readonly ca: TestCa,
    /** Where visitors come in. */
    readonly frontAddress: { readonly host: string; readonly port: number } = { host: '127.0.0.1', port: 0 },
  ) {
    this.script = serviceScripts[service]
    this.domain = this.script.domain
    this.server = this.newServer()
  }

  async start(): Promise<void> {
    const names = ['*.my.sish.test', '*.lhr.life', '*.lhr.rocks', '*.tuns.sh', '*.serveousercontent.com']
    const more = ['*.run.pinggy-free.link', '*.free.pinggy.net', '*.ngrok-free.app', '*.ngrok.app']
    const { keyPem, certPem } = await this.ca.issue({ names: [...names, ...more] })
    this.front = createTlsServer({ key: keyPem, cert: certPem }, (socket) =>
      this.letIn(socket, socket.servername),
    )
    this.front.on('connection', (socket: Socket) => {
      this.sockets.add(socket.on('error', () => undefined))
      socket.once('close', () => this.sockets.delete(socket))
    })
    await once(this.front.listen(this.frontAddress.port, this.frontAddress.host), 'listening')
    await this.listen()
  }

  /** Begins to answer, at the same port as before. */
  async listen(): Promise<void> {
    this.server = this.newServer()
    this.server.listen(this.port, this.host)
    await once(this.server as unknown as NodeJS.EventEmitter, 'listening')
    this.port = (this.server.address() as AddressInfo).port
  }

  /** Ends every connection, and answers no more. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(() => resolve(undefined)))
    this.hangUp()
    await closed
  }

  async close(): Promise<void> {
    await this.stop()
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => (this.front === undefined ? resolve(0) : this.front.close(resolve)))
  }

  get knownHostsLine(): string {
    const [type = '', blob = ''] = this.hostKey.public.split(' ')
    return `[${this.host}]:${this.port} ${type} ${blob}`
  }

  /** How many have logged in. */
  get logins(): number {
    return this.asked.filter((what) => what.startsWith('login ')).length
  }

  /** Ends every connection, as when the time of a free tunnel is over. */
  hangUp(): void {
    for (const guest of this.guests) guest.end()
  }

  /** Ends the sessions, and not the connections. */
  endSessions(): void {
    for (const channel of this.channels.values()) {
      channel.exit(0)
      channel.end()
    }
  }

  /** Prints in every session, in odd pieces. */
  say(text: string): void {
    for (const channel of this.channels.values()) this.print(channel, text)
  }

  /** Gives each tunnel another name, as free services do after hours. */
  rename(): void {
    for (const tunnel of this.tunnels) {
      tunnel.hostName = randomName(this.domain)
      this.announce(tunnel)
    }
  }

  announce(tunnel: ServiceTunnel): void {
    const channel = this.channels.get(tunnel.guest)
    if (channel === undefined || this.faults.saysNoUrl === true) return
    this.print(channel, this.script.announcement(tunnel, this.faults))
  }

  print(channel: ServerChannel, text: string): void {
    const out = this.faults.onStderr === true ? channel.stderr : channel
    const bytes = Buffer.from(text)
    for (let start = 0, length = 1; start < bytes.length; start += length, length = (length % 13) + 3) {
      out.write(bytes.subarray(start, start + length))
    }
  }

  /** Calls a URL of the service's as a visitor. */
  async visit(url: string): Promise<{ readonly status: number; readonly body: string }> {
    const { hostname, pathname, search } = new URL(url)
    const asking = requestHttps({
      ...this.towards(hostname),
      path: `${pathname}${search}`,
      headers: { host: hostname },
      agent: false,
    })
    asking.end()
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    let body = ''
    for await (const chunk of response.setEncoding('utf8')) body += chunk as string
    return { status: response.statusCode ?? 0, body }
  }

  async openWebSocket(url: string): Promise<WebSocket> {
    const { hostname } = new URL(url)
    const createConnection = () => connectTls(this.towards(hostname))
    const socket = new WebSocket(url.replace(/^https/, 'wss'), {
      createConnection,
    })
    await once(socket, 'open')
    return socket
  }

  private towards(servername: string) {
    const { port } = this.front?.address() as AddressInfo
    return { host: this.host, port, servername, ca: this.ca.certPem }
  }

  private newServer(): Server {
    const { banner } = this.script
    const options = { hostKeys: [this.hostKey.private], ...(banner === undefined ? {} : { banner }) }
    return new Server(options, (guest) => this.welcome(guest))
  }

  private welcome(guest: Guest): void {
    let user = ''
    this.guests.add(guest)
    guest.on('error', () => undefined)
    guest.once('close', () => {
      this.guests.delete(guest)
      this.channels.delete(guest)
      for (const tunnel of this.tunnels) if (tunnel.guest === guest) this.tunnels.delete(tunnel)
    })
    guest.on('authentication', (context) => {
      user = context.username
      this.authenticate(context)
    })
    guest.on('request', (accept, reject, name, info) => {
      const { bindAddr: host, bindPort: port } = info
      this.asked.push(`${name} ${host}:${port}`)
      if (name === 'tcpip-forward') {
        this.script.forward(
          this,
          { guest, user, bind: { host, port } },
          { accept: accept as Answer, reject: () => reject?.() },
        )
      } else {
        for (const tunnel of this.tunnels) if (tunnel.guest === guest) this.tunnels.delete(tunnel)
        accept?.()
      }
    })
    guest.on('session', (accept, reject) => {
      if (this.faults.noSession === true) return reject()
      this.serve(guest, accept())
    })
    guest.on('tcpip', (accept, reject, info: TcpipRequestInfo) => {
      this.asked.push(`direct-tcpip ${info.destIP}:${info.destPort}`)
      this.script.direct?.(this, guest, info, { accept, reject }) ?? reject()
    })
  }

  private authenticate(context: AuthContext): void {
    const methods = this.script.methods(this, context.username)
    const known =
      context.method === 'publickey' &&
      this.knownKeys.some((key) => key.split(' ')[1] === context.key.data.toString('base64'))
    if (
      !methods.includes(context.method) ||
      (context.method === 'publickey' && !known && this.script.takesKnownKeysOnly)
    ) {
      return context.reject(methods)
    }
    // Only a question whether the key would do. Its proof is not looked at: what is tested is the other side.
    if (context.method === 'publickey' && context.signature === undefined) return context.accept()
    if (context.method === 'keyboard-interactive') return context.prompt([], () => this.letLogIn(context))
    this.letLogIn(context)
  }

  private letLogIn(context: AuthContext): void {
    this.asked.push(`login ${context.username} by ${context.method}`)
    context.accept()
  }

  private serve(guest: Guest, session: Session): void {
    const open = (what: string, accept: () => ServerChannel, reject: () => void) => {
      this.asked.push(what)
      if (!this.script.sessions.includes(what.split(' ')[0] ?? '')) {
        if (!this.script.ignores) reject()
        return
      }
      if (this.channels.has(guest) && this.script.isBrokenBySecondSession) {
        this.crash()
        return
      }
      const channel = accept()
      channel.on('error', () => undefined)
      this.channels.set(guest, channel)
      channel.once('close', () => this.channels.delete(guest))
      this.print(channel, `${this.faults.saysFirst ?? ''}${this.script.greeting ?? ''}`)
      const standing = [...this.tunnels].filter((tunnel) => tunnel.guest === guest)
      this.script.onSession?.(this, guest, channel)
      for (const tunnel of standing) this.announce(tunnel)
    }
    session.on('shell', (accept, reject) => open('shell', accept, reject))
    session.on('exec', (accept, reject, { command }) => open(`exec ${command}`, accept, reject))
    session.on('pty', (_accept, reject) => {
      this.asked.push('pty')
      if (!this.script.ignores) reject()
    })
    session.on('sftp', (_accept, reject) => {
      this.asked.push('sftp')
      reject()
    })
  }

  /** The whole server goes down with it. */
  private crash(): void {
    this.isCrashed = true
    this.hangUp()
  }

  private letIn(socket: Socket, servername: string | false | null): void {
    socket.on('error', () => undefined)
    const tunnel = [...this.tunnels].find(({ hostName }) => hostName === servername)
    if (tunnel === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
    const { guest, bind } = tunnel
    const origin = this.script.originOf(tunnel)
    guest.forwardOut(bind.host, bind.port, origin.address, origin.port, (error, channel) => {
      if (error) return void socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')
      channel.on('error', () => undefined)
      socket.pipe(channel).pipe(socket)
      socket.once('close', () => channel.destroy())
      channel.once('close', () => socket.end())
    })
  }
}

export type Answer = (port?: number) => void

/** Starts it; the scope ends it. */
export async function startTunnelService(
  scope: Scope,
  options: {
    service: ServiceName
    ca: TestCa
    faults?: ServiceFaults
    frontAddress?: TunnelService['frontAddress']
  },
): Promise<TunnelService> {
  const service = new TunnelService(options.service, options.ca, options.frontAddress)
  Object.assign(service.faults, options.faults)
  scope.add(() => service.close())
  await service.start()
  return service
}
