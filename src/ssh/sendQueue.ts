import type { Duplex } from 'node:stream'

/** Somebody who has bytes to send over the connection that all share. */
export interface Sender {
  /** Sends up to so many bytes now. Answers whether more is waiting that could be sent at once. */
  sendTurn(mostBytes: number): boolean
}

/**
 * Shares one connection among its channels. While it takes what it is given, all is sent at once. When it does not, the
 * channels wait, and send in turns: first those that have just come, so that a small answer does not wait for the
 * downloads beside it.
 */
export class SendQueue {
  private readonly sparse = new Set<Sender>()
  private readonly bulk = new Set<Sender>()
  private isRunning = false

  constructor(
    private readonly stream: Duplex,
    private readonly mayNotSend: () => boolean,
  ) {
    stream.on('drain', this.run)
  }

  /** Lets it send, now or when its turn has come. */
  add(sender: Sender): void {
    if (!this.bulk.has(sender)) this.sparse.add(sender)
    this.run()
  }

  remove(sender: Sender): void {
    this.sparse.delete(sender)
    this.bulk.delete(sender)
  }

  /** Sends for as long as the connection takes it. */
  readonly run = (): void => {
    if (this.isRunning) return
    this.isRunning = true
    for (let sender = this.next(); sender !== undefined; sender = this.next()) {
      this.remove(sender)
      if (!sender.sendTurn(turnBytes)) continue
      // Who was given more during the turn has come back as if new.
      this.sparse.delete(sender)
      this.bulk.add(sender)
    }
    this.isRunning = false
  }

  private next(): Sender | undefined {
    const { stream } = this
    // A stream that takes more, as a jump host's channel does, says 'drain' only when it has had that.
    if (stream.writableLength >= mostUnsent && stream.writableNeedDrain) return undefined
    if (this.mayNotSend()) return undefined
    return first(this.sparse) ?? first(this.bulk)
  }
}

const turnBytes = 32 * 1024

/** Of what waits in this process for the network. More would only delay whoever comes next. */
const mostUnsent = 256 * 1024

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const value of set) return value
  return undefined
}
