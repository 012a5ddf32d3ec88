import type { CapturedExchange } from '../capturedExchange'
import { valuesOf } from '../exchange'
import type { Field } from '../field'
import { bytesOfWire, textOfUtf8, wireOfText } from '../wireText'
import { bytesOfBody, editableBody } from './editableBody'
import { problemsOf } from './problems'
import type { EditResult, RequestEdit } from './requestEdit'

/** A captured request to be edited. Of a body that was cut it has what was kept. */
export async function editable({ request }: Pick<CapturedExchange, 'request'>): Promise<RequestEdit> {
  const { method, target, fields, body } = request
  return {
    method,
    target: shown(target),
    fields: fields.map(([name, value]) => [name, shown(value)]),
    body: await editableBody(fields, body),
  }
}

/**
 * The request to send after an edit, or what is wrong with it. What was not edited stays as it was, byte for byte. A body that
 * was is packed again as its Content-Encoding says, and Content-Length tells its length, whatever was written there.
 */
export async function applyEdit(
  { request }: Pick<CapturedExchange, 'request'>,
  edit: RequestEdit,
): Promise<EditResult> {
  const method = edit.method.trim()
  const target = edit.target === shown(request.target) ? request.target : asciiOf(edit.target.trim())
  const fields = edit.fields.map((field) => wireField(field, request.fields))
  const body = await bodyOf({ request }, fields, edit)
  const problems = [
    ...problemsOf({ method, target, fields }),
    ...(typeof body === 'string' ? [{ where: 'body', message: body } as const] : []),
  ]
  if (problems.length > 0 || typeof body === 'string') return { kind: 'problems', problems }
  const [host = request.host] = valuesOf(fields, 'host')
  const { trailers } = request
  return {
    kind: 'edited',
    request: { method, target, host, fields: withLength(fields, body.length), body, trailers },
  }
}

async function bodyOf(
  original: Pick<CapturedExchange, 'request'>,
  fields: readonly Field[],
  { body }: RequestEdit,
): Promise<Uint8Array | string> {
  const former = await editable(original)
  const isSame =
    body.kind === former.body.kind &&
    body.text === former.body.text &&
    packing(fields) === packing(original.request.fields)
  return isSame ? original.request.body.bytes : bytesOfBody(fields, body)
}

/** What decides how a text becomes bytes. */
function packing(fields: readonly Field[]): string {
  return ['content-encoding', 'content-type'].flatMap((name) => valuesOf(fields, name)).join()
}

function shown(wire: string): string {
  return textOfUtf8(bytesOfWire(wire)) ?? wire
}

/** RFC 3986 2.5; Node's parser, among others, refuses a target with other letters. */
function asciiOf(target: string): string {
  return target.replace(/[^\0-\x7f]+/g, (letters) =>
    Buffer.from(letters).toString('hex').toUpperCase().replace(/../g, '%$&'),
  )
}

/** The same field when it was not edited: not all bytes can be told from what is shown of them. */
function wireField([name, value]: Field, originals: readonly Field[]): Field {
  const same = originals.find((other) => other[0] === name && shown(other[1]) === value)
  return same ?? [name.trim(), wireOfText(value.trim())]
}

function withLength(fields: readonly Field[], length: number): Field[] {
  if (valuesOf(fields, 'transfer-encoding').length > 0) return [...fields]
  const isLength = ([name]: Field) => name.toLowerCase() === 'content-length'
  const first = fields.findIndex(isLength)
  if (first === -1) return length === 0 ? [...fields] : [...fields, ['Content-Length', String(length)]]
  return fields.flatMap((field, index): Field[] => {
    if (!isLength(field)) return [field]
    return index === first ? [[field[0], String(length)]] : []
  })
}
