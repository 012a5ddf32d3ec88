import { decodeBody } from '../body/decodeBody'
import type { ShownContent } from '../body/shownBody'
import type { CapturedBody, CapturedResponse } from '../capturedExchange'
import { valuesOf } from '../exchange'
import { maskFields } from '../mask/maskSecrets'
import type { AnswerComparison, BodyComparison, FieldChange } from './comparison'
import { compareLines } from './compareLines'
import type { Field } from '../field'

/**
 * How the answer to a replay differs from the original's. JSON is compared as it is laid out for reading, so that spaces count
 * nothing; the order of its members does. Secrets are masked after they were compared unless asked for.
 */
export async function compareAnswers(
  before: CapturedResponse,
  after: CapturedResponse,
  options: { readonly secrets: 'masked' | 'shown' } = { secrets: 'masked' },
): Promise<AnswerComparison> {
  const [former, latter] = [statusOf(before), statusOf(after)]
  return {
    status: { before: former, after: latter, isSame: former === latter },
    fields: compareFields(before.fields, after.fields, options),
    body: await compareBodies(before, after, options),
    remarks: [...cutRemarks('former', before.body), ...cutRemarks('new', after.body)],
  }
}

function cutRemarks(which: 'former' | 'new', { bytes, size }: CapturedBody): string[] {
  const kept = bytes.length
  return kept < size ? [`Of the ${which} body only the first ${kept} of ${size} bytes are compared.`] : []
}

function statusOf({ status, reason }: CapturedResponse): string {
  return `${status} ${reason}`.trim()
}

/** The fields of one name side by side, in the order in which the names first come. */
function compareFields(
  before: readonly Field[],
  after: readonly Field[],
  { secrets }: { readonly secrets: 'masked' | 'shown' },
): FieldChange[] {
  const names = new Map<string, string>()
  for (const [name] of [...before, ...after])
    if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  const show = (name: string, value: string | undefined) =>
    value === undefined || secrets === 'shown' ? value : maskFields([[name, value]])[0]?.[1]
  return [...names].flatMap(([lower, name]) => {
    const [former, latter] = [valuesOf(before, lower), valuesOf(after, lower)]
    return Array.from({ length: Math.max(former.length, latter.length) }, (_, index): FieldChange => {
      const [one, other] = [former[index], latter[index]]
      return { kind: fate(one, other), name, before: show(name, one), after: show(name, other) }
    })
  })
}

function fate(before: string | undefined, after: string | undefined): FieldChange['kind'] {
  if (before === undefined) return 'added'
  if (after === undefined) return 'removed'
  return before === after ? 'same' : 'changed'
}

async function compareBodies(
  before: CapturedResponse,
  after: CapturedResponse,
  options: { readonly secrets: 'masked' | 'shown' },
): Promise<BodyComparison> {
  const [former, latter] = [before.body, after.body]
  const at = firstDifference(former, latter)
  if (at === undefined) return { kind: 'same', size: former.size }
  const shown = await Promise.all(
    [before, after].map(({ fields, body }) => decodeBody(fields, body, options)),
  )
  const [one, other] = shown.map(({ content }) => textOf(content))
  if (one === undefined || other === undefined)
    return { kind: 'bytes', before: former.size, after: latter.size, at }
  return { kind: 'text', changes: compareLines(one, other) }
}

/** Undefined where none is known: of what was cut only the sizes can be compared. */
function firstDifference(before: CapturedBody, after: CapturedBody): number | undefined {
  const most = Math.min(before.bytes.length, after.bytes.length)
  for (let at = 0; at < most; at++) if (before.bytes[at] !== after.bytes[at]) return at
  return before.size === after.size ? undefined : most
}

function textOf(content: ShownContent): string | undefined {
  switch (content.kind) {
    case 'empty':
      return ''
    case 'text':
    case 'json':
      return content.text
    case 'form':
    case 'image':
    case 'binary':
      return undefined
  }
}
