/** A text and the charset it was read in. */
export interface Read {
  readonly text: string
  readonly charset: string
}

/** By the charset that is named or that a byte order mark tells; without either by what the bytes are. */
export function readText(bytes: Uint8Array, named: string): Read {
  const charset = markedCharset(bytes) ?? (isKnown(named) ? named : undefined)
  if (charset !== undefined) return { text: new TextDecoder(charset).decode(bytes), charset }
  const text = readUtf8(bytes)
  if (text !== undefined) return { text, charset: 'utf-8' }
  return { text: new TextDecoder('windows-1252').decode(bytes), charset: 'windows-1252' }
}

/** Undefined where the bytes are not UTF-8. A letter that is cut at the end is left out. */
export function readUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true })
  } catch {
    return undefined
  }
}

function markedCharset([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined
}

function isKnown(charset: string): boolean {
  try {
    return charset !== '' && new TextDecoder(charset).encoding !== ''
  } catch {
    return false
  }
}
