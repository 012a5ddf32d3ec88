import { applyEdits, format } from 'jsonc-parser'
import type { ShownBody } from '../http/inspectorMessages'

/** A way to look at a body. The first that fits is the one to begin with. */
export type BodyView =
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'form'; readonly pairs: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: 'image'; readonly mediaType: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'hex' }

export function bodyViews({ bytes, mediaType }: Pick<ShownBody, 'bytes' | 'mediaType'>): BodyView[] {
  if (bytes.length === 0) return []
  const text = textOf(bytes)
  const views: BodyView[] = []
  if (imageTypes.has(mediaType)) views.push({ kind: 'image', mediaType })
  if (text !== undefined) {
    const json = /[/+]json$/.test(mediaType) || /^\s*[[{]/.test(text) ? prettyJson(text) : undefined
    if (json !== undefined) views.push({ kind: 'json', text: json })
    if (mediaType === 'application/x-www-form-urlencoded') views.push({ kind: 'form', pairs: formOf(text) })
    views.push({ kind: 'text', text })
  }
  return [...views, { kind: 'hex' }]
}

/** Not SVG, which is a document that may fetch. */
const imageTypes = new Set(
  ['png', 'jpeg', 'gif', 'webp', 'avif', 'bmp', 'x-icon', 'vnd.microsoft.icon'].map(
    (type) => `image/${type}`,
  ),
)

/** Undefined where it is no UTF-8, or holds what no text holds. A character that was cut at the end does no harm. */
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

/** Only the spaces between its tokens change: long numbers and double names stay. Undefined where it is no JSON. */
function prettyJson(text: string): string | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true, eol: '\n' }))
}

function formOf(text: string): [string, string][] {
  return [...new URLSearchParams(text)]
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
