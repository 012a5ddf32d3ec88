import { backoffMs, type Pace } from '../base/backoff'
import type { Clock } from '../base/clock'
import { isCancelled, type Failure } from '../base/failure'
import type { Log } from '../base/log'
import { failures } from './failures'

/**
 * The tries to get a lost connection back: at once, then after growing waits, until one succeeds, until one fails
 * in a way that trying again cannot cure, or until it is stopped.
 */
export class Healing {
  private readonly ended = new AbortController()
  private attempt: AbortController | undefined
  private endSleep: () => void = () => undefined
  private startsOver = false

  constructor(
    private readonly options: {
      readonly clock: Clock
      readonly log: Log
      /** Tries that have been made before: the waits go on from there. */
      readonly tries: number
      readonly pace: Pace
      readonly connect: (signal: AbortSignal) => Promise<unknown>
      /** Called before each wait; `retryAt` is in milliseconds since the epoch. */
      readonly onWaiting: (failure: Failure, retryAt: number) => void
      readonly onFailed: (failure: Failure) => void
    },
  ) {
    this.tries = options.tries
  }

  /** How many have been made. */
  tries: number

  /** Resolves when it is over, in whatever way. Never rejects. */
  async run(lost: Failure): Promise<void> {
    const { clock, log, pace, connect, onWaiting, onFailed } = this.options
    let failure = lost
    while (!this.isOver()) {
      log.warn(`${failure.message} ${failure.said ?? ''}`.trimEnd())
      const waitMs = backoffMs(this.tries++, Math.random, pace)
      onWaiting(failure, clock.now() + waitMs)
      await this.sleep(waitMs)
      if (this.isOver()) return
      this.attempt = new AbortController()
      try {
        await connect(this.attempt.signal)
        return
      } catch (error) {
        if (this.isOver()) return
        if (this.startsOver) this.startsOver = false
        // Only a person can have cancelled it; asking them again and again would be no help.
        else failure = isCancelled(error) ? failures.questionClosed() : failures.from(error)
        if (!failure.canHeal) {
          onFailed(failure)
          return
        }
      } finally {
        this.attempt = undefined
      }
    }
  }

  /** Ends the wait for the next try: somebody else has begun one, and it can be shared. */
  joinIn(): void {
    this.endSleep()
  }

  /** Ends the wait for the next try, which then counts as the first. */
  tryNow(): void {
    this.tries = 1
    this.endSleep()
  }

  /** As tryNow, and an attempt that is under way is begun anew: it may hang on a network that is gone. */
  startOver(): void {
    if (this.attempt === undefined) return this.tryNow()
    this.startsOver = true
    this.tries = 0
    this.attempt.abort()
  }

  stop(): void {
    this.ended.abort()
    this.endSleep()
    this.attempt?.abort()
  }

  private isOver(): boolean {
    return this.ended.signal.aborted
  }

  private sleep(ms: number): Promise<void> {
    if (this.isOver()) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = this.options.clock.after(ms, resolve)
      this.endSleep = () => {
        timer.dispose()
        resolve()
      }
    })
  }
}
