import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again until `probe` gives something other than `undefined`, and gives that.
 * @param expectation completes the sentence "Expected …".
 * @throws Error after `timeoutMs` (10 s unless told), with the last error of the probe.
 */
export async function eventually<T>(
  expectation: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined) return found
      lastError = undefined
    } catch (error) {
      // A page between two states throws; the last error is told if it stays that way.
      lastError = error
    }
    if (Date.now() > deadline) break
    await sleep(50)
  }
  const reason = lastError instanceof Error ? ` Last error: ${lastError.message}` : ''
  throw new Error(`Expected ${expectation} within ${timeoutMs / 1000} s.${reason}`)
}
