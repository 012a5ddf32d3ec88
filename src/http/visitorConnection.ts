import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import type { Visitor } from '../base/visitor'

/** What a connection does with an exchange that is open on it. */
export interface OpenExchange {
  /** The connection has closed. */
  onGone(): void
  /** Called now and then: whether the visitor has kept us waiting since the last time. */
  isStalled(): boolean
  /** Such a visitor is given up. */
  giveUp(): void
}

/**
 * A connection over which a visitor sends requests, and the exchanges that are open on it. One on which nothing
 * happens between two requests, or before the first is whole, is given up after a while. So is an exchange of which
 * the visitor neither sends the rest nor takes the answer. How long the app takes is nobody's business here.
 */
export class VisitorConnection implements Disposable {
  /** No Set: see `Places`. */
  private readonly open: OpenExchange[] = []
  private timer: Disposable
  /** When something is to be done unless something happens before, in milliseconds since the epoch. */
  private due = 0
  private closed = false
  /** Nothing that comes on it counts any more. */
  isRefused = false

  constructor(
    readonly visitor: Visitor,
    private readonly clock: Clock,
    private readonly giveUp: () => void,
  ) {
    this.wait()
    this.timer = this.ringAt(this.due)
  }

  get openExchanges(): number {
    return this.open.length
  }

  /** Begins an exchange; the result ends it. */
  begin(exchange: OpenExchange): () => void {
    if (this.open.push(exchange) === 1) this.watch()
    return () => {
      const at = this.open.indexOf(exchange)
      if (at < 0) return
      this.open.splice(at, 1)
      if (this.open.length === 0) this.wait()
    }
  }

  /** The connection has closed. */
  dispose(): void {
    if (this.closed) return
    this.closed = true
    this.timer.dispose()
    for (const exchange of this.open.splice(0)) exchange.onGone()
  }

  private wait(): void {
    this.due = this.clock.now() + idleLimitMs
  }

  private watch(): void {
    this.due = this.clock.now() + stallLimitMs
  }

  /** The timer runs on while requests come and go: setting another for each would cost more than the rest of this file. */
  private ringAt(at: number): Disposable {
    const ms = Math.min(at - this.clock.now(), stallLimitMs)
    return this.clock.after(ms, () => {
      if (this.closed) return
      if (this.clock.now() >= this.due) this.ring()
      this.timer = this.ringAt(this.due)
    })
  }

  private ring(): void {
    if (this.open.length === 0) {
      this.wait()
      this.giveUp()
    } else {
      this.watch()
      for (const exchange of [...this.open]) if (exchange.isStalled()) exchange.giveUp()
    }
  }
}

/** As nginx keeps connections. */
const idleLimitMs = 75_000
/** As nginx waits for more of a body, and for a visitor to take more of an answer; twice as long at most. */
const stallLimitMs = 60_000
