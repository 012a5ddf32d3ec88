import type { Clock } from '../../base/clock'
import { toDisposable, type Disposable } from '../../base/disposable'

/** Calls back once a second while somebody looks and there is something to look at; otherwise no timer is set. */
export class VisibleTicks {
  private tick = toDisposable(() => undefined)
  private isVisible = false

  constructor(
    private readonly options: {
      readonly clock: Clock
      readonly isNeeded: () => boolean
      readonly act: () => void
    },
  ) {}

  /** Somebody looks, until the result is disposed. */
  whileVisible(): Disposable {
    this.isVisible = true
    this.restart()
    return toDisposable(() => {
      this.isVisible = false
      this.tick.dispose()
    })
  }

  /** To be called when the answer of `isNeeded` may have changed. */
  restart(): void {
    const { clock, isNeeded, act } = this.options
    this.tick.dispose()
    if (!this.isVisible || !isNeeded()) return
    this.tick = clock.after(1000, () => {
      act()
      this.restart()
    })
  }
}
