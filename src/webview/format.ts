/** `512 B`, `1.2 kB`, `5 MB`: units of 1000, as browsers count. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000
  return `${shortNumber(value)} ${units[unit] ?? ''}`
}

/** Milliseconds as `12 ms`, `1.2 s`, `3.5 min`; `<1 ms` for less. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return ''
  if (ms < 1) return '<1 ms'
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${shortNumber(ms / 1000)} s`
  if (ms < 3_570_000) return `${shortNumber(ms / 60_000)} min`
  return `${shortNumber(ms / 3_600_000)} h`
}

/** How long ago, shortly: `now`, `12s`, `5m`, `2h`, `3d`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 2) return 'now'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** The same for screen readers. */
export function spokenAge(ms: number): string {
  const short = formatAge(ms)
  if (short === 'now') return 'just now'
  const count = Number.parseInt(short, 10)
  const unit = { s: 'second', m: 'minute', h: 'hour', d: 'day' }[short.slice(-1)] ?? ''
  return `${plural(count, unit)} ago`
}

/** The time of day with milliseconds, in the local zone. */
export function formatTime(at: number): string {
  const date = new Date(at)
  const two = (part: number) => String(part).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `1 request`, `2 requests`. */
export function plural(count: number, word: string): string {
  return `${count.toLocaleString('en')} ${word}${count === 1 ? '' : 's'}`
}

function shortNumber(value: number): string {
  return value < 9.95 ? String(Math.round(value * 10) / 10) : String(Math.round(value))
}
