import type { Clock } from '../base/clock'

/** A wait that somebody can end. */
export class Pause {
  private endWait: () => void = () => undefined

  constructor(private readonly clock: Clock) {}

  /** Until the time is over, `end` is called, or the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        timer.dispose()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.clock.after(ms, done)
      signal.addEventListener('abort', done)
      this.endWait = done
    })
  }

  end(): void {
    this.endWait()
  }
}
