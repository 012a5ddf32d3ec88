import type { Life } from './examinePair'

/** When two thirds of a life are over: at day 60 of 90, at day 4 of 6. All times are in milliseconds. */
export function renewalDue({ notBefore, notAfter }: Life): number {
  return notBefore + (2 / 3) * (notAfter - notBefore)
}

/**
 * When to try next after a try that ended now, however it ended: after a tenth of the time that is left, but not
 * within the hour (Let's Encrypt allows five failed checks of a name in one), and at least twice a day. After a
 * success this only counts where the clock of this machine is so wrong that the next renewal is due already.
 */
export function afterAttempt(life: Life | undefined, now: number): number {
  const left = life === undefined ? 0 : life.notAfter - now
  return now + Math.min(halfADay, Math.max(hour, left / 10))
}

const hour = 3_600_000
const halfADay = 12 * hour
