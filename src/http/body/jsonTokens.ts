/**
 * What is in a JSON text, and in one that is cut or damaged, without whether it fits together. Takes time in proportion
 * to the text, and no stack: what visitors send may be nested as deep as they like.
 */
export function* jsonTokens(text: string): Generator<JsonToken> {
  const start = /["{}[\],]|-?\d[\d.eE+-]*/g
  for (let found = start.exec(text); found !== null; found = start.exec(text)) {
    const from = found.index
    const kind = kindOf(found[0])
    if (kind === 'string') start.lastIndex = endOfString(text, from)
    const to = start.lastIndex
    yield { kind: kind === 'string' && isName(text, to) ? 'name' : kind, from, to }
  }
}

export interface JsonToken {
  readonly kind: 'open' | 'close' | 'comma' | 'name' | 'string' | 'number'
  readonly from: number
  readonly to: number
}

function kindOf(start: string): JsonToken['kind'] {
  if (start === '"') return 'string'
  if (start === ',') return 'comma'
  if (start === '{' || start === '[') return 'open'
  return start === '}' || start === ']' ? 'close' : 'number'
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at + 1
  }
  return text.length
}

function isName(text: string, from: number): boolean {
  const colon = /\s*:/y
  colon.lastIndex = from
  return colon.test(text)
}
