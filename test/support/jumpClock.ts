import type { Clock } from '../../src/base/clock'
import type { Disposable } from '../../src/base/disposable'

/**
 * The system's clock, except that it can be set forward: what is due by then rings at once. Unlike with FakeClock,
 * real servers may be talked to in between.
 */
export class JumpClock implements Clock {
  private ahead = 0
  private readonly timers = new Set<{ at: number; ring: () => void }>()

  now(): number {
    return Date.now() + this.ahead
  }

  after(ms: number, callback: () => void): Disposable {
    const ring = () => {
      timer.dispose()
      callback()
    }
    const alarm = { at: this.now() + ms, ring }
    if (ms > longestTimer) throw new Error(`a timer of ${ms} ms would ring at once`)
    const handle = setTimeout(ring, ms)
    const timer = {
      dispose: () => {
        clearTimeout(handle)
        this.timers.delete(alarm)
      },
    }
    this.timers.add(alarm)
    return timer
  }

  /** Sets the clock forward by `ms` milliseconds. */
  jump(ms: number): void {
    this.ahead += ms
    for (const { at, ring } of [...this.timers]) if (at <= this.now()) ring()
  }
}

/** setTimeout holds no more, which are 24 days. */
const longestTimer = 2 ** 31 - 1
