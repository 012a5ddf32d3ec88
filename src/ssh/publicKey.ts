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

/** The key type a blob begins with, whatever follows; undefined when it is no key. */
export function keyTypeOf(blob: Buffer): string | undefined {
  const type = stringsIn(blob, 1)?.[0]?.toString('latin1')
  return type === '' ? undefined : type
}

/**
 * RFC 4251 5: each string or mpint is its length and its bytes. The first `most` of them, or else all; undefined
 * when the bytes end before that, or in the middle of one.
 */
export function stringsIn(bytes: Buffer, most = Infinity): readonly Buffer[] | undefined {
  const strings: Buffer[] = []
  for (let at = 0; most === Infinity ? at < bytes.length : strings.length < most;) {
    const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : Infinity
    if (end > bytes.length) return undefined
    strings.push(bytes.subarray(at + 4, end))
    at = end
  }
  return strings
}

/** The bytes as a string of RFC 4251 5. */
export function stringOf(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}
