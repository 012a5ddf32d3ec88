import { codingsOf } from '../http/body/contentCoding'
import { readUtf8 } from '../http/body/charset'
import type { CapturedExchange, CapturedRequest } from '../http/capturedExchange'
import { contentTypeOf } from '../http/contentType'
import type { Field } from '../http/field'
import type { Draft, DraftBody, Edited } from '../http/inspectorMessages'
import { maskContent } from '../http/mask/maskContent'
import { maskUrl } from '../http/mask/maskParameters'
import { maskFields } from '../http/mask/maskSecrets'
import { signatureFieldsOf } from '../http/signatures/signature'

/** A captured request as a form, to be changed by a person. Secrets are masked unless they are asked for. */
export function draftOf({ id, request }: CapturedExchange, secrets: 'masked' | 'shown'): Draft {
  const isMasking = secrets === 'masked'
  const masked = maskFields(request.fields)
  const signedBy = signatureFieldsOf(request.fields)
  return {
    of: id,
    method: request.method,
    target: isMasking ? maskUrl(request.target) : request.target,
    fields: request.fields.map(([name, value], index) => {
      const hidden = masked[index]?.[1] ?? value
      const isMasked = isMasking && hidden !== value
      return { name, value: isMasked ? hidden : value, isMasked, ofField: index }
    }),
    body: draftBody(request, isMasking),
    signature: signedBy.length === 0 ? undefined : signedBy.join(' and '),
    resign: signedBy.length > 0 && isWhole(request),
  }
}

/** What an edited request became, ready to be sent. */
export interface EditedRequest {
  readonly method: string
  readonly target: string
  readonly fields: readonly Field[]
  readonly body: Uint8Array
}

/** The request as a person has changed it, or why it cannot be sent, in words for that person. */
export function applyEdited(
  { method, target, fields, body }: Edited,
  original: CapturedRequest,
): EditedRequest | { readonly problem: string } {
  const open = target === maskUrl(original.target) ? original.target : target
  if (open.includes('•••')) return { problem: 'The path has a masked value in it. Show the secrets first.' }
  if (!/^(?:\/\S*|\*)$/.test(open)) return { problem: 'The path must begin with / and hold no space.' }
  const bytes = bytesOf(body, original)
  if (bytes === undefined) return { problem: 'The body must be pairs of hexadecimal digits.' }
  return {
    ...{ method, target: open, body: bytes },
    fields: fields.map(({ name, value }): Field => {
      if (typeof value === 'string') return [name, value]
      return [name, original.fields[value.ofField]?.[1] ?? '']
    }),
  }
}

function bytesOf(body: Edited['body'], original: CapturedRequest): Uint8Array | undefined {
  if (body.as === 'unchanged') return original.body.bytes
  if (body.as === 'text') return Buffer.from(body.text)
  const digits = body.text.replace(/\s+/g, '')
  return /^(?:[0-9a-f]{2})*$/i.test(digits) ? Buffer.from(digits, 'hex') : undefined
}

function draftBody(request: CapturedRequest, isMasking: boolean): DraftBody {
  const { fields, body } = request
  const { bytes, size } = body
  if (isMasking && maskContent(contentTypeOf(fields), bytes) !== bytes)
    return { as: 'unchanged', size, isHidden: true }
  const text = codingsOf(fields).length === 0 ? textOf(bytes) : undefined
  if (isWhole(request) && text !== undefined && size <= mostText) return { as: 'text', text }
  if (isWhole(request) && size <= mostHex) return { as: 'hex', text: hexOf(bytes) }
  return { as: 'unchanged', size, isHidden: false }
}

function isWhole({ body: { bytes, size } }: CapturedRequest): boolean {
  return bytes.length === size
}

/** Undefined where a text field would change it: it is no UTF-8, or has line ends that the field would replace. */
function textOf(bytes: Uint8Array): string | undefined {
  const text = readUtf8(bytes)
  const isSame = text !== undefined && !text.includes('\r') && Buffer.from(text).equals(bytes)
  return isSame && !text.includes('\0') ? text : undefined
}

/** Thirty-two bytes a line. */
function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/(..)/g, '$1 ')
    .replace(/(.{96})/g, '$1\n')
    .trimEnd()
}

/** More than this nobody edits in a form. */
const mostText = 512 * 1024
const mostHex = 16 * 1024
