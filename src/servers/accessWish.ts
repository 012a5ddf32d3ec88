import type { AccessWish } from '../http/access/accessRules'
import { isAddressRule } from '../http/access/addressRules'
import { isOpenPattern } from '../http/access/openPaths'

/**
 * Reads `access` of a port in the settings. A single wrong word makes the whole unreadable: a rule that is left out
 * would let in whom it was written against. What is written there is never repeated, it may be a password.
 */
export function readAccess(value: unknown): { readonly value: AccessWish } | { readonly wrong: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { wrong: 'must be an object: { "password": true }' }
  let wish: AccessWish = {}
  for (const [field, each] of Object.entries(value)) {
    const read = Object.hasOwn(fields, field) ? fields[field]?.(each) : undefined
    if (read === undefined) return { wrong: `has no field "${field.slice(0, 40)}"; the fields are ${names}` }
    if (typeof read === 'string') return { wrong: `"${field}" ${read}` }
    wish = { ...wish, ...read }
  }
  if (wish.user !== undefined && wish.password !== true) return { wrong: '"user" goes with "password": true' }
  return { value: wish }
}

/** Whether rules let somebody in whom the former ones kept out. */
export function loosens(former: AccessWish, now: AccessWish): boolean {
  return (
    (former.password === true && (now.password !== true || hasNew(former.open ?? [], now.open ?? []))) ||
    (former.user !== undefined && now.user === undefined && now.password === true) ||
    dropsLimit(former.allow, now.allow) ||
    hasNew(now.deny ?? [], former.deny ?? []) ||
    dropsLimit(former.methods, now.methods) ||
    (former.closeAfterMs !== undefined && (now.closeAfterMs ?? Infinity) > former.closeAfterMs)
  )
}

/** As it stands in the settings. */
export function writeAccess({ closeAfterMs, ...wish }: AccessWish): Record<string, unknown> {
  return { ...wish, ...(closeAfterMs === undefined ? {} : { closeAfter: formatSpan(closeAfterMs) }) }
}

/** Reads `30m`, `1h` and `2d`, of one minute to seven days. In milliseconds. */
export function readSpan(text: string): number | undefined {
  const [, count = '', unit = ''] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? []
  const ms = Number(count) * (unitMs.get(unit) ?? NaN)
  return ms <= longestSpan ? ms : undefined
}

/** As `readSpan` reads it. */
export function formatSpan(ms: number): string {
  const [unit, each] = [...unitMs].find(([, whole]) => ms % whole === 0) ?? ['m', 60_000]
  return `${Math.round(ms / each)}${unit}`
}

const unitMs: ReadonlyMap<string, number> = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
])
const longestSpan = 7 * 86_400_000

/** Each answers a part of the wish, or what is wrong with the value. */
const fields: Readonly<Record<string, (value: unknown) => AccessWish | string>> = {
  password: (value) =>
    typeof value === 'boolean'
      ? { password: value }
      : 'must be true; the password itself is kept in VS Code’s secret storage, never in the settings',
  user: (value) =>
    // RFC 7617 2: a colon ends the user.
    typeof value === 'string' && /^[^:\p{Cc}]{1,100}$/u.test(value)
      ? { user: value }
      : 'must be a text without a colon, such as "me"',
  allow: (value) => list(value, isAddressRule, addresses, (allow) => ({ allow })),
  deny: (value) => list(value, isAddressRule, addresses, (deny) => ({ deny })),
  open: (value) => list(value, isOpenPattern, paths, (open) => ({ open })),
  methods: (value) => list(value, isMethod, methods, (each) => ({ methods: each })),
  closeAfter: (value) => {
    const closeAfterMs = typeof value === 'string' ? readSpan(value) : undefined
    return closeAfterMs === undefined
      ? 'must be a time such as "30m", "1h" or "2d", of at most seven days'
      : { closeAfterMs }
  },
}

const names = Object.keys(fields)
  .join(', ')
  .replace(/, (\w+)$/, ' and $1')
const addresses = 'addresses or networks: ["203.0.113.9", "2001:db8::/32"]'
const paths = 'plain paths, without % and ;, or all below one: ["/webhook", "/hooks/*"]'
const methods = 'methods in capital letters: ["GET", "POST"]'

/** RFC 9110 9.1, as they are registered. */
function isMethod(text: string): boolean {
  return /^[A-Z][A-Z-]{0,30}$/.test(text)
}

function list(
  value: unknown,
  isRight: (text: string) => boolean,
  what: string,
  wish: (list: readonly string[]) => AccessWish,
): AccessWish | string {
  const texts = Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
  const isWhole = Array.isArray(value) && value.length > 0 && texts.length === value.length
  // A list without an entry might mean all or none.
  return isWhole && texts.every(isRight) ? wish([...new Set(texts)]) : `must be a list with ${what}`
}

/** For a list that lets in what stands in it, or everything where there is none. */
function dropsLimit(former: readonly string[] | undefined, now: readonly string[] | undefined): boolean {
  return former !== undefined && (now === undefined || hasNew(former, now))
}

function hasNew(former: readonly string[], now: readonly string[]): boolean {
  return now.some((each) => !former.includes(each))
}
