import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
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
  private timer: Disposable = toDisposable(() => undefined)
  private closed = false
  /** Nothing that comes on it counts any more. */
  isRefused = false

  constructor(
    readonly visitor: Visitor,
    private readonly clock: Clock,
    private readonly giveUp: () => void,
  ) {
    this.wait()
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
    this.ring(idleLimitMs, this.giveUp)
  }

  private watch(): void {
    this.ring(stallLimitMs, () => {
      for (const exchange of [...this.open]) if (exchange.isStalled()) exchange.giveUp()
      if (this.open.length > 0) this.watch()
    })
  }

  private ring(ms: number, callback: () => void): void {
    this.timer.dispose()
    if (!this.closed) this.timer = this.clock.after(ms, callback)
  }
}

/** As nginx keeps connections. */
const idleLimitMs = 75_000
/** As nginx waits for more of a body, and for a visitor to take more of an answer; twice as long at most. */
const stallLimitMs = 60_000
