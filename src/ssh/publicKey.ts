import { createHash } from 'node:crypto'

/** A public key as it goes over the wire (RFC 4253 6.6): a key type and its blob. */
export interface PublicKey {
  /** Such as `ssh-ed25519`. */
  readonly type: string
  readonly blob: Buffer
}

/** Reads the key type from the blob's first string; undefined when the blob is not a key, or not a whole one. */
export function publicKeyFromBlob(blob: Buffer): PublicKey | undefined {
  const [type, ...numbers] = stringsIn(blob) ?? []
  if (type === undefined || type.length === 0 || type.length > 128 || numbers.length === 0) return undefined
  return { type: type.toString('latin1'), blob }
}

/** `SHA256:` and the unpadded base64 of the hash, as ssh-keygen -l prints it. */
export function fingerprint(key: PublicKey): string {
  return `SHA256:${createHash('sha256').update(key.blob).digest('base64').replace(/=+$/, '')}`
}

/** RFC 4251 5: each string or mpint is its length and its bytes. Undefined when they do not fill the blob. */
function stringsIn(blob: Buffer): readonly Buffer[] | undefined {
  const strings: Buffer[] = []
  for (let at = 0; at < blob.length;) {
    const end = at + 4 <= blob.length ? at + 4 + blob.readUInt32BE(at) : Infinity
    if (end > blob.length) return undefined
    strings.push(blob.subarray(at + 4, end))
    at = end
  }
  return strings
}
