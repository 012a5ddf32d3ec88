import type { Duplex } from 'node:stream'

/**
 * Gathers all that is written to a stream in one turn of the event loop into one write to the system: an SSH packet
 * alone would cost a system call and a wake-up at each end. Takes the place of the stream's own `write`, so give it a
 * stream that is connected.
 */
export class WritesPerTurn {
  /** How many writes there were: tells whether any came between two moments. */
  count = 0
  private gathered: 'nothing' | 'for later' | 'for this turn' = 'nothing'
  private isLeisure = false
  private timer: NodeJS.Timeout | undefined

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

  /** What is written meanwhile may wait for the next that is written, for up to a millisecond. */
  leisurely(write: () => void): void {
    this.isLeisure = true
    write()
    this.isLeisure = false
  }

  /** Lets go what is gathered, before the turn has come to its end; not what may wait. */
  readonly flush = (): void => {
    if (this.gathered === 'for this turn') this.letGo()
  }

  private gather(): void {
    if (this.gathered === 'for this turn') return
    if (this.gathered === 'nothing') this.stream.cork()
    if (!this.isLeisure) {
      this.gathered = 'for this turn'
      process.nextTick(this.flush)
    } else if (this.gathered === 'nothing') {
      this.gathered = 'for later'
      this.timer ??= setTimeout(this.onTimer, leisureMs)
    }
  }

  private readonly onTimer = (): void => {
    this.timer = undefined
    this.letGo()
  }

  private readonly letGo = (): void => {
    if (this.gathered === 'nothing') return
    this.gathered = 'nothing'
    this.stream.uncork()
  }
}

const leisureMs = 1

type Written = (error: Error | null | undefined) => void
