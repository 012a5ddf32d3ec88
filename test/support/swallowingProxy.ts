import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Scope } from './scope'

/** A TCP proxy in front of a server on loopback: the path to it, which a test takes away in all its ways. */
export interface SwallowingProxy {
  readonly port: number
  /** Since the start. */
  readonly accepted: number
  openConnections(): number
  /** From now on no byte passes on the connections there are, either way, and neither end hears of it. */
  swallow(): void
  /** As swallow, and new connections are not answered either, until `restore`. */
  goDark(): void
  /** New connections pass again; those that were swallowed stay so. */
  restore(): void
  /** Ends every connection, at both ends. */
  cut(): void
  /** Ends those that were swallowed: the server learns at last that nobody is there. */
  cutSwallowed(): void
}

export async function startSwallowingProxy(
  scope: Scope,
  { targetPort }: { targetPort: number },
): Promise<SwallowingProxy> {
  const pairs = new Set<readonly Socket[]>()
  let isDark = false
  let accepted = 0
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
    accepted += 1
    const target = connect({ port: targetPort, host: '127.0.0.1', noDelay: true })
    const pair = [client, target]
    pairs.add(pair)
    for (const [index, end] of pair.entries()) {
      end.on('error', () => undefined)
      end.once('close', () => {
        // A swallowed path tells neither end of the other's.
        if (!swallowed.has(pair)) pair[1 - index]?.destroy()
        if (pair.every((one) => one.destroyed)) pairs.delete(pair)
      })
    }
    if (isDark) return void swallowed.add(pair)
    client.pipe(target).pipe(client)
  })
  const swallowed = new WeakSet<readonly Socket[]>()
  const swallow = () => {
    for (const pair of pairs) {
      swallowed.add(pair)
      for (const end of pair) end.unpipe().pause()
    }
  }
  scope.add(() => {
    for (const pair of pairs) for (const end of pair) end.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted
    },
    openConnections: () => pairs.size,
    swallow,
    goDark: () => {
      isDark = true
      swallow()
    },
    restore: () => (isDark = false),
    cut: () => {
      for (const pair of pairs) for (const end of pair) end.destroy()
    },
    cutSwallowed: () => {
      for (const pair of pairs) if (swallowed.has(pair)) for (const end of pair) end.destroy()
    },
  }
}
