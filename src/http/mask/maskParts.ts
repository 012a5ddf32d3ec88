import { partsOf } from '../body/multipart'
import { isSecretMember } from './secretNames'

/** A multipart body, one letter a byte, with the contents of secret parts masked. */
export function maskParts(
  text: string,
  { boundary, shown }: { readonly boundary: string; readonly shown: string },
): string {
  const pieces: string[] = []
  let done = 0
  for (const { name, from, to } of partsOf(text, boundary)) {
    if (from === to || !isSecretMember(name)) continue
    pieces.push(text.slice(done, from), shown)
    done = to
  }
  return pieces.join('') + text.slice(done)
}
