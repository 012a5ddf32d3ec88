import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

/** A TCP port that was free on loopback a moment ago. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const [port] = await freePorts(1, host)
  return port!
}

/** Ports that were free a moment ago, all different: they are held together until all are known. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const holders = await Promise.all(Array.from({ length: count }, () => listen(host)))
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port)
  await Promise.all(holders.map((holder) => once(holder.close(), 'close')))
  return ports
}

/** Whether nobody listens there now. */
export async function isFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer()
  const listening = await new Promise<boolean>((resolve) => {
    server
      .once('error', () => resolve(false))
      .once('listening', () => resolve(true))
      .listen(port, host)
  })
  if (listening) await once(server.close(), 'close')
  return listening
}

async function listen(host: string): Promise<Server> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  return server
}
