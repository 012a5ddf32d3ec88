import type { Clock } from './clock'

/**
 * Settles with the promise, or rejects once `ms` milliseconds have passed; what comes after that is given to
 * `onLate`, to be undone.
 */
export function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  onLate: (value: T) => void = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false
    const timer = clock.after(ms, () => {
      late = true
      reject(new Error(`no answer within ${ms / 1000} s`))
    })
    promise.then(
      (value) => {
        timer.dispose()
        if (late) onLate(value)
        else resolve(value)
      },
      (error: unknown) => {
        timer.dispose()
        reject(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
}
