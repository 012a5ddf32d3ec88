import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Scope } from './scope'

/** A server on loopback that does as told with each who connects; the scope ends it with all of them. Answers its port. */
export async function startRawServer(scope: Scope, talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    talk(socket)
  })
  scope.add(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}
