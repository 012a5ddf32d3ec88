import { createHash } from 'node:crypto'

/** A public key as it goes over the wire (RFC 4253 6.6): a key type and its blob. */
export interface PublicKey {
  /** Such as `ssh-ed25519`. */
  readonly type: string
  readonly blob: Buffer
}

/** Reads the key type from the blob's first string; undefined when the blob is not a key. */
export function publicKeyFromBlob(blob: Buffer): PublicKey | undefined {
  if (blob.length < 4) return undefined
  const length = blob.readUInt32BE(0)
  if (length === 0 || length > 128 || blob.length < 4 + length) return undefined
  return { type: blob.toString('latin1', 4, 4 + length), blob }
}

/** `SHA256:` and the unpadded base64 of the hash, as ssh-keygen -l prints it. */
export function fingerprint(key: PublicKey): string {
  return `SHA256:${createHash('sha256').update(key.blob).digest('base64').replace(/=+$/, '')}`
}
