import type { ShownFormField } from '../http/body/shownBody'
import type { ShownBody } from '../http/inspectorMessages'

/** A way to look at a body. The first that fits is the one to begin with. */
export type BodyView =
  | { readonly kind: 'json' | 'text' | 'raw'; readonly text: string }
  | { readonly kind: 'form'; readonly fields: readonly ShownFormField[] }
  | { readonly kind: 'image'; readonly mediaType: string; readonly bytes: Uint8Array }
  | { readonly kind: 'hex' }

export function bodyViews({ content, bytes }: Pick<ShownBody, 'content' | 'bytes'>): BodyView[] {
  const hex: BodyView = { kind: 'hex' }
  const text = textOf(bytes)
  const raw: BodyView[] = text === undefined ? [] : [{ kind: 'raw', text }]
  switch (content.kind) {
    case 'empty':
      return []
    case 'binary':
      return [hex]
    case 'text':
      return [{ kind: 'text', text: content.text }, hex]
    case 'json':
      return [{ kind: 'json', text: content.text }, ...raw, hex]
    case 'form':
      return [{ kind: 'form', fields: content.fields }, ...raw, hex]
    case 'image':
      return [{ kind: 'image', mediaType: content.type, bytes: content.bytes }, ...raw, hex]
  }
}

/** Undefined where it is no UTF-8, or holds what no text holds. A letter that is cut at the end is left out. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
    return hasControls(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Other than those for space, and the escapes that terminals read. */
function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 && (code < 0x09 || code > 0x0d) && code !== 0x1b) return true
  }
  return false
}

/** A piece of JSON for colouring. */
export interface JsonToken {
  readonly kind: 'name' | 'string' | 'number' | 'literal' | 'other'
  readonly text: string
}

/** The same text, in pieces. */
export function jsonTokens(text: string): JsonToken[] {
  const tokens: JsonToken[] = []
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g
  let end = 0
  const add = (kind: JsonToken['kind'], piece: string) => {
    if (piece !== '') tokens.push({ kind, text: piece })
  }
  for (const match of text.matchAll(pattern)) {
    const [, quoted, colon, number, literal] = match
    add('other', text.slice(end, match.index))
    if (quoted !== undefined) add(colon === undefined ? 'string' : 'name', quoted)
    if (colon !== undefined) add('other', colon)
    if (number !== undefined) add('number', number)
    if (literal !== undefined) add('literal', literal)
    end = match.index + match[0].length
  }
  add('other', text.slice(end))
  return tokens
}
