import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

/** A TCP port that was free on loopback a moment ago. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const [port] = await freePorts(1, host)
  return port!
}

/** Ports that were free a moment ago, all different: they are held together until all are known. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const holders: Server[] = []
  while (holders.length < count) {
    const holder = await listen(randomPort(), host)
    if (holder !== undefined) holders.push(holder)
  }
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port)
  await Promise.all(holders.map((holder) => once(holder.close(), 'close')))
  return ports
}

/** Below the ports that the OS gives to outgoing connections: one of those could take it before it is used. */
function randomPort(): number {
  return 10_000 + Math.floor(Math.random() * 20_000)
}

/** Whether nobody listens there now. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const holder = await listen(port, host)
  if (holder !== undefined) await once(holder.close(), 'close')
  return holder !== undefined
}

/** Undefined when the port is taken. */
function listen(port: number, host: string): Promise<Server | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server
      .once('error', () => resolve(undefined))
      .once('listening', () => resolve(server))
      .listen(port, host)
  })
}
