/**
 * A comma list of patterns (ssh_config(5), PATTERNS): one that matches is enough, one negated with `!` that matches
 * rules the text out. Case counts.
 */
export function matchesPatternList(list: string, text: string): boolean {
  const patterns = list.split(',')
  const isNegated = (pattern: string) => pattern.startsWith('!')
  return (
    patterns.some((pattern) => !isNegated(pattern) && matchesPattern(pattern, text)) &&
    !patterns.some((pattern) => isNegated(pattern) && matchesPattern(pattern.slice(1), text))
  )
}

/** OpenSSH's match_pattern, `*` and `?`, without recursion: a hostile pattern costs its length times the text's. */
export function matchesPattern(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let mark = 0
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      mark = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++mark
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
