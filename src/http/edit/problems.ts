import { tokensOf, valuesOf } from '../exchange'
import { isHost } from '../fields'
import type { Field } from '../field'
import type { EditProblem } from './requestEdit'

/** What HTTP does not allow in the head of a request, whose letters are those of the wire. */
export function problemsOf(head: {
  readonly method: string
  readonly target: string
  readonly fields: readonly Field[]
}): EditProblem[] {
  const { method, target, fields } = head
  return [
    ...methodProblems(method),
    ...targetProblems(target, method),
    ...fields.flatMap((field, index) => fieldProblems(field, index)),
    ...lengthProblems(fields),
  ]
}

/** RFC 9110 5.6.2. */
const token = /^[!#$%&'*+.^_`|~\w-]+$/

function methodProblems(method: string): EditProblem[] {
  if (!token.test(method))
    return [{ where: 'method', message: 'must be a word such as GET or POST, without spaces' }]
  return method === 'CONNECT' ? [{ where: 'method', message: 'CONNECT asks a proxy, not an app' }] : []
}

function targetProblems(target: string, method: string): EditProblem[] {
  if (target === '*' && method === 'OPTIONS') return []
  if (!target.startsWith('/'))
    return [{ where: 'target', message: 'must be a path that begins with /, with its query' }]
  if (/[\0-\x20\x7f]/.test(target))
    return [{ where: 'target', message: 'must have no spaces: write %20 instead' }]
  return target.includes('#') ? [{ where: 'target', message: 'must have no #: write %23 instead' }] : []
}

function fieldProblems([name, value]: Field, index: number): EditProblem[] {
  const where = { field: index }
  if (!token.test(name))
    return [{ where, message: `the name of a field has letters, digits and dashes, not "${name}"` }]
  // RFC 9110 5.5.
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
    return [{ where, message: `the value of ${name} must have no line breaks or control characters` }]
  return []
}

function lengthProblems(fields: readonly Field[]): EditProblem[] {
  const at = (name: string) => ({ field: fields.findLastIndex(([other]) => other.toLowerCase() === name) })
  const codings = tokensOf(fields, 'transfer-encoding')
  if (codings.length > 0 && codings.join() !== 'chunked')
    return [{ where: at('transfer-encoding'), message: 'Transfer-Encoding can only be chunked' }]
  if (codings.length > 0 && valuesOf(fields, 'content-length').length > 0)
    return [
      { where: at('content-length'), message: 'remove it, or Transfer-Encoding: a body has one length' },
    ]
  if (valuesOf(fields, 'host').length > 1)
    return [{ where: at('host'), message: 'there must be one Host only' }]
  return valuesOf(fields, 'host').every(isHost)
    ? []
    : [{ where: at('host'), message: 'Host must be a name or an address, with a port if need be' }]
}
