import type { Duplex } from 'node:stream'
import type { Disposable } from '../base/disposable'
import type { Clock } from '../base/clock'

/**
 * Sends something soon after the server has sent something and nothing went back. sshd before 10.1 leaves Nagle's
 * algorithm (RFC 896) on where no session was opened: its next small packet then waits until ours says that the last
 * one came, and the system alone says so only after 40 ms (RFC 1122 4.2.3.2).
 */
export class AckPump implements Disposable {
  private before = 0
  private isDue = false
  private answerIsLikely = false
  private patience: Disposable | undefined

  constructor(
    private readonly stream: Duplex,
    private readonly options: {
      /** Counts what was written. */
      readonly writes: { readonly count: number }
      readonly ignore: () => void
      readonly clock: Clock
    },
  ) {
    // Before ssh2 hears of it, which may answer at once, and after.
    stream.prependListener('data', this.onRead)
    stream.on('data', this.onHeard)
  }

  /** What was just read may well be answered: then that says that it came. */
  expectAnswer(isLikely: boolean): void {
    this.answerIsLikely = isLikely
  }

  dispose(): void {
    this.stream.off('data', this.onRead).off('data', this.onHeard)
    this.patience?.dispose()
  }

  private readonly onRead = (): void => {
    this.before = this.options.writes.count
    this.answerIsLikely = false
  }

  private readonly onHeard = (): void => {
    if (!this.isUnanswered()) return
    if (this.answerIsLikely) this.waitForAnswer()
    else if (!this.isDue) {
      this.isDue = true
      setImmediate(this.onTurnEnd)
    }
  }

  private readonly onTurnEnd = (): void => {
    this.isDue = false
    if (!this.isUnanswered()) return
    if (this.answerIsLikely) this.waitForAnswer()
    else this.pump()
  }

  private waitForAnswer(): void {
    this.patience ??= this.options.clock.after(answerWithinMs, () => {
      this.patience = undefined
      this.pump()
    })
  }

  private pump(): void {
    if (this.isUnanswered() && this.stream.writable) this.options.ignore()
  }

  private isUnanswered(): boolean {
    return this.options.writes.count === this.before
  }
}

/** Long enough for an app nearby, and short beside 40 ms. */
const answerWithinMs = 2
