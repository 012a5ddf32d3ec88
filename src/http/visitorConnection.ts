import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import type { Visitor } from '../base/visitor'

/**
 * A connection over which a visitor sends requests, and the exchanges that are open on it. One on which nothing
 * happens between two requests, or before the first is whole, is given up after a while.
 */
export class VisitorConnection implements Disposable {
  private readonly open = new Set<() => void>()
  private idle: Disposable = toDisposable(() => undefined)
  private closed = false

  constructor(
    readonly visitor: Visitor,
    private readonly clock: Clock,
    private readonly giveUp: () => void,
  ) {
    this.wait()
  }

  get openExchanges(): number {
    return this.open.size
  }

  /** Begins an exchange; `onGone` is called when the connection closes before the result has been called. */
  begin(onGone: () => void): () => void {
    this.idle.dispose()
    const entry = () => onGone()
    this.open.add(entry)
    return () => {
      if (this.open.delete(entry) && this.open.size === 0) this.wait()
    }
  }

  /** The connection has closed. */
  dispose(): void {
    if (this.closed) return
    this.closed = true
    this.idle.dispose()
    const gone = [...this.open]
    this.open.clear()
    for (const onGone of gone) onGone()
  }

  private wait(): void {
    if (!this.closed) this.idle = this.clock.after(idleLimitMs, this.giveUp)
  }
}

/** As nginx keeps connections. */
const idleLimitMs = 75_000
