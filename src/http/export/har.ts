import { decodeContent } from '../body/contentCoding'
import type { CapturedBody, CapturedExchange, CapturedMessage, CapturedResponse } from '../capturedExchange'
import { contentTypeOf } from '../contentType'
import { valuesOf } from '../exchange'
import type { Field, HttpProtocol } from '../field'
import { textOfUtf8 } from '../wireText'
import { cutRemark, maskedRemark, type Exported } from './exported'
import type {
  Har,
  HarContent,
  HarEntry,
  HarMessage,
  HarPair,
  HarPostData,
  HarRequest,
  HarResponse,
} from './harTypes'

/**
 * The exchanges as HAR 1.2. Bodies of answers are without their Content-Encoding, as the specification wants; those of
 * requests are as they came, in base64 where they are not UTF-8. Sizes are those that went over the line, also where a body was cut.
 */
export async function harOf(
  exported: readonly Exported[],
  { version }: { readonly version: string },
): Promise<Har> {
  const entries: HarEntry[] = []
  for (const one of exported) entries.push(await entryOf(one))
  const isMasked = exported.some((one) => one.isMasked)
  return {
    log: {
      version: '1.2',
      creator: { name: 'Expose Port', version },
      entries,
      ...(isMasked ? { comment: maskedRemark } : {}),
    },
  }
}

async function entryOf({ exchange, origin }: Exported): Promise<HarEntry> {
  const { request, response, webSocket, note, visitorAddress } = exchange
  const { fields, target, trailers, body } = request
  return {
    startedDateTime: new Date(exchange.at).toISOString(),
    ...timesOf(exchange),
    request: {
      method: request.method,
      ...urlOf(origin, target),
      queryString: Array.from(new URLSearchParams(`&${queryOf(target)}`), ([name, value]) => ({
        name,
        value,
      })),
      ...headOf(exchange.protocol, fields, trailers),
      cookies: cookiesIn(valuesOf(fields, 'cookie').flatMap((value) => value.split(';'))),
      bodySize: body.size,
      ...(body.size === 0 ? {} : { postData: postDataOf(fields, body) }),
    },
    response: await responseOf(exchange.protocol, response),
    cache: {},
    ...(note === undefined ? {} : { comment: note }),
    ...(visitorAddress === '' ? {} : { _visitorAddress: visitorAddress }),
    ...(webSocket === undefined
      ? {}
      : { _resourceType: 'websocket', _webSocketMessages: webSocket.messages.map(messageOf) }),
  }
}

function urlOf(origin: string, target: string): Pick<HarRequest, 'url' | '_target'> {
  if (target === '*') return { url: `${origin}/`, _target: target }
  // The specification wants a URL without a fragment.
  return target.includes('#')
    ? { url: origin + target.replace(/#.*/s, ''), _target: target }
    : { url: origin + target }
}

/** `send` and `receive` cannot be told apart from `wait` but for the answer's body. */
function timesOf({
  firstByteMs = 0,
  endMs = firstByteMs,
}: CapturedExchange): Pick<HarEntry, 'time' | 'timings'> {
  const timings = { send: 0, wait: firstByteMs, receive: Math.max(endMs - firstByteMs, 0) }
  const time = timings.wait + timings.receive
  return { time, timings: { blocked: -1, dns: -1, connect: -1, ...timings, ssl: -1 } }
}

function headOf(protocol: HttpProtocol, fields: readonly Field[], trailers: readonly Field[]) {
  return {
    httpVersion: protocol,
    headers: fields.map(pairOf),
    headersSize: -1,
    ...(trailers.length === 0 ? {} : { _trailers: trailers.map(pairOf) }),
  }
}

function pairOf([name, value]: Field): HarPair {
  return { name, value }
}

function queryOf(target: string): string {
  return target.includes('?') ? target.slice(target.indexOf('?') + 1) : ''
}

function cookiesIn(cookies: readonly string[]): HarPair[] {
  return cookies
    .map((cookie) => /^\s*([^=]*)=?(.*?)\s*$/s.exec(cookie) ?? [])
    .map(([, name = '', value = '']) => ({ name, value }))
}

function postDataOf(fields: readonly Field[], body: CapturedBody): HarPostData {
  const text = textOfUtf8(body.bytes)
  const comment = cutRemark('request', body)
  return {
    mimeType: valuesOf(fields, 'content-type')[0] ?? '',
    ...(text === undefined ? { text: base64(body.bytes), _encoding: 'base64' } : { text }),
    ...(comment === undefined ? {} : { comment, _fullSize: body.size }),
  }
}

/** As Chrome writes it, the status is 0 where there was no answer. */
async function responseOf(
  protocol: HttpProtocol,
  response: CapturedResponse | undefined,
): Promise<HarResponse> {
  const { status = 0, reason = '', fields = [], trailers = [] } = response ?? {}
  const body = response?.body ?? { bytes: new Uint8Array(), size: 0 }
  return {
    status,
    statusText: reason,
    ...headOf(protocol, fields, trailers),
    cookies: cookiesIn(valuesOf(fields, 'set-cookie').map((cookie) => cookie.replace(/;.*/s, ''))),
    content: await contentOf(fields, body),
    redirectURL: valuesOf(fields, 'location')[0] ?? '',
    bodySize: response === undefined ? -1 : body.size,
  }
}

/** More than this is not written unpacked. */
const mostUnpacked = 64 * 1024 * 1024

async function contentOf(fields: readonly Field[], body: CapturedBody): Promise<HarContent> {
  const { bytes, lacks } = await decodeContent(fields, body.bytes, mostUnpacked)
  const cut = cutRemark('response', body)
  const comment =
    cut ?? (lacks === undefined ? undefined : `Its Content-Encoding could not be read: ${lacks}.`)
  const { charset } = contentTypeOf(fields)
  // `text` is Unicode: only of UTF-8 the bytes can be told from it.
  const text = ['', 'utf-8', 'utf8', 'us-ascii'].includes(charset) ? textOfUtf8(bytes) : undefined
  const isWhole = cut === undefined && lacks === undefined
  return {
    size: isWhole ? bytes.length : Math.max(bytes.length, body.size),
    ...(isWhole && bytes.length !== body.size ? { compression: bytes.length - body.size } : {}),
    mimeType: valuesOf(fields, 'content-type')[0] ?? 'x-unknown',
    ...(bytes.length === 0
      ? {}
      : text === undefined
        ? { text: base64(bytes), encoding: 'base64' }
        : { text }),
    ...(comment === undefined ? {} : { comment }),
    ...(cut === undefined ? {} : { _fullSize: body.size }),
  }
}

const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

function messageOf({ from, kind, at, body }: CapturedMessage): HarMessage {
  return {
    type: from === 'visitor' ? 'send' : 'receive',
    time: at / 1000,
    opcode: opcodes[kind],
    data: kind === 'text' ? Buffer.from(body.bytes).toString() : base64(body.bytes),
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
