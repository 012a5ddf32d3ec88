/** The beginning of a text on one line, for a list. */
export function shortened(text: string, limit = 40): string {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line.length <= limit) return line
  // Not half of a surrogate pair.
  return `${line.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
