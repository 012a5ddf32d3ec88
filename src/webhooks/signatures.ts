import { timingSafeEqual } from 'node:crypto'
import type { CapturedRequest } from '../http/capturedExchange'
import type { Field } from '../http/field'
import { resign, verifySignature } from '../http/signatures/signature'
import type { SignatureVerdict } from './provider'

/** The fields by which Meta and GitHub sign: over the bytes as they are sent. */
export function hubSignatures(secret: string, body: Uint8Array): Field[] {
  const fields: Field[] = [
    ['X-Hub-Signature', ''],
    ['X-Hub-Signature-256', ''],
  ]
  return resign({ fields, body }, { secret, now: 0 })
}

/** Whether they are right for the bytes that came. */
export function judgeHubSignature(request: CapturedRequest, secret: string | undefined): SignatureVerdict {
  const verdict = verifySignature(request, { secret: secret ?? '', now: 0 })
  if (verdict === undefined) return 'missing'
  if (secret === undefined || secret === '' || verdict === 'body was cut') return 'not checked'
  return verdict === 'right' ? 'verified' : 'wrong'
}

/** Without telling by its time how much of it was right. */
export function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
