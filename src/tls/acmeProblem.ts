import * as v from 'valibot'

/** What an ACME server answered instead of what was asked for: a problem document (RFC 7807, RFC 8555 6.7). */
export class AcmeProblem extends Error {
  constructor(
    /** `rateLimited` for `urn:ietf:params:acme:error:rateLimited`; undefined when the answer names no type. */
    readonly type: string | undefined,
    /** What it says, for people. */
    readonly detail: string,
    readonly facts: {
      readonly status?: number | undefined
      /** Milliseconds; from Retry-After. */
      readonly retryAfterMs?: number | undefined
      /** A page that says what the user has to do (RFC 8555 6.7, userActionRequired). */
      readonly instance?: string | undefined
    } = {},
  ) {
    super(detail)
    this.name = 'AcmeProblem'
  }
}

/** No answer came at all, or none that is HTTP. */
export class Unreachable extends Error {
  constructor(
    /** Of Node: `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
    readonly code: string | undefined,
    message: string,
  ) {
    super(message)
    this.name = 'Unreachable'
  }
}

/** Reads a problem document; whatever else it is becomes a problem without a type. */
export function problemOf(document: unknown, facts: AcmeProblem['facts'] = {}): AcmeProblem {
  const parsed = v.safeParse(problemSchema, document)
  if (!parsed.success) return new AcmeProblem(undefined, textOf(document), facts)
  const { type, detail, instance, subproblems } = parsed.output
  // RFC 8555 6.7.1: each names what it is about.
  const parts = subproblems.map((part) => `${part.identifier?.value ?? ''}: ${part.detail ?? ''}`)
  return new AcmeProblem(nameOf(type ?? subproblems[0]?.type), [detail ?? '', ...parts].join(' ').trim(), {
    ...facts,
    instance,
  })
}

/** Milliseconds from now, of a Retry-After header: seconds or a date (RFC 9110 10.2.3). */
export function retryAfterMs(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string') return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

const prefix = 'urn:ietf:params:acme:error:'

function nameOf(type: string | undefined): string | undefined {
  return type?.startsWith(prefix) === true ? type.slice(prefix.length) : undefined
}

/** A proxy's page, for one; the beginning says enough. */
function textOf(document: unknown): string {
  const text = typeof document === 'string' ? document : JSON.stringify(document ?? null)
  return text.replace(/\s+/g, ' ').trim().slice(0, 200)
}

const subproblemSchema = v.object({
  type: v.optional(v.string()),
  detail: v.optional(v.string()),
  identifier: v.optional(v.object({ value: v.string() })),
})

const problemSchema = v.object({
  type: v.optional(v.string()),
  detail: v.optional(v.string()),
  instance: v.optional(v.string()),
  subproblems: v.optional(v.array(subproblemSchema), []),
})
