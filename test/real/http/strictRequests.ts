/** A request as every reader of HTTP/1.1 must read it. */
export interface StrictRequest {
  /** `GET /path` */
  readonly what: string
  /** Whether all of it came before the connection ended. */
  readonly isWhole: boolean
}

/**
 * Reads what came on one connection as requests, and takes nothing that another reader could read otherwise: each
 * line ends in CRLF, no field is folded, one Host, one way to tell the length, no extension of a chunk.
 * @throws Error for the first thing that is not so.
 */
export function strictRequests(text: string): StrictRequest[] {
  const requests: StrictRequest[] = []
  for (let rest = text; rest !== '';) {
    const [read, after] = readRequest(rest)
    requests.push(read)
    rest = after
  }
  return requests
}

const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t\x20-\x7e\x80-\xff]*)$/
const isCut = (text: string) => `not a request as it should be: ${JSON.stringify(text.slice(0, 2000))}`

function readRequest(text: string): [StrictRequest, string] {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) throw new Error(isCut(text))
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const [, what] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:\/[\x21-\x7e\x80-\xff]*|\*)) HTTP\/1\.1$/.exec(first) ?? []
  const fields = lines.map((line) => field.exec(line))
  if (what === undefined || fields.includes(null)) throw new Error(isCut(text))
  const values = (name: string) =>
    fields.filter((one) => one?.[1]?.toLowerCase() === name).map((one) => one?.[2] ?? '')
  const [hosts, lengths, codings] = ['host', 'content-length', 'transfer-encoding'].map(values)
  if (hosts?.length !== 1 || (lengths?.length ?? 0) + (codings?.length ?? 0) > 1) throw new Error(isCut(text))
  const body = text.slice(end + 4)
  const [coding] = codings ?? []
  if (coding !== undefined) {
    if (coding !== 'chunked') throw new Error(isCut(text))
    const after = afterChunks(body)
    return [{ what, isWhole: after !== undefined }, after ?? '']
  }
  const [length = '0'] = lengths ?? []
  if (!/^\d{1,15}$/.test(length)) throw new Error(isCut(text))
  return [{ what, isWhole: body.length >= Number(length) }, body.slice(Number(length))]
}

/** What comes after a body in chunks; undefined when it is cut off. */
function afterChunks(body: string): string | undefined {
  for (let rest = body; ;) {
    const [line, size] = /^([0-9a-f]{1,8})\r\n/.exec(rest) ?? []
    if (line === undefined || size === undefined) {
      if (/^(?:[0-9a-f]{1,8}\r?)?$/.test(rest)) return undefined
      throw new Error(isCut(rest))
    }
    rest = rest.slice(line.length)
    const length = parseInt(size, 16)
    if (length === 0) return afterTrailers(rest)
    if (rest.length < length + 2) return undefined
    if (!rest.startsWith('\r\n', length)) throw new Error(isCut(rest))
    rest = rest.slice(length + 2)
  }
}

function afterTrailers(text: string): string | undefined {
  for (let rest = text; ;) {
    const end = rest.indexOf('\r\n')
    if (end < 0) return undefined
    const line = rest.slice(0, end)
    rest = rest.slice(end + 2)
    if (line === '') return rest
    if (!field.test(line) || /^(?:content-length|transfer-encoding|host|connection):/i.test(line))
      throw new Error(isCut(text))
  }
}
