import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Scope } from './scope'

/** What happens to the bytes a server sends, from one of them on. */
export type Fault =
  | { readonly kind: 'stall' | 'cut'; readonly afterBytes: number }
  /** One byte is another. */
  | { readonly kind: 'corrupt'; readonly afterBytes: number }

/** A TCP proxy in front of a server on loopback, which does to each connection what `fault` says. */
export async function startFaultyProxy(
  scope: Scope,
  options: { targetPort: number; fault: () => Fault },
): Promise<{ port: number; openConnections: () => number }> {
  const sockets = new Set<Socket>()
  const own = (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((client) => {
    const fault = options.fault()
    const target = own(connect(options.targetPort, '127.0.0.1'))
    own(client).pipe(target)
    client.once('close', () => target.destroy())
    let passed = 0
    target.on('data', (chunk) => {
      const room = fault.afterBytes - passed
      passed += chunk.length
      if (room >= chunk.length) return void client.write(chunk)
      if (fault.kind === 'corrupt') {
        if (room >= 0) chunk[room] = (chunk[room] ?? 0) ^ 0x55
        return void client.write(chunk)
      }
      if (room > 0) client.write(chunk.subarray(0, room))
      if (fault.kind === 'cut') client.destroySoon()
    })
    target.once('close', () => client.destroySoon())
  })
  scope.add(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, openConnections: () => sockets.size }
}
