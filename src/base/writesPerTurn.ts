import type { Duplex } from 'node:stream'

/**
 * Gathers all that is written to a stream in one turn of the event loop into one write to the system: an SSH packet
 * alone would cost a system call and a wake-up at each end. Takes the place of the stream's own `write`, so give it a
 * stream that is connected.
 */
export class WritesPerTurn {
  /** How many writes there were: tells whether any came between two moments. */
  count = 0
  private isGathering = false

  constructor(private readonly stream: Duplex) {
    const write = stream.write.bind(stream)
    stream.write = (chunk: unknown, encoding?: BufferEncoding | Written, written?: Written) => {
      this.count++
      this.gather()
      return typeof encoding === 'string'
        ? write(chunk, encoding, written)
        : write(chunk, encoding ?? written)
    }
  }

  private gather(): void {
    if (this.isGathering) return
    this.isGathering = true
    this.stream.cork()
    process.nextTick(this.letGo)
  }

  private readonly letGo = (): void => {
    this.isGathering = false
    this.stream.uncork()
  }
}

type Written = (error: Error | null | undefined) => void
