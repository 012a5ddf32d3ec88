import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../src/base/clock'
import type { Disposable } from '../../src/base/disposable'

/** A clock whose hands the test turns. */
export class FakeClock implements Clock {
  private time: number
  private readonly timers = new Set<{ at: number; call: () => void }>()

  /** `start`: milliseconds since the epoch. */
  constructor(start = 1_700_000_000_000) {
    this.time = start
  }

  now(): number {
    return this.time
  }

  after(ms: number, callback: () => void): Disposable {
    const timer = { at: this.time + Math.max(0, ms), call: callback }
    this.timers.add(timer)
    return { dispose: () => this.timers.delete(timer) }
  }

  /** How long until each timer that is set, soonest first. */
  get pending(): readonly number[] {
    return [...this.timers].map(({ at }) => at - this.time).sort((a, b) => a - b)
  }

  /**
   * Turns the hands, ringing every timer on the way at its own time, and lets what they set off settle
   * before the next one.
   */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await settle()
    for (let next = this.next(end); next; next = this.next(end)) {
      this.time = Math.max(this.time, next.at)
      this.timers.delete(next)
      next.call()
      await settle()
    }
    this.time = end
  }

  private next(end: number): { at: number; call: () => void } | undefined {
    return [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  }
}

/** Promises that wait for nothing but each other are through after a turn or two of the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate()
}
