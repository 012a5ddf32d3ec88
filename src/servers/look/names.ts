/** A pattern of host names with one part that varies. */
export interface HostPattern {
  /** What stands before the part that varies, and behind it; `openEnd` where anything may follow. */
  readonly before: string
  readonly after: string
  readonly openEnd: boolean
  /** The regular expression of the part that varies, and the name of its group. */
  readonly part: string
  readonly group: string | undefined
}

/**
 * Reads a regular expression for host names that has one group and plain text around it, as nginx's server_name and
 * Caddy's header_regexp have it: `^(?<name>[a-z0-9-]+)\.dev\.example\.com$`. Undefined for any other.
 */
export function readHostPattern(source: string): HostPattern | undefined {
  const openEnd = !source.endsWith('$')
  const text = source.replace(/^\^/, '').replace(/\$$/, '')
  const start = text.indexOf('(')
  const end = closingParenthesis(text, start)
  if (start < 0 || end < 0) return undefined
  const [, group, part = ''] = /^(?:\?P?<(\w+)>)?(.*)$/s.exec(text.slice(start + 1, end)) ?? []
  const before = plainText(text.slice(0, start))
  const after = plainText(text.slice(end + 1))
  if (before === undefined || after === undefined || part.startsWith('?')) return undefined
  return { before, after, openEnd, part, group }
}

function closingParenthesis(text: string, start: number): number {
  let depth = 0
  for (let index = start; index >= 0 && index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === '(') depth++
    else if (text[index] === ')' && --depth === 0) return index
  }
  return -1
}

/** Undefined where it is more than letters, digits, dashes and dots (escaped or, as often, not). */
function plainText(regex: string): string | undefined {
  const text = regex.replace(/\\([.-])/g, '$1')
  return /^[\w.-]*$/.test(text) ? text.toLowerCase() : undefined
}

/**
 * The numbers that an expression of single digits matches: `20\d\d\d` is 20000 to 20999, and `1999\d|200\d\d` is 19990
 * to 20099. Undefined for others, and for numbers with gaps.
 */
export function digitRange(part: string): PortRange | undefined {
  const ranges = part.split('|').map(digitsRange)
  let whole: PortRange | undefined
  for (const range of ranges) {
    if (range === undefined || (whole !== undefined && range.first !== whole.last + 1)) return undefined
    whole = { first: whole?.first ?? range.first, last: range.last }
  }
  return whole
}

interface PortRange {
  readonly first: number
  readonly last: number
}

function digitsRange(part: string): PortRange | undefined {
  const digits: [number, number][] = []
  let rest = part
  while (rest !== '') {
    const found = /^(?:(\d)|(\\d)|\[(\d)-(\d)\])(?:\{(\d)\})?/.exec(rest)
    if (found === null) return undefined
    const [whole, digit, any, low, high, times = '1'] = found
    const span: [number, number] = any === undefined ? [Number(digit ?? low), Number(digit ?? high)] : [0, 9]
    for (let count = 0; count < Number(times); count++) digits.push(span)
    rest = rest.slice(whole.length)
  }
  // Without gaps only where all digits behind the first one that varies are any.
  const varies = digits.findIndex(([low, high]) => low !== high)
  const isGapless = varies < 0 || digits.slice(varies + 1).every(([low, high]) => low === 0 && high === 9)
  const first = Number(digits.map(([low]) => low).join(''))
  const last = Number(digits.map(([, high]) => high).join(''))
  if (!isGapless || digits.length === 0 || first < 1 || last > 65535 || first > last) return undefined
  return { first, last }
}

/** A host name with at least two labels, in lower case, and no address. */
export function isDomain(text: string): boolean {
  return /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text)
}
