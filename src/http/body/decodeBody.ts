import type { CapturedBody } from '../capturedExchange'
import { contentTypeOf, formType, isJsonType, multipartType, type ContentType } from '../contentType'
import type { Field } from '../field'
import { maskContent } from '../mask/maskContent'
import { readText, readUtf8 } from './charset'
import { codingsOf, decodeContent, type Decoded } from './contentCoding'
import { partsOf } from './multipart'
import { isJson, prettyJson } from './prettyJson'
import type { ShownBody, ShownContent, ShownFormField } from './shownBody'

/** How much of a content is shown, in bytes. */
export const mostShown = 2 * 1024 * 1024

/**
 * A body as a person wants to see it: unpacked by its Content-Encoding and read by its Content-Type, as far as it goes.
 * Secrets are masked unless asked for; those of `maskContent`. Never rejects.
 */
export async function decodeBody(
  fields: readonly Field[],
  body: CapturedBody,
  options: { readonly secrets: 'masked' | 'shown' } = { secrets: 'masked' },
): Promise<ShownBody> {
  const isCut = body.bytes.length < body.size
  const { bytes, lacks } = await decodeContent(fields, body.bytes, mostShown)
  const remarks = [
    ...(isCut ? [`Only the first ${count(body.bytes.length)} of ${count(body.size)} bytes were kept.`] : []),
    ...remarksOn(lacks, { isCut, codings: codingsOf(fields) }),
  ]
  const type = contentTypeOf(fields)
  const shown = options.secrets === 'masked' ? maskContent(type, bytes) : bytes
  const isWhole = !isCut && lacks === undefined
  const content = lacks === 'the coding is not known' ? binary(shown) : contentOf(type, shown, isWhole)
  if (content.kind === 'text' && isJsonType(type.type)) remarks.push('This is not valid JSON.')
  return { content, remarks, size: shown.length }
}

function remarksOn(
  lacks: Decoded['lacks'],
  { isCut, codings }: { readonly isCut: boolean; readonly codings: readonly string[] },
): string[] {
  switch (lacks) {
    case undefined:
      return []
    case 'the limit was reached':
      return [`Only the first ${count(mostShown)} bytes of its content are shown.`]
    case 'the data is damaged or cut':
      return isCut ? [] : [`Its coding (${codings.join(', ')}) is damaged; this is what could be read.`]
    case 'the coding is not known':
      return [`Its coding (${codings.join(', ')}) cannot be read here.`]
  }
}

function contentOf(type: ContentType, bytes: Uint8Array, isWhole: boolean): ShownContent {
  if (bytes.length === 0) return { kind: 'empty' }
  if (imageTypes.has(type.type)) return { kind: 'image', type: type.type, bytes: plain(bytes) }
  if (type.type === multipartType && type.boundary !== '') return multipartForm(bytes, type.boundary)
  const read = isText(type, bytes) ? readText(bytes, type.charset) : undefined
  if (read === undefined) return binary(bytes)
  const { text } = read
  if (type.type === formType) return { kind: 'form', fields: formFields(text) }
  const isJsonText = isWhole ? looksLikeJson(type.type, text) && isJson(text) : isJsonType(type.type)
  return isJsonText ? { kind: 'json', text: prettyJson(text) } : { kind: 'text', ...read }
}

const imageTypes = new Set(
  ['png', 'apng', 'jpeg', 'jpg', 'gif', 'webp', 'avif', 'bmp', 'svg+xml', 'x-icon', 'vnd.microsoft.icon'].map(
    (name) => `image/${name}`,
  ),
)

function binary(bytes: Uint8Array): ShownContent {
  return bytes.length === 0 ? { kind: 'empty' } : { kind: 'binary', bytes: plain(bytes) }
}

/** With memory of its own: a view into a larger piece would be posted with all of it. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function isText({ type, charset }: ContentType, bytes: Uint8Array): boolean {
  if (isTextType(type) || charset !== '') return true
  return hasOnlyTextBytes(bytes) && readUtf8(bytes) !== undefined
}

/** No control characters but those that programs print. */
function hasOnlyTextBytes(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0x1b)
}

function isTextType(type: string): boolean {
  return (
    /^text\/|[/+](?:xml|yaml|json)$/.test(type) ||
    isJsonType(type) ||
    /^application\/(?:javascript|x-javascript|graphql|x-ndjson|x-www-form-urlencoded)$/.test(type)
  )
}

function looksLikeJson(type: string, text: string): boolean {
  return isJsonType(type) || ((type === '' || type === 'text/plain') && /^\s*[[{]/.test(text))
}

function formFields(text: string): ShownFormField[] {
  // With a sign in front, since a question mark there would be taken away.
  return Array.from(new URLSearchParams(`&${text}`), ([name, value]) => ({ name, value, file: undefined }))
}

function multipartForm(bytes: Uint8Array, boundary: string): ShownContent {
  const text = Buffer.from(bytes).toString('latin1')
  const fields = partsOf(text, boundary).map(({ name, fileName, type, from, to }): ShownFormField => {
    const named = utf8Of(name)
    if (fileName === undefined) return { name: named, value: utf8Of(text.slice(from, to)), file: undefined }
    return { name: named, value: '', file: { name: utf8Of(fileName), type, size: to - from } }
  })
  return fields.length === 0 ? binary(bytes) : { kind: 'form', fields }
}

function utf8Of(wire: string): string {
  return Buffer.from(wire, 'latin1').toString()
}

function count(bytes: number): string {
  return bytes.toLocaleString('en')
}
