import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Scope } from './scope'

/** Sits between two programs and keeps all that passes, both ways. */
export interface RecordingRelay {
  /** Where it listens, when that is no path. */
  readonly port: number
  /** Whether these bytes have passed, whole, in either direction. */
  hasSeen(text: string): boolean
  readonly byteCount: number
}

/** `from`: the path of a unix socket, or 0 for any free port of 127.0.0.1. */
export async function startRecordingRelay(
  scope: Scope,
  { from, to }: { from: string | 0; to: string | number },
): Promise<RecordingRelay> {
  const recorded: Buffer[][] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    const inner =
      typeof to === 'string'
        ? connect({ path: to, allowHalfOpen: true })
        : connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
    for (const [one, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      const direction: Buffer[] = []
      recorded.push(direction)
      sockets.add(one)
      one.on('data', (chunk: Buffer) => direction.push(chunk)).on('error', () => other.destroy())
      one.once('close', () => sockets.delete(one))
      one.pipe(other)
    }
  })
  if (from === 0) server.listen(0, '127.0.0.1')
  else server.listen(from)
  await once(server, 'listening')
  scope.add(async () => {
    const closed = once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
  })
  const address = server.address()!
  return {
    port: typeof address === 'string' ? 0 : address.port,
    hasSeen: (text) => recorded.some((direction) => Buffer.concat(direction).includes(text)),
    get byteCount() {
      return recorded.flat().reduce((sum, chunk) => sum + chunk.length, 0)
    },
  }
}
