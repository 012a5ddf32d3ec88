import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { WebSocketServer } from 'ws'
import type { Scope } from './scope'

export interface AppOptions {
  /** 127.0.0.1 unless given. */
  readonly host?: string
  /** A free one unless given. */
  readonly port?: number
}

export interface EchoAppOptions extends AppOptions {
  /** Speaks HTTPS with these. */
  readonly tls?: { readonly keyPem: string; readonly certPem: string }
  /** Between two server-sent events; 100 ms unless given. */
  readonly sseIntervalMs?: number
}

/** What the echo app answers to any path it has no other answer for. */
export interface Echo {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string | string[]>
  readonly bytes: number
  readonly sha256: string
}

/**
 * Starts an HTTP app in this process. It answers with JSON of the request itself (`Echo`), except
 * `/bytes?n=` with n bytes of `deterministicBytes`, `POST /sink` with `{ bytes, sha256 }`,
 * `/sse` with three events and then silence, `/slow?ms=` late, and a WebSocket at `/ws` with what it gets.
 */
export async function startEchoApp(scope: Scope, options: EchoAppOptions = {}): Promise<EchoApp> {
  const { tls } = options
  const server = tls === undefined ? createServer() : createTlsServer({ key: tls.keyPem, cert: tls.certPem })
  const app = new EchoApp(server, options)
  scope.add(() => app.close())
  await listen(server, options)
  return app
}

export class EchoApp {
  /** Every request since the start, oldest first, WebSocket handshakes too. */
  readonly requests: { readonly method: string; readonly url: string }[] = []
  /** The visitors of /sse: those who listen now, and those who have gone. */
  readonly sse = { open: 0, left: 0 }
  private readonly sockets = new Set<Socket>()
  private readonly timers = new Set<NodeJS.Timeout>()
  private readonly webSockets = new WebSocketServer({ noServer: true })

  constructor(
    private readonly server: Server,
    private readonly options: EchoAppOptions,
  ) {
    server.requestTimeout = 0
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push({ method: request.method ?? '', url: request.url ?? '' })
      // A visitor who leaves half-way breaks the pipeline; that is no fault of the app.
      this.answer(request, response).catch(() => response.destroy())
    })
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.requests.push({ method: 'UPGRADE', url: request.url ?? '' })
      if (request.url !== '/ws') return void socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('message', (message, isBinary) => webSocket.send(message, { binary: isBinary }))
        webSocket.on('error', () => undefined)
      })
    })
  }

  get host(): string {
    return this.options.host ?? '127.0.0.1'
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host
    return `${this.options.tls === undefined ? 'http' : 'https'}://${host}:${this.port}`
  }

  openConnections(): number {
    return this.sockets.size
  }

  /** Ends every visitor too. */
  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    this.webSockets.close()
    await closeServer(this.server, this.sockets)
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app')
    if (pathname === '/bytes') await sendBytes(response, Number(searchParams.get('n')))
    else if (pathname === '/sse') await this.sendEvents(response)
    else if (pathname === '/sink') sendJson(response, await digest(request))
    else if (pathname === '/slow') {
      await this.sleep(Number(searchParams.get('ms') ?? 1000))
      sendJson(response, { slow: true })
    } else {
      const { method, url, headers } = request
      sendJson(response, { method, url, headers, ...(await digest(request)) })
    }
  }

  private async sendEvents(response: ServerResponse): Promise<void> {
    this.sse.open += 1
    response.once('close', () => {
      this.sse.open -= 1
      this.sse.left += 1
    })
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    for (const count of [1, 2, 3]) {
      await this.sleep(this.options.sseIntervalMs ?? 100)
      response.write(`id: ${count}\ndata: event ${count}\n\n`)
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.timers.delete(timer)
        resolve()
      }, ms)
      this.timers.add(timer)
    })
  }
}

/** Starts a raw TCP app: it reads until the visitor ends, answers with the SHA-256 in hex, and ends. */
export async function startTcpApp(scope: Scope, options: AppOptions = {}): Promise<TcpApp> {
  const sockets = new Set<Socket>()
  const received = { bytes: 0, connections: 0 }
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    received.connections += 1
    const hash = createHash('sha256')
    socket
      .on('data', (chunk: Buffer) => {
        received.bytes += chunk.length
        hash.update(chunk)
      })
      .on('end', () => socket.end(hash.digest('hex')))
      .on('error', () => undefined)
      .on('close', () => sockets.delete(socket))
  })
  const close = () => closeServer(server, sockets)
  scope.add(close)
  await listen(server, options)
  return {
    host: options.host ?? '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    received,
    openConnections: () => sockets.size,
    close,
  }
}

export interface TcpApp {
  readonly host: string
  readonly port: number
  /** Since the start. */
  readonly received: { readonly bytes: number; readonly connections: number }
  openConnections(): number
  close(): Promise<void>
}

/** `count` bytes that are the same each time and never repeat: a cipher's key stream. */
export function deterministicBytes(count: number): Readable {
  return Readable.from(chunksOf(count), { objectMode: false })
}

/** The SHA-256, in hex, of `deterministicBytes(count)`. */
export function deterministicSha256(count: number): string {
  const hash = createHash('sha256')
  for (const chunk of chunksOf(count)) hash.update(chunk)
  return hash.digest('hex')
}

function* chunksOf(count: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  for (let left = count; left > 0; left -= 65_536) yield cipher.update(Buffer.alloc(Math.min(left, 65_536)))
}

function sendBytes(response: ServerResponse, count: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': count })
  return pipeline(deterministicBytes(count), response)
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

async function digest(request: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    hash.update(chunk)
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function listen(server: TcpServer, { host = '127.0.0.1', port = 0 }: AppOptions): Promise<void> {
  server.listen(port, host)
  await once(server, 'listening')
}

async function closeServer(server: TcpServer, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return
  const closed = [once(server.close(), 'close'), ...[...sockets].map((socket) => once(socket, 'close'))]
  for (const socket of sockets) socket.destroy()
  await Promise.all(closed)
}
