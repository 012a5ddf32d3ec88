import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CaptureLimits } from '../../../src/http/exchanges'
import { Scope } from '../../support/scope'
import { startEdge, startForward } from './edge'

/** What a process of its own has measured, for its heap is nobody else's; all in bytes. */
export interface Measured {
  /** What the store says it takes, and what memory grew by, after many exchanges. */
  readonly said: number
  readonly grown: number
  readonly exchanges: number
  /** The most that memory had grown by while a large body passed. */
  readonly grownInDownload: number
  readonly downloaded: number
}

const gigabyte = 1024 * 1024 * 1024
const block = randomBytes(1024 * 1024)

/** Run with `--expose-gc`, and the limits as its argument; writes what it has measured as JSON. */
async function main(): Promise<void> {
  const scope = new Scope()
  const server = createServer((incoming, response) => {
    incoming.resume()
    if (incoming.url === '/gigabyte') sendGigabyte(response)
    // Nothing is the same twice, and nothing is a view of something larger.
    else response.end(randomBytes(16 * 1024))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const limits = JSON.parse(process.argv[2] ?? '') as CaptureLimits
  const { accept, exchanges } = startForward(scope, server.address() as AddressInfo, { limits })
  const { port } = await startEdge(scope, accept)
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  const visit = async (path: string, onBytes: (count: number) => void = () => undefined): Promise<void> => {
    const outgoing = request({ port, agent, path, method: 'POST', host: '127.0.0.1' })
    outgoing.end(randomBytes(2048))
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    answer.on('data', (chunk: Buffer) => onBytes(chunk.length))
    await once(answer, 'end')
  }
  const visitMany = (count: number) =>
    Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let left = count / 8; left > 0; left--) await visit('/')
      }),
    )

  await visitMany(400)
  exchanges.clear()
  const before = used()
  await visitMany(10_000)
  const measured = { said: exchanges.size, grown: used() - before, exchanges: exchanges.all.length }
  let downloaded = 0
  let grownInDownload = 0
  await visit('/gigabyte', (count) => {
    const hasPassed = (size: number) =>
      Math.floor((downloaded + count) / size) > Math.floor(downloaded / size)
    if (hasPassed(gigabyte / 16)) grownInDownload = Math.max(grownInDownload, used() - before)
    downloaded += count
  })
  process.stdout.write(JSON.stringify({ ...measured, grownInDownload, downloaded } satisfies Measured))
  agent.destroy()
  server.closeAllConnections()
  server.close()
  await scope.close()
  process.exit()
}

function sendGigabyte(response: ServerResponse): void {
  let left = gigabyte / block.length
  const more = () => {
    while (left-- > 0) if (!response.write(block)) return void response.once('drain', more)
    response.end()
  }
  more()
}

function used(): number {
  gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

if (require.main === module) void main()
