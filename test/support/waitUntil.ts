import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until `condition` holds; fails after `timeoutMs` (15 s unless told) naming `what` did not happen. */
export async function waitUntil(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${typeof what === 'string' ? what : what()}`)
    }
    await sleep(20)
  }
}
