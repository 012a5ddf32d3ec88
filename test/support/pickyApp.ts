import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { Scope } from './scope'

/** Why a request is refused, as a development server's own rules have it; undefined when it is let in. */
type Rule = (request: IncomingMessage, kind: 'page' | 'form' | 'WebSocket') => string | undefined

const isLocal = (host: string) => /^(?:localhost|.*\.localhost|127\.0\.0\.1|\[::1\])$/.test(host)
const hostNameOf = (host: string | undefined) => /^(\[.*\]|[^:]*)/.exec(host ?? '')?.[1] ?? ''
const hostOf = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : origin)
const header = (request: IncomingMessage, name: string): string | undefined => {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** What these servers check by default, from their documentation and source. */
export const rules = {
  /** `allowedHosts: 'auto'`: Host for everything; the WebSocket needs an Origin, and the same one. */
  'webpack-dev-server': (request, kind) => {
    const host = hostNameOf(request.headers.host)
    if (!isLocal(host)) return 'Invalid Host header'
    if (kind !== 'WebSocket') return undefined
    const { origin = '' } = request.headers
    return hostNameOf(hostOf(origin)) === host ? undefined : 'Invalid Host/Origin header'
  },
  /** `allowedDevOrigins` for /_next and hot reload; server actions compare Origin with X-Forwarded-Host or Host. */
  Next: (request, kind) => {
    const { origin } = request.headers
    if (origin === undefined) return undefined
    if (kind === 'WebSocket') return isLocal(hostNameOf(hostOf(origin))) ? undefined : 'Unauthorized'
    if (kind === 'page') return undefined
    const host = header(request, 'x-forwarded-host') ?? request.headers.host
    return hostOf(origin) === host ? undefined : 'Invalid Server Actions request'
  },
  /** HostAuthorization looks at both names; protect_from_forgery compares Origin with the URL that was called. */
  Rails: (request, kind) => {
    const forwarded = header(request, 'x-forwarded-host')
    const hosts = [request.headers.host, ...(forwarded === undefined ? [] : [forwarded])]
    if (!hosts.every((host) => isLocal(hostNameOf(host)))) return 'Blocked hosts'
    const scheme = header(request, 'x-forwarded-proto') ?? 'http'
    const { origin, host = '' } = request.headers
    if (kind === 'page' || origin === undefined || origin === `${scheme}://${host}`) return undefined
    return "HTTP Origin header didn't match request.base_url"
  },
  /** ALLOWED_HOSTS with DEBUG; CsrfViewMiddleware compares Origin, else Referer, with the URL that was called. */
  Django: (request, kind) => {
    const { host = '', origin, referer } = request.headers
    if (!isLocal(hostNameOf(host))) return 'DisallowedHost'
    if (kind !== 'form') return undefined
    const from = origin ?? (referer === undefined ? undefined : new URL(referer).origin)
    return from === undefined || from === `http://${host}` ? undefined : 'CSRF verification failed'
  },
} as const satisfies Record<string, Rule>

export interface PickyApp {
  readonly port: number
  /** Why requests were refused, oldest first. */
  readonly refusals: readonly string[]
}

/** An app that refuses what such a server refuses, and else answers `welcome`; its WebSocket says so too. */
export async function startPickyApp(scope: Scope, of: keyof typeof rules): Promise<PickyApp> {
  const rule: Rule = rules[of]
  const refusals: string[] = []
  const sockets = new Set<Socket>()
  const webSockets = new WebSocketServer({ noServer: true })
  const server = createServer((request, response) => {
    const refusal = rule(request, request.method === 'POST' ? 'form' : 'page')
    if (refusal !== undefined) refusals.push(refusal)
    request.resume()
    response.writeHead(refusal === undefined ? 200 : 403, { 'content-type': 'text/html' })
    response.end(refusal ?? 'welcome')
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head) => {
    const refusal = rule(request, 'WebSocket')
    if (refusal !== undefined) {
      refusals.push(refusal)
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
      return
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => undefined)
      webSocket.send('welcome')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.add(async () => {
    webSockets.close()
    const closed = once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { port: (server.address() as AddressInfo).port, refusals }
}
