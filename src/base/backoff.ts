/** How tries follow each other, in milliseconds: the first wait, which doubles up to the cap. */
export interface Pace {
  readonly firstMs: number
  readonly capMs: number
}

/** Of servers of the user's own. */
export const ownPace: Pace = { firstMs: 1000, capMs: 60_000 }

/** Of services that many people share: they are not to be asked again and again. */
export const sharedPace: Pace = { firstMs: 5000, capMs: 300_000 }

/**
 * How long to wait before a try, in milliseconds: nothing before the first, then doubling up to a cap, each between
 * half and all of it by chance, so that many machines do not come back at the same instant.
 */
export function backoffMs(tries: number, random: () => number = Math.random, pace: Pace = ownPace): number {
  if (tries === 0) return 0
  const full = Math.min(pace.capMs, pace.firstMs * 2 ** (tries - 1))
  return Math.round(full * (0.5 + random() / 2))
}
