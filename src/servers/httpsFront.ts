import { once } from 'node:events'
import { type AddressInfo, type Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { ServerChannel } from 'ssh2'
import { toDisposable, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { LocalAuthority } from '../tls/localAuthority'
import { badGateway } from './badGateway'

/** Takes visitors of `https://{name}.localhost:port` in and leads each to the channel of that name. */
export interface HttpsFront extends Disposable {
  readonly port: number
}

/**
 * Listens on 127.0.0.1, at the preferred port or else at any free one. It ends TLS and looks no further: what a
 * visitor sends goes to the channel byte for byte, both ways, until both have ended.
 */
export async function startHttpsFront(options: {
  preferredPort: number
  authority: LocalAuthority
  /** Undefined when no tunnel has that name. */
  openChannel: (name: string) => Promise<ServerChannel> | undefined
  log: Log
}): Promise<HttpsFront> {
  const { preferredPort, authority, openChannel, log } = options
  const sockets = new Set<Socket>()
  const server = createServer({
    ALPNProtocols: ['http/1.1'],
    allowHalfOpen: true,
    noDelay: true,
    handshakeTimeout: handshakeLimitMs,
    // Clients refuse a wildcard for *.localhost, so each name gets a certificate of its own.
    SNICallback: (hostName, callback) => {
      if (nameIn(hostName) === undefined) return callback(new Error(`not served here: ${hostName}`))
      authority.secureContext(hostName).then((context) => callback(null, context), callback)
    },
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', (error: Error) => log.debug(`HTTPS on this machine: ${error.message}`))
  server.on('secureConnection', (visitor) => {
    visitor.on('error', () => visitor.destroy())
    const name = nameIn(String(visitor.servername))
    const channel = name === undefined ? undefined : openChannel(name)
    if (channel === undefined) badGateway(visitor, 'noTunnel')
    else channel.then((opened) => joinChannel(visitor, opened)).catch(() => badGateway(visitor, 'noTunnel'))
  })
  await listen(server, preferredPort)
  server.on('error', (error: Error) => log.warn(`HTTPS on this machine: ${error.message}`))
  const stop = toDisposable(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, dispose: () => stop.dispose() }
}

const handshakeLimitMs = 10_000

/** The name in `name.localhost`. */
function nameIn(hostName: string): string | undefined {
  return /^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.localhost$/.exec(hostName.toLowerCase())?.[1]
}

async function listen(server: Server, preferredPort: number): Promise<void> {
  try {
    server.listen(preferredPort, '127.0.0.1')
    await once(server, 'listening')
  } catch {
    // Taken, or not for ordinary users.
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  }
}

/**
 * Joins a visitor to its channel, with half-close and back-pressure both ways. A tunnel that ends a visitor without
 * a word cannot reach its app: that is what 502 means.
 */
function joinChannel(visitor: TLSSocket, channel: ServerChannel): void {
  channel.on('error', () => undefined)
  if (visitor.destroyed) return abandon(channel)
  let head = Buffer.alloc(0)
  let answered = false
  const keepHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    if (head.length >= longestHead) visitor.off('data', keepHead)
  }
  visitor.on('data', keepHead)
  visitor.pipe(channel, { end: false })
  // ssh2's server closes a channel that is ended, which cuts the answer off. So: only EOF, behind all data.
  visitor.once('end', () => channel.write('', () => channel.eof()))
  visitor.once('close', () => abandon(channel))

  channel.once('data', () => {
    answered = true
    visitor.off('data', keepHead)
  })
  channel.pipe(visitor, { end: false })
  channel.once('end', () => {
    if (answered) {
      visitor.end()
    } else {
      visitor.off('data', keepHead).unpipe(channel)
      badGateway(visitor, 'noAnswer', head)
    }
  })
  channel.once('close', () => {
    if (answered) visitor.destroySoon()
  })
}

const longestHead = 16 * 1024

/** Nobody is left for what the channel still brings. */
function abandon(channel: ServerChannel): void {
  channel.end()
  channel.close()
  channel.resume()
}
