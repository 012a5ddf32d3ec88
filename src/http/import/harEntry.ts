import type {
  CapturedBody,
  CapturedExchange,
  CapturedMessage,
  CapturedRequest,
  CapturedResponse,
} from '../capturedExchange'
import { contentTypeOf, formType } from '../contentType'
import { valuesOf } from '../exchange'
import type { Field, HttpProtocol } from '../field'
import { readTarget } from '../fields'
import { bytesOfWire } from '../wireText'
import type { ReadEntry } from './harSchema'

interface Source {
  readonly file: string
  readonly limits: { readonly mostBodyBytes: number }
}

/** An entry of a HAR as an exchange; undefined where it is none of http, or could not be sent. */
export function exchangeOf(
  entry: ReadEntry,
  source: Source,
): Omit<CapturedExchange, 'id' | 'tunnelId'> | undefined {
  const request = requestOf(entry, source)
  if (request === undefined) return undefined
  const { wait, receive } = entry.timings ?? { wait: entry.time, receive: -1 }
  const response = responseOf(entry, source)
  return {
    source: { kind: 'import', file: source.file },
    at: entry.startedDateTime,
    visitorAddress: entry._visitorAddress,
    protocol: protocolOf(entry.request.httpVersion),
    request,
    response,
    state: response === undefined ? 'broken off' : 'complete',
    firstByteMs: response === undefined || wait < 0 ? undefined : wait,
    endMs: response === undefined || wait < 0 ? undefined : wait + Math.max(receive, 0),
    note: entry.comment,
    webSocket: entry._webSocketMessages && {
      messages: entry._webSocketMessages.flatMap((message) => messageOf(message, source)),
      cut: 0,
    },
  }
}

function requestOf({ request }: ReadEntry, { limits }: Source): CapturedRequest | undefined {
  // Chrome gives a WebSocket a scheme of its own.
  const url = wireOfUnicode(request.url.replace(/^ws(s?):/i, 'http$1:').replace(/#.*$/s, ''))
  const { target, host } = readTarget(url) ?? {}
  if (target === undefined || host === undefined || !token.test(request.method)) return undefined
  if (/[\0-\x20\x7f]/.test(target)) return undefined
  const fields = fieldsOf(request.headers)
  const bytes = bytesOfPost(request.postData, contentTypeOf(fields).type)
  const isMissing = bytes.length === 0 && request.postData?._fullSize === undefined
  const size = isMissing ? announcedSize(fields) : request.postData?._fullSize
  const body = bodyOf(bytes, { size, limits })
  return {
    method: request.method,
    target: request._target ?? target,
    host: valuesOf(fields, 'host')[0] ?? host,
    fields: withLength(fields, body.size),
    body,
    trailers: fieldsOf(request._trailers),
  }
}

/** RFC 9110 5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/

function responseOf({ response }: ReadEntry, { limits }: Source): CapturedResponse | undefined {
  // Programs write 0 where there was no answer.
  if (response === undefined || !Number.isInteger(response.status) || response.status < 100) return undefined
  const { status, statusText, headers, content } = response
  const bytes = bytesOf(content.text, content.encoding)
  return {
    status,
    reason: statusText,
    // The content has none any more.
    fields: fieldsOf(headers).filter(([name]) => name.toLowerCase() !== 'content-encoding'),
    body: bodyOf(bytes, { size: content._fullSize, limits }),
    trailers: fieldsOf(response._trailers),
    isOurs: false,
    informed: [],
  }
}

function bytesOfPost(postData: ReadEntry['request']['postData'], type: string): Buffer {
  if (postData === undefined || postData === null) return Buffer.alloc(0)
  const { text, params = [], encoding, _encoding } = postData
  if (text !== undefined && text !== '') return bytesOf(text, _encoding ?? encoding)
  if (type !== formType) return Buffer.alloc(0)
  return Buffer.from(
    new URLSearchParams(params.map(({ name, value }): [string, string] => [name, value])).toString(),
  )
}

function bytesOf(text: string, encoding: string | undefined): Buffer {
  return Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8')
}

function bodyOf(
  bytes: Buffer,
  { size = bytes.length, limits }: { readonly size: number | undefined; readonly limits: Source['limits'] },
): CapturedBody {
  return { bytes: bytes.subarray(0, limits.mostBodyBytes), size: Math.max(size, bytes.length) }
}

/** A body that is not in the file was there all the same. */
function announcedSize(fields: readonly Field[]): number {
  const [length = ''] = valuesOf(fields, 'content-length')
  return /^\d{1,15}$/.test(length) ? Number(length) : 0
}

/** Some programs write a text that has not the bytes that were sent. */
function withLength(fields: readonly Field[], size: number): Field[] {
  return fields.map(([name, value]) => [name, name.toLowerCase() === 'content-length' ? String(size) : value])
}

/** Without the pseudo-fields of HTTP/2 (RFC 9113 8.3), and with those apart that Chrome joins by line breaks. */
function fieldsOf(pairs: readonly { readonly name: string; readonly value: string }[]): Field[] {
  return pairs.flatMap(({ name, value }) =>
    token.test(name)
      ? value
          .split(/\r?\n/)
          .map((line): Field => [name, wireOfUnicode(line.trim())])
          .filter(([, line]) => /^[\t\x20-\x7e\x80-\xff]*$/.test(line))
      : [],
  )
}

/** Letters that no byte stands for are taken for UTF-8. */
function wireOfUnicode(text: string): string {
  return bytesOfWire(text).toString('latin1')
}

function protocolOf(version: string): HttpProtocol {
  if (/^http\/1\.0$/i.test(version)) return 'HTTP/1.0'
  return /^(?:h[23]|http\/[23])/i.test(version) ? 'HTTP/2' : 'HTTP/1.1'
}

const kinds = new Map<number, CapturedMessage['kind']>([
  [1, 'text'],
  [2, 'binary'],
  [8, 'close'],
  [9, 'ping'],
  [10, 'pong'],
])

type ReadMessage = NonNullable<ReadEntry['_webSocketMessages']>[number]

function messageOf({ type, time, opcode, data }: ReadMessage, { limits }: Source): CapturedMessage[] {
  const kind = kinds.get(opcode)
  if (kind === undefined) return []
  const bytes = bytesOf(data, kind === 'text' ? undefined : 'base64')
  const body = bodyOf(bytes, { size: undefined, limits })
  return [{ from: type === 'send' ? 'visitor' : 'app', kind, at: time * 1000, body }]
}
