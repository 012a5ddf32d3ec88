import type { CapturedExchange, CapturedRequest } from '../http/capturedExchange'
import { contentTypeOf } from '../http/contentType'
import { applyEdit, editable } from '../http/edit/editRequest'
import type { EditedBody, EditResult, RequestEdit } from '../http/edit/requestEdit'
import type { Field } from '../http/field'
import type { Draft, DraftBody, Edited } from '../http/inspectorMessages'
import { maskContent } from '../http/mask/maskContent'
import { maskUrl } from '../http/mask/maskParameters'
import { maskFields } from '../http/mask/maskSecrets'
import { signatureFieldsOf } from '../http/signatures/signature'

/** A captured request as a form, to be changed by a person. Secrets are masked unless they are asked for. */
export async function draftOf(exchange: CapturedExchange, secrets: 'masked' | 'shown'): Promise<Draft> {
  const { request } = exchange
  const { method, target, fields, body } = await editable(exchange)
  const isMasking = secrets === 'masked'
  const masked = isMasking ? maskFields(fields) : fields
  const signedBy = signatureFieldsOf(request.fields)
  return {
    of: exchange.id,
    method,
    target: isMasking ? maskUrl(target) : target,
    fields: fields.map(([name, value], index) => {
      const shown = masked[index]?.[1] ?? value
      return { name, value: shown, isMasked: shown !== value, ofField: index }
    }),
    body: draftBody(body, request, isMasking),
    signature: signedBy.length === 0 ? undefined : signedBy.join(' and '),
    resign: signedBy.length > 0 && request.body.bytes.length === request.body.size,
  }
}

/** The request to send, or what is wrong with it. What was masked is what it was. */
export async function applyEdited(edited: Edited, original: CapturedExchange): Promise<EditResult> {
  const open = await editable(original)
  const target = edited.target === maskUrl(open.target) ? open.target : edited.target
  if (target !== open.target && target.includes(maskedValue)) {
    const message = 'has a masked value in it: show the secrets first, or write the value'
    return { kind: 'problems', problems: [{ where: 'target', message }] }
  }
  const edit: RequestEdit = {
    ...{ method: edited.method, target },
    fields: edited.fields.map(({ name, value }): Field => {
      return [name, typeof value === 'string' ? value : (open.fields[value.ofField]?.[1] ?? '')]
    }),
    body: bodyOf(edited.body, open.body),
  }
  return applyEdit(original, edit)
}

/** As `maskUrl` writes it. */
const maskedValue = '•••'

function bodyOf(edited: Edited['body'], open: EditedBody): EditedBody {
  switch (edited.as) {
    case 'unchanged':
      return open
    case 'text':
      return { kind: 'text', text: edited.text, lineEnd: open.kind === 'text' ? open.lineEnd : '\n' }
    case 'base64':
      return { kind: 'base64', text: edited.text }
  }
}

function draftBody(open: EditedBody, { fields, body }: CapturedRequest, isMasking: boolean): DraftBody {
  if (isMasking && open.kind === 'text') {
    const bytes = Buffer.from(open.text)
    if (maskContent(contentTypeOf(fields), bytes) !== bytes)
      return { as: 'unchanged', size: body.size, isHidden: true }
  }
  const isTooLong = open.text.length > (open.kind === 'text' ? mostText : mostBase64)
  if (isTooLong) return { as: 'unchanged', size: body.size, isHidden: false }
  return { as: open.kind, text: open.text }
}

/** More than this nobody edits in a form. */
const mostText = 512 * 1024
const mostBase64 = 16 * 1024
