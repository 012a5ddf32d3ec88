/**
 * How long to wait before a try, in milliseconds: nothing before the first, then doubling from one second up to
 * a cap, each between half and all of it by chance, so that many machines do not come back at the same instant.
 */
export function backoffMs(tries: number, random: () => number = Math.random): number {
  if (tries === 0) return 0
  const full = Math.min(capMs, firstMs * 2 ** (tries - 1))
  return Math.round(full * (0.5 + random() / 2))
}

const firstMs = 1000
const capMs = 60_000
