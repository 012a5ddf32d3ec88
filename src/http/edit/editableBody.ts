import { encodeContent, decodeContent } from '../body/contentCoding'
import type { CapturedBody } from '../capturedExchange'
import { contentTypeOf } from '../contentType'
import type { Field } from '../field'
import { textOfUtf8 } from '../wireText'
import type { EditedBody } from './requestEdit'

/** More than this is not unpacked for an editor. */
const mostEditable = 16 * 1024 * 1024

/** A text where it gives the same bytes back, base64 otherwise. */
export async function editableBody(fields: readonly Field[], { bytes }: CapturedBody): Promise<EditedBody> {
  const { bytes: content, lacks } = await decodeContent(fields, bytes, mostEditable)
  const text = lacks === undefined ? read(content, isLatin1(fields)) : undefined
  return text ?? { kind: 'base64', text: Buffer.from(bytes).toString('base64') }
}

/** The bytes to send; a message for the person where there are none. */
export async function bytesOfBody(fields: readonly Field[], body: EditedBody): Promise<Buffer | string> {
  if (body.kind === 'base64') {
    const text = body.text.replace(/\s/g, '')
    const bytes = Buffer.from(text, 'base64')
    const isBase64 = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
    return isBase64 ? bytes : 'must be base64: letters, digits, + and /, four for three bytes'
  }
  const text = body.lineEnd === '\n' ? body.text : body.text.replaceAll('\n', body.lineEnd)
  if (isLatin1(fields) && /[^\0-\xff]/.test(text))
    return 'has letters that the charset of its Content-Type lacks; write charset=utf-8 there'
  const content = Buffer.from(text, isLatin1(fields) ? 'latin1' : 'utf8')
  const coded = await encodeContent(fields, content)
  return coded ?? 'cannot be packed as its Content-Encoding says; remove that field'
}

function read(content: Buffer, isLatin: boolean): EditedBody | undefined {
  const text = isLatin ? content.toString('latin1') : textOfUtf8(content)
  // Editors make all line ends the same, and drop what cannot be seen.
  if (text === undefined || /[^\t\r\n\P{Cc}]/u.test(text)) return undefined
  const lines = text.split('\r\n')
  if (lines.some((line) => line.includes('\r'))) return undefined
  if (lines.length === 1) return { kind: 'text', text, lineEnd: '\n' }
  if (lines.some((line) => line.includes('\n'))) return undefined
  return { kind: 'text', text: lines.join('\n'), lineEnd: '\r\n' }
}

function isLatin1(fields: readonly Field[]): boolean {
  return ['iso-8859-1', 'latin1', 'us-ascii'].includes(contentTypeOf(fields).charset)
}
