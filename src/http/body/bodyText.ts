import type { CapturedBody } from '../capturedExchange'
import { contentTypeOf } from '../contentType'
import type { Field } from '../field'
import { decodeBody } from './decodeBody'
import { bytesInRow, hexRows } from './hexDump'
import type { ShownContent } from './shownBody'

/** A body as the text of a document, with the ending of a file of its kind. Bytes that are no text are a hex dump. */
export async function bodyText(
  part: { readonly fields: readonly Field[]; readonly body: CapturedBody },
  secrets: 'masked' | 'shown',
): Promise<{ readonly text: string; readonly ending: string }> {
  const { content } = await decodeBody(part.fields, part.body, { secrets })
  return { text: textOf(content), ending: endingOf(content, contentTypeOf(part.fields).type) }
}

function textOf(content: ShownContent): string {
  switch (content.kind) {
    case 'empty':
      return ''
    case 'text':
    case 'json':
      return content.text
    case 'form':
      return content.fields
        .map(
          ({ name, value, file }) =>
            `${name}: ${file === undefined ? value : `${file.name} (${file.size} bytes)`}\n`,
        )
        .join('')
    case 'image':
    case 'binary':
      return hexRows(content.bytes, 0, Math.ceil(content.bytes.length / bytesInRow))
        .map(({ offset, hex, text }) => `${offset}  ${hex.padEnd(3 * bytesInRow)}  ${text}\n`)
        .join('')
  }
}

function endingOf({ kind }: ShownContent, type: string): string {
  if (kind === 'json') return 'json'
  if (kind !== 'text') return 'txt'
  const [, ending] = /\b(html|xml|css|javascript|csv|yaml)$/.exec(type) ?? []
  return ending === undefined ? 'txt' : ending.replace('javascript', 'js')
}
