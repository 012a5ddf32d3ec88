import { duplexPair, type Duplex, type DuplexOptions } from 'node:stream'
import type { Visitor } from '../../../src/base/visitor'

/** A visitor whose other end the test holds. Errors of either end are heard, as the SSH room does. */
export function visitorPair(options: DuplexOptions = {}): { visitor: Visitor; outside: Duplex } {
  const [stream, outside] = duplexPair(options)
  for (const end of [stream, outside]) end.on('error', () => undefined)
  return { visitor: { stream, originator: { address: '198.51.100.9', port: 40_000 } }, outside }
}

/** All that a stream gives until it ends; what came so far is in `bytes`. */
export class Collected {
  private readonly chunks: Buffer[] = []
  size = 0
  ended = false
  closed = false

  constructor(stream: Duplex) {
    stream
      .on('data', (chunk: Buffer) => {
        this.chunks.push(chunk)
        this.size += chunk.length
      })
      .on('end', () => (this.ended = true))
      .on('close', () => (this.closed = true))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
  get text(): string {
    return this.bytes.toString('latin1')
  }
}

/** What streams pass on by themselves is through after some turns of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}
