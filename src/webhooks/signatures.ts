import { createHmac, timingSafeEqual } from 'node:crypto'
import { valuesOf } from '../http/exchange'
import type { CapturedRequest } from '../http/capturedExchange'
import type { SignatureVerdict } from './provider'

/** As Meta and GitHub sign: HMAC of the bytes as they are sent, in small hex letters. */
export function hubSignature(secret: string, body: Uint8Array, hash: 'sha1' | 'sha256' = 'sha256'): string {
  return `${hash}=${createHmac(hash, secret).update(body).digest('hex')}`
}

/** Whether X-Hub-Signature-256 is right for the bytes that came. */
export function judgeHubSignature(
  { fields, body }: CapturedRequest,
  secret: string | undefined,
): SignatureVerdict {
  const given = valuesOf(fields, 'x-hub-signature-256')[0]
  if (given === undefined) return 'missing'
  if (secret === undefined || secret === '' || body.bytes.length < body.size) return 'not checked'
  return isSame(given, hubSignature(secret, body.bytes)) ? 'verified' : 'wrong'
}

/** Without telling by its time how much of it was right. */
export function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
