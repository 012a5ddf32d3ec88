import { fieldsOf, tokensOf, valuesOf, type Field } from './exchange'

/** What is wrong with a request that HTTP/1.1 brought: the status to refuse it with. */
export type Refusal = 400 | 417 | 431 | 501

export type HttpVersion = '1.0' | '1.1' | '2.0'

/** The most fields a request may have; browsers send some thirty. */
export const mostFields = 256

/**
 * Checks what Node's parser lets through, so that no app reads the request otherwise than we do (RFC 9112 3.2, 6.1).
 * Undefined when all is well.
 */
export function whatIsWrong(fields: readonly Field[], version: HttpVersion): Refusal | undefined {
  if (fields.length > mostFields) return 431
  const hosts = valuesOf(fields, 'host')
  if (hosts.length > 1 || !hosts.every(isHost)) return 400
  if (hosts.length === 0 && version === '1.1') return 400
  const lengths = valuesOf(fields, 'content-length')
  if (!lengths.every(isLength)) return 400
  if (valuesOf(fields, 'expect').some((expected) => !/^100-continue$/i.test(expected))) return 417
  const codings = tokensOf(fields, 'transfer-encoding')
  if (codings.length === 0) return undefined
  if (version === '1.0' || lengths.length > 0) return 400
  return codings.length === 1 && codings[0] === 'chunked' ? undefined : 501
}

/** Some readers take a zero at the start for octal, and some count no further than 2^53. */
function isLength(length: string): boolean {
  return /^(?:0|[1-9]\d{0,14})$/.test(length)
}

/** RFC 3986 3.2.2, and a port. */
export function isHost(host: string): boolean {
  return /^(?:\[[0-9a-fA-F:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/.test(host)
}

/**
 * The target as apps expect it, and the host it names (RFC 9112 3.2): the absolute form counts more than Host.
 * Undefined when it is neither a path, a whole URL nor `*`.
 */
export function readTarget(url: string): { target: string; host: string | undefined } | undefined {
  if (isTarget(url)) return { target: url, host: undefined }
  const [, host = '', path = ''] = /^https?:\/\/([^/?#]+)([/?][^#]*)?$/i.exec(url) ?? []
  if (host === '' || !isHost(host)) return undefined
  return { target: path.startsWith('/') ? path : `/${path}`, host }
}

/** A path, which has no fragment, or `*`. */
export function isTarget(target: string): boolean {
  return target === '*' || /^\/[^#]*$/.test(target)
}

/** HTTP/2 may cut the Cookie field into pieces, which HTTP/1.1 must not (RFC 9113 8.2.3). */
export function joinCookies(fields: readonly Field[]): Field[] {
  const cookies = valuesOf(fields, 'cookie')
  if (cookies.length < 2) return [...fields]
  const first = fields.findIndex(([name]) => name === 'cookie')
  return fields.flatMap((field, index): Field[] => {
    if (field[0] !== 'cookie') return [field]
    return index === first ? [['cookie', cookies.join('; ')]] : []
  })
}

/** What belongs to one connection only and goes no further (RFC 9110 7.6.1). */
export function withoutConnectionFields(fields: readonly Field[]): Field[] {
  const named = tokensOf(fields, 'connection').filter((name) => !neverOfTheConnection.has(name))
  return fields.filter(([name]) => {
    const small = name.toLowerCase()
    return !ofTheConnection.has(small) && !named.includes(small)
  })
}

const ofTheConnection = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'transfer-encoding', 'upgrade'],
  'http2-settings',
])
/** A visitor who names these in Connection would change what the request is. */
const neverOfTheConnection = new Set(['host', 'content-length', 'content-type', 'expect'])

/** The trailers that may be passed on: none that says how long a message is, or whom it is for (RFC 9110 6.5.1). */
export function trailersFrom(raw: readonly string[]): Field[] {
  if (raw.length === 0) return []
  return withoutConnectionFields(fieldsOf(raw)).filter(([name]) => !notInTrailers.has(name.toLowerCase()))
}

const notInTrailers = new Set(['content-length', 'host', 'content-type', 'content-encoding', 'trailer'])
