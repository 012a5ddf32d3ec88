import { parameterOf } from '../contentType'

/** A part of a multipart body (RFC 7578), as places in a text of one letter a byte. */
export interface Part {
  readonly name: string
  /** Undefined where the part is no file. */
  readonly fileName: string | undefined
  /** Its Content-Type; empty where it has none. */
  readonly type: string
  /** Where its content begins and ends. */
  readonly from: number
  readonly to: number
}

/** The most parts that are read; the rest is left. */
const mostParts = 1000

/** The parts in their order. The last one of a body that is cut goes on to the end of what there is. */
export function partsOf(text: string, boundary: string): Part[] {
  // RFC 2046 5.1.1: the line break in front of a delimiter belongs to it. The first may lack it.
  const missing = '\r\n'
  const whole = missing + text
  const delimiter = `\r\n--${boundary}`
  const parts: Part[] = []
  for (let at = whole.indexOf(delimiter); at !== -1 && parts.length < mostParts;) {
    const start = at + delimiter.length
    const from = whole.indexOf('\r\n\r\n', start) + 4
    if (whole.startsWith('--', start) || from < 4) break
    at = whole.indexOf(delimiter, from)
    parts.push({
      ...headOf(whole.slice(start, from)),
      from: from - missing.length,
      to: (at === -1 ? whole.length : at) - missing.length,
    })
  }
  return parts
}

function headOf(head: string): Pick<Part, 'name' | 'fileName' | 'type'> {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? ''
  const hasFile = /;\s*filename\s*=/i.test(disposition)
  return {
    name: parameterOf(disposition, 'name'),
    fileName: hasFile ? parameterOf(disposition, 'filename') : undefined,
    type: /^content-type:(.*)$/im.exec(head)?.[1]?.trim() ?? '',
  }
}
