/**
 * Names, values and targets are strings of one byte a letter, as Node's parser gives them. These two lead to and from
 * the letters a person means, for most who send more than ASCII send UTF-8.
 */
export function bytesOfWire(text: string): Buffer {
  // What came from a file or a person may have letters that no byte stands for.
  return isBytes(text) ? Buffer.from(text, 'latin1') : Buffer.concat(Array.from(text, bytesOfLetter))
}

/** The text as a person reads it; undefined where the bytes are not UTF-8. */
export function textOfUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** For the wire, from letters a person wrote: UTF-8, one letter a byte. */
export function wireOfText(text: string): string {
  return Buffer.from(text).toString('latin1')
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function isBytes(text: string): boolean {
  return !/[^\0-\xff]/.test(text)
}

function bytesOfLetter(letter: string): Buffer {
  return isBytes(letter) ? Buffer.from(letter, 'latin1') : Buffer.from(letter)
}
