import { lazy } from '../base/lazy'

/**
 * How many bytes, in the decimal units that browsers and nginx count in: `512 B`, `1.2 MB`. Not by the unit style of
 * `Intl.NumberFormat`, which writes `512 byte` and never chooses the unit.
 */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // What rounds to 1000 stands in the next unit.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${(unit === 0 || value >= 9.95 ? whole : tenths)().format(value)} ${units[unit]}`
}

/** How long, from milliseconds: `0.4 ms`, `12 ms`, `1.2 s`. */
export function formatMs(ms: number): string {
  if (ms < 9.95) return `${tenths().format(ms)} ms`
  if (ms < 999.5) return `${whole().format(ms)} ms`
  return `${(ms < 9950 ? tenths : whole)().format(ms / 1000)} s`
}

/** `1,234`. */
export function formatNumber(count: number): string {
  return whole().format(count)
}

/** `1 visitor`, `1,234 requests`. */
export function formatCount(count: number, one: string): string {
  return `${formatNumber(count)} ${one}${count === 1 ? '' : 's'}`
}

const units = ['B', 'kB', 'MB', 'GB', 'TB']
// The first of a process takes 12 ms, in which ICU reads its rules.
const whole = lazy(() => new Intl.NumberFormat('en', { maximumFractionDigits: 0 }))
const tenths = lazy(() => new Intl.NumberFormat('en', { maximumFractionDigits: 1 }))
