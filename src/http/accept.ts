/**
 * Whether an Accept field asks for JSON rather than for a page (RFC 9110 12.5.1): by quality, then by who is named more
 * closely, then by who is named first. Who does not care, as curl and most senders of webhooks, gets the page.
 */
export function prefersJson(accept: string): boolean {
  const ranges = accept.split(',').map(readRange)
  const json = wishFor(ranges, [/^application\/(?:[\w.-]+\+)?json$/, /^application\/\*$/])
  const page = wishFor(ranges, [/^(?:text\/html|application\/xhtml\+xml)$/, /^text\/\*$/])
  if (json.quality === 0) return false
  if (json.quality !== page.quality) return json.quality > page.quality
  if (json.closeness !== page.closeness) return json.closeness > page.closeness
  return json.at < page.at
}

interface Range {
  readonly type: string
  readonly quality: number
}

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const [, quality = '1'] = /^q=([\d.]+)$/.exec(parameters.find((each) => each.startsWith('q=')) ?? '') ?? []
  return { type, quality: Number(quality) }
}

interface Wish {
  readonly quality: number
  /** Named itself, by its family, or only among all. */
  readonly closeness: number
  readonly at: number
}

/** The most closely named range counts. */
function wishFor(ranges: readonly Range[], [itself, family]: readonly [RegExp, RegExp]): Wish {
  for (const [closeness, shape] of [[2, itself] as const, [1, family] as const, [0, /^\*\/\*$/] as const]) {
    const at = ranges.findIndex(({ type }) => shape.test(type))
    const quality = ranges[at]?.quality
    if (quality !== undefined) return { quality, closeness, at }
  }
  return { quality: 0, closeness: 0, at: ranges.length }
}
