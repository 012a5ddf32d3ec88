import { isDeepStrictEqual } from 'node:util'
import { mask } from '../../base/redactor'
import { codingsOf, decodeContent, encodeContent } from '../body/contentCoding'
import type { CapturedBody, CapturedExchange, CapturedMessage } from '../capturedExchange'
import { contentTypeOf } from '../contentType'
import type { Field } from '../field'
import { maskContent } from './maskContent'
import { maskUrl } from './maskParameters'
import { isSecretField } from './secretNames'

/**
 * The exchange with its secrets shown as `•••`; the same object where it has none that is known as one.
 *
 * Masked are the values of: Authorization and Proxy-Authorization (the scheme stays), Cookie and Set-Cookie (names and attributes
 * stay), X-Api-Key, X-Auth-Token and the like; tokens, passwords, secrets and keys among the parameters of the
 * target and of URLs in Referer and Location, among the members of JSON, form and multipart bodies and of JSON messages of a
 * WebSocket. Lengths in Content-Length follow. A body with a Content-Encoding is unpacked and packed again.
 *
 * Not masked are: signatures of webhooks, which hold for one body only; what stands in a path; secrets in other kinds of
 * bodies, in comments and texts; a secret under a name that does not say so. A body that has a coding that
 * cannot be read, and might be JSON or a form, is left out.
 */
export async function maskSecrets(exchange: CapturedExchange): Promise<CapturedExchange> {
  const { request, response, webSocket } = exchange
  const messages = webSocket?.messages.map(maskMessage)
  const masked: CapturedExchange = {
    ...exchange,
    request: { ...(await maskMessageOf(request)), target: maskUrl(request.target) },
    response: response && {
      ...(await maskMessageOf(response)),
      informed: response.informed.map((one) => ({ ...one, fields: maskFields(one.fields) })),
    },
    webSocket: webSocket && { ...webSocket, messages: messages ?? [] },
  }
  return isDeepStrictEqual(exchange, masked) ? exchange : masked
}

export function maskFields(fields: readonly Field[]): Field[] {
  return fields.map(([name, value]) => [name, maskField(name.toLowerCase(), value)])
}

function maskField(name: string, value: string): string {
  if (value === '') return value
  switch (name) {
    case 'authorization':
    case 'proxy-authorization':
      return value.replace(
        /^(?:(basic|bearer|digest|negotiate|ntlm|token|apikey|oauth|dpop|hawk) +)?.*$/is,
        (_, scheme) => (typeof scheme === 'string' ? `${scheme} ${mask}` : mask),
      )
    case 'cookie':
      return value.split(';').map(maskCookie).join(';')
    case 'set-cookie':
      return value.replace(/^[^;]*/, maskCookie)
    case 'referer':
    case 'location':
    case 'content-location':
      return maskUrl(value)
    default:
      return isSecretField(name) ? mask : value
  }
}

/** RFC 6265 5.2: without `=` all of it is a name or a value; nobody can tell. */
function maskCookie(cookie: string): string {
  const at = cookie.indexOf('=')
  if (at === cookie.length - 1 || cookie.trim() === '') return cookie
  return cookie.slice(0, at + 1) + mask
}

interface Message {
  readonly fields: readonly Field[]
  readonly trailers: readonly Field[]
  readonly body: CapturedBody
}

async function maskMessageOf<T extends Message>(message: T): Promise<T> {
  const fields = maskFields(message.fields)
  const trailers = maskFields(message.trailers)
  const { bytes, size } = message.body
  const masked = await maskBody(message.fields, bytes)
  if (masked.bytes === bytes) return { ...message, fields, trailers }
  if (masked.change === 'left out')
    return { ...message, fields, trailers, body: { bytes: masked.bytes, size } }
  const body = { bytes: masked.bytes, size: size - bytes.length + masked.bytes.length }
  const kept = masked.change === 'unpacked' ? withoutCoding(fields) : fields
  return { ...message, fields: withLength(kept, body.size), trailers, body }
}

interface MaskedBody {
  readonly bytes: Uint8Array
  /** Beyond its secrets: it has lost its Content-Encoding, or is not there at all. */
  readonly change?: 'unpacked' | 'left out'
}

/** More than this is not unpacked to look for secrets. */
const mostUnpacked = 64 * 1024 * 1024

async function maskBody(fields: readonly Field[], bytes: Uint8Array): Promise<MaskedBody> {
  const type = contentTypeOf(fields)
  if (codingsOf(fields).length === 0) return { bytes: maskContent(type, bytes) }
  const { bytes: content, lacks } = await decodeContent(fields, bytes, mostUnpacked)
  if (lacks === 'the coding is not known' || lacks === 'the limit was reached')
    return mayHoldMembers(type.type) ? { bytes: new Uint8Array(), change: 'left out' } : { bytes }
  const masked = maskContent(type, content)
  if (masked === content) return { bytes }
  const coded = await encodeContent(fields, masked)
  return coded === undefined ? { bytes: masked, change: 'unpacked' } : { bytes: coded }
}

function mayHoldMembers(type: string): boolean {
  return !/^(?:image|video|audio|font)\//.test(type)
}

function withoutCoding(fields: readonly Field[]): Field[] {
  return fields.filter(([name]) => name.toLowerCase() !== 'content-encoding')
}

function withLength(fields: readonly Field[], size: number): Field[] {
  return fields.map(([name, value]) => [name, name.toLowerCase() === 'content-length' ? String(size) : value])
}

function maskMessage(message: CapturedMessage): CapturedMessage {
  const { bytes, size } = message.body
  const shown = message.kind === 'text' ? maskContent(anyText, bytes) : bytes
  if (shown === bytes) return message
  return { ...message, body: { bytes: shown, size: size - bytes.length + shown.length } }
}

const anyText = contentTypeOf([])
