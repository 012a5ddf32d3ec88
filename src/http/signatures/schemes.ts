import { createHmac } from 'node:crypto'
import { valuesOf } from '../exchange'
import type { Field } from '../field'

/** How a provider of webhooks signs what it sends: all by an HMAC, in hexadecimal, with the time or without. */
export interface SignatureScheme {
  /** Where the signature stands, as the provider writes it. */
  readonly field: string
  /** Where the time stands, when it has a field of its own. */
  readonly timeField?: string
  /** How old a signature its receivers take, in seconds; undefined where it has no time. */
  readonly tolerance: number | undefined
  /** Undefined when the fields are not as the provider writes them. */
  read(fields: readonly Field[]): Claim | undefined
  sign(body: Uint8Array, secret: string, time: string): string
  write(signature: string, time: string): string
}

export interface Claim {
  /** In hexadecimal, small letters; one of them has to be right. */
  readonly signatures: readonly string[]
  /** In seconds since the epoch, as written; empty where the scheme has none. */
  readonly time: string
}

export const signatureSchemes: readonly SignatureScheme[] = [
  // Meta: https://developers.facebook.com/docs/messenger-platform/webhooks#validate-payloads
  // GitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
  hub('X-Hub-Signature-256', 'sha256'),
  hub('X-Hub-Signature', 'sha1'),
  stripe(),
  slack(),
]

function hub(field: string, hash: 'sha1' | 'sha256'): SignatureScheme {
  return {
    field,
    tolerance: undefined,
    read: (fields) => {
      const [, name, signature] =
        /^(sha1|sha256)=([0-9a-f]+)$/.exec(valueOf(fields, field.toLowerCase())) ?? []
      return name === hash && signature !== undefined ? { signatures: [signature], time: '' } : undefined
    },
    sign: (body, secret) => hmac(hash, secret, [body]),
    write: (signature) => `${hash}=${signature}`,
  }
}

// https://docs.stripe.com/webhooks#verify-manually
function stripe(): SignatureScheme {
  return {
    field: 'Stripe-Signature',
    tolerance: 300,
    read: (fields) => {
      const parts = valueOf(fields, 'stripe-signature').split(',')
      const time = parts.find((part) => part.startsWith('t='))?.slice(2) ?? ''
      // While a secret is being changed there is one for each; v0 is for Stripe's test events only.
      const signatures = parts.filter((part) => part.startsWith('v1=')).map((part) => part.slice(3))
      return isTime(time) && signatures.length > 0 ? { signatures, time } : undefined
    },
    sign: (body, secret, time) => hmac('sha256', secret, [`${time}.`, body]),
    write: (signature, time) => `t=${time},v1=${signature}`,
  }
}

// https://docs.slack.dev/authentication/verifying-requests-from-slack
function slack(): SignatureScheme {
  return {
    field: 'X-Slack-Signature',
    timeField: 'X-Slack-Request-Timestamp',
    tolerance: 300,
    read: (fields) => {
      const [, signature] = /^v0=([0-9a-f]{64})$/.exec(valueOf(fields, 'x-slack-signature')) ?? []
      const time = valueOf(fields, 'x-slack-request-timestamp')
      return signature !== undefined && isTime(time) ? { signatures: [signature], time } : undefined
    },
    sign: (body, secret, time) => hmac('sha256', secret, [`v0:${time}:`, body]),
    write: (signature) => `v0=${signature}`,
  }
}

function hmac(hash: string, secret: string, pieces: readonly (string | Uint8Array)[]): string {
  const keyed = createHmac(hash, secret)
  for (const piece of pieces) keyed.update(piece)
  return keyed.digest('hex')
}

/** Empty unless there is exactly one. */
function valueOf(fields: readonly Field[], name: string): string {
  const values = valuesOf(fields, name)
  return values.length === 1 ? (values[0] ?? '') : ''
}

function isTime(text: string): boolean {
  return /^\d{1,12}$/.test(text)
}
