import { usualHold, type HoldOptions } from '../http/hold'
import type { Read } from './portWishes'

/** Reads what is to be held: `true`, `false`, or an object of some of the fields. Undefined: nothing. */
export function readHold(value: unknown): Read<HoldOptions | undefined> {
  if (value === true) return { value: usualHold }
  if (value === false) return { value: undefined }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { wrong: 'must be true, false, or an object: { "paths": ["/webhook"] }' }
  let hold = usualHold
  for (const [field, wished] of Object.entries(value)) {
    const read = Object.hasOwn(fields, field) ? fields[field]?.(wished) : undefined
    if (read === undefined)
      return { wrong: `"${field}" is not a field of it; the fields are paths, atMost, for and answerAfter` }
    if ('wrong' in read) return { wrong: `"${field}" ${read.wrong}` }
    hold = { ...hold, ...read.value }
  }
  return { value: hold }
}

const fields: Readonly<Record<string, (value: unknown) => Read<Partial<HoldOptions>>>> = {
  paths: (value) =>
    Array.isArray(value) &&
    value.every((path) => typeof path === 'string' && /^\/(?:[^?#*\s]*\/)?(?:[^?#*\s]*|\*)$/.test(path))
      ? { value: { paths: value } }
      : { wrong: 'must be a list of paths: ["/webhook", "/hooks/*"]' },
  atMost: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= mostHeld
      ? { value: { atMost: value } }
      : { wrong: `must be a whole number from 1 to ${mostHeld}` },
  for: (value) => {
    const read = readDuration(value, { least: '1s', most: '24h', example: '10m' })
    return 'wrong' in read ? read : { value: { forMs: read.value } }
  },
  answerAfter: (value) => {
    const read = readDuration(value, { least: '0s', most: '30s', example: '3s' })
    return 'wrong' in read ? read : { value: { answerAfterMs: read.value } }
  },
}

const mostHeld = 1000

/** Reads `500ms`, `30s`, `10m` or `1h`, in milliseconds. The bounds are written the same way. */
export function readDuration(
  value: unknown,
  bounds: { readonly least: string; readonly most: string; readonly example: string },
): Read<number> {
  const { least, most, example } = bounds
  const ms = typeof value === 'string' ? millisecondsIn(value) : undefined
  if (ms === undefined || ms < (millisecondsIn(least) ?? 0) || ms > (millisecondsIn(most) ?? Infinity))
    return { wrong: `must be a time from "${least}" to "${most}", such as "${example}"` }
  return { value: ms }
}

function millisecondsIn(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * (millisecondsOf[unit] ?? 1)
}

const millisecondsOf: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
