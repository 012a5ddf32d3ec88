import { timingSafeEqual } from 'node:crypto'
import type { CapturedRequest } from '../capturedExchange'
import { valuesOf } from '../exchange'
import type { Field } from '../field'
import { signatureSchemes, type SignatureScheme } from './schemes'

export type SignatureVerdict =
  | 'right'
  /** Right, but its receiver takes it for a replay: its time is too far from now. */
  | 'stale'
  /** Not of this secret and this body, or not as its provider writes it. */
  | 'wrong'
  /** The body was not kept whole, so nobody can tell. */
  | 'body was cut'

/** The fields, as their provider writes them, by which a request of Meta, GitHub, Stripe or Slack is signed. */
export function signatureFieldsOf(fields: readonly Field[]): string[] {
  return schemesOf(fields).map(({ field }) => field)
}

/**
 * Whether the signature of a request is right; undefined when it has none that is known. Of two, the worse counts. `now` is in
 * milliseconds since the epoch.
 */
export function verifySignature(
  request: Pick<CapturedRequest, 'fields' | 'body'>,
  { secret, now }: { readonly secret: string; readonly now: number },
): SignatureVerdict | undefined {
  const { fields, body } = request
  const schemes = schemesOf(fields)
  if (schemes.length === 0) return undefined
  if (body.bytes.length < body.size) return 'body was cut'
  const verdicts = schemes.map((scheme) => verdictOf(scheme, { fields, body: body.bytes, secret, now }))
  return verdicts.find((verdict) => verdict === 'wrong') ?? verdicts.find((one) => one === 'stale') ?? 'right'
}

/**
 * The fields with the signatures computed anew, for this body and, where it counts, this time; each where it stood. Fields without
 * a signature come back as they are.
 */
export function resign(
  request: { readonly fields: readonly Field[]; readonly body: Uint8Array },
  { secret, now }: { readonly secret: string; readonly now: number },
): Field[] {
  const time = String(Math.floor(now / 1000))
  return schemesOf(request.fields).reduce((fields, scheme) => {
    const signature = scheme.sign(request.body, secret, time)
    const signed = put(fields, scheme.field, scheme.write(signature, time))
    return scheme.timeField === undefined ? signed : put(signed, scheme.timeField, time)
  }, Array.from(request.fields))
}

function schemesOf(fields: readonly Field[]): SignatureScheme[] {
  return signatureSchemes.filter(({ field }) => valuesOf(fields, field.toLowerCase()).length > 0)
}

interface Evidence {
  readonly fields: readonly Field[]
  readonly body: Uint8Array
  readonly secret: string
  readonly now: number
}

function verdictOf(scheme: SignatureScheme, { fields, body, secret, now }: Evidence): SignatureVerdict {
  const claim = scheme.read(fields)
  if (claim === undefined) return 'wrong'
  const expected = scheme.sign(body, secret, claim.time)
  // All of them are compared, so that the time taken tells nothing.
  const matches = claim.signatures.filter((signature) => isEqual(signature, expected))
  if (matches.length === 0) return 'wrong'
  const { tolerance } = scheme
  const isStale = tolerance !== undefined && Math.abs(now / 1000 - Number(claim.time)) > tolerance
  return isStale ? 'stale' : 'right'
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** In the place and under the name of the first of that name, or at the end. */
function put(fields: readonly Field[], name: string, value: string): Field[] {
  const isNamed = ([other]: Field) => other.toLowerCase() === name.toLowerCase()
  const first = fields.findIndex(isNamed)
  if (first === -1) return [...fields, [name, value]]
  return fields.flatMap((field, index): Field[] => {
    if (!isNamed(field)) return [field]
    return index === first ? [[field[0], value]] : []
  })
}
