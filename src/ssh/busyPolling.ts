import type { Path } from './receiveWindow'

/**
 * Looks for what comes next, for a moment, where it would come sooner than a sleeping process wakes: from a server that
 * is nearer than a millisecond, while small messages follow each other closely. Each turn of the event loop in that
 * moment serves all others too, as any turn does. Elsewhere the process sleeps, and this costs nothing.
 */
export class BusyPolling {
  private heardAt = -Infinity
  private isPolling = false

  constructor(
    private readonly path: Path,
    private readonly nextTurn: (then: () => void) => void = setImmediate,
  ) {}

  /** A message came, and so may the next. */
  expectMore(): void {
    const { roundTripMs } = this.path
    if (roundTripMs === undefined || roundTripMs > nearMs) return
    const now = this.path.now()
    const isClose = now - this.heardAt < closeMs
    this.heardAt = now
    if (isClose && !this.isPolling) this.poll()
  }

  /** What came is of bulk, for which nobody waits, or the last there is. */
  relax(): void {
    this.heardAt = -Infinity
  }

  private readonly poll = (): void => {
    this.isPolling = this.path.now() - this.heardAt < mostMs
    if (this.isPolling) this.nextTurn(this.poll)
  }
}

const nearMs = 1
/** Waking takes a tenth of that. */
const mostMs = 0.3
/** Longer, for each comes later where this process sleeps: else who once slept would go on sleeping. */
const closeMs = 0.6
