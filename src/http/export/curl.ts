import { quoted } from '../../base/shellWord'
import type { CapturedExchange, CapturedRequest } from '../capturedExchange'
import { tokensOf, valuesOf } from '../exchange'
import type { Field } from '../field'
import { bytesOfWire, textOfUtf8 } from '../wireText'
import { cutRemark, maskedRemark, type Exported } from './exported'

/**
 * A command for a POSIX shell and curl from 7.55 on that sends the request again: the same method, target, fields in
 * their case and order, and bytes. Not the same are: Host, which is that of the origin and comes first; trailers, which
 * curl cannot send; where chunks begin. curl adds nothing of its own but the length of a body that has none.
 */
export function curlCommand({ exchange, origin, isMasked }: Exported): string {
  const { request } = exchange
  const cut = cutRemark('request', request.body)
  const remarks = [
    ...(isMasked ? [maskedRemark] : []),
    ...(cut === undefined ? [] : [cut]),
    ...(request.trailers.length > 0 ? ['Its trailers are left out: curl cannot send them.'] : []),
  ]
  const isAsItWas = cut === undefined && !isMasked
  const left = new Set(isAsItWas ? ['host'] : ['host', 'content-length'])
  const fields = request.fields.filter(([name]) => !left.has(name.toLowerCase()))
  const body = bodyOf(request)
  const options = [
    ...methodOptions(request.method, body),
    ...protocolOptions(exchange.protocol, origin),
    ...targetOptions(request.target, origin),
    ...fields.map((field) => `--header ${headerWord(field)}`),
    ...fieldsOfCurl(fields, request.body.bytes.length, body).map((name) => `--header '${name}:'`),
    ...(tokensOf(fields, 'accept-encoding').length > 0 ? ['--compressed'] : []),
    ...(body === undefined ? [] : [body.option]),
  ]
  const comments = remarks.map((remark) => `# ${remark}\n`).join('')
  return `${comments}${body?.feed ?? ''}curl ${options.join(' \\\n  ')}\n`
}

interface CurlBody {
  readonly option: string
  /** What stands in front of curl, to give it the body; empty where it has it as an argument. */
  readonly feed: string
}

/** Linux takes no argument longer than 128 KiB (execve(2)); what printf takes has no limit, for shells have it built in. */
const longestArgument = 64 * 1024

function bodyOf({ body: { bytes }, fields }: CapturedRequest): CurlBody | undefined {
  if (bytes.length === 0 && tokensOf(fields, 'transfer-encoding').length === 0) return undefined
  const text = plainText(bytes, /[^\n\P{Cc}]/u)
  if (text !== undefined && bytes.length <= longestArgument)
    return { option: `--data-raw ${quoted(text)}`, feed: '' }
  const feed = text === undefined ? `printf '${octal(bytes)}'` : `printf %s ${quoted(text)}`
  return { option: '--data-binary @-', feed: `${feed} | ` }
}

function methodOptions(method: string, body: CurlBody | undefined): string[] {
  const word = /^[A-Z]+$/.test(method) ? method : quoted(method)
  if (body === undefined) return method === 'GET' ? [] : [method === 'HEAD' ? '--head' : `--request ${word}`]
  // It would wait for the body of an answer that has none.
  return [`--request ${word}`, ...(method === 'HEAD' ? ['--max-time 10'] : [])]
}

function protocolOptions(protocol: CapturedExchange['protocol'], origin: string): string[] {
  if (protocol === 'HTTP/1.0') return ['--http1.0']
  // Without TLS curl would ask to change the protocol, by fields of its own.
  return [protocol === 'HTTP/2' && origin.startsWith('https:') ? '--http2' : '--http1.1']
}

/** What curl does not touch is in the URL. It would change dots, small letters after `%`, brackets and the like. */
function targetOptions(target: string, origin: string): string[] {
  const isKept = /^\/(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*$/.test(target) && !/\/\.|%2E/.test(target)
  return isKept ? [quoted(origin + target)] : [`--request-target ${wordOf(target)}`, quoted(origin)]
}

function headerWord([name, value]: Field): string {
  return value === '' ? wordOf(`${name};`) : wordOf(`${name}: ${value}`)
}

/** Those curl sends of its own accord, where the request has none. */
function fieldsOfCurl(fields: readonly Field[], length: number, body: CurlBody | undefined): string[] {
  const own = [
    ...['User-Agent', 'Accept'],
    ...(body === undefined ? [] : ['Content-Type']),
    ...(length > 1024 ? ['Expect'] : []),
  ]
  return own.filter((name) => valuesOf(fields, name.toLowerCase()).length === 0)
}

/** One word of the shell, for the bytes of a name, a value or a target. */
function wordOf(wire: string): string {
  const bytes = bytesOfWire(wire)
  const text = plainText(bytes, /\p{Cc}/u)
  return text === undefined ? `"$(printf '${octal(bytes)}')"` : quoted(text)
}

/** The letters that a terminal takes as they are; undefined where the bytes hold others. */
function plainText(bytes: Uint8Array, others: RegExp): string | undefined {
  const text = textOfUtf8(bytes)
  return text === undefined || others.test(text) ? undefined : text
}

/** A format of printf. An exclamation mark would be taken for a command of the past in an interactive bash. */
function octal(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[^ -~]|[%\\'!]/g, (letter) => `\\${letter.charCodeAt(0).toString(8).padStart(3, '0')}`)
}
