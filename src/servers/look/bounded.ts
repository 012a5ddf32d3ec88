import type { Clock } from '../../base/clock'
import { Cancelled } from '../../base/failure'
import { within } from '../../base/within'
import { abortable } from '../../ssh/dial'

/** What bounds a look: it ends when its time is over or the person has had enough. */
export interface Bounds {
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Looks for a limited time; undefined when nothing came of it, for that is evidence too. `look` is told by its own
 * signal to let go of what it holds.
 * @throws Cancelled when the signal is aborted.
 */
export async function bounded<T>(
  { clock, signal }: Bounds,
  ms: number,
  look: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  throwIfAborted(signal)
  const own = new AbortController()
  try {
    return await abortable(within(clock, ms, look(AbortSignal.any([signal, own.signal]))), signal)
  } catch {
    throwIfAborted(signal)
    return undefined
  } finally {
    own.abort(new Cancelled())
  }
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new Cancelled()
}
