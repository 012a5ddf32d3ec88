import type { CapturedExchange } from '../capturedExchange'
import type { Field } from '../field'
import { applyEdit } from './editRequest'
import type { EditedBody, EditedRequest, EditPlace, RequestEdit } from './requestEdit'

/**
 * A request as a text to edit: lines of remarks, the request line, the fields, an empty line and the body. All after
 * that empty line is the body, to the last line break.
 */
export function requestText({ method, target, fields, body }: RequestEdit): string {
  return [
    '# Edit the request and send it. Lines like this one, in front of the first, are not sent.',
    `# Body: ${bodyWord(body)}`,
    `${method} ${target}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    '',
    body.kind === 'base64' ? inLines(body.text) : body.text,
  ].join('\n')
}

export interface TextProblem {
  /** From 1. */
  readonly line: number
  readonly message: string
}

/** Reads what `requestText` wrote and a person edited: the request to send, or what is wrong, line by line. */
export async function parseEdited(
  text: string,
  original: Pick<CapturedExchange, 'request'>,
): Promise<
  | { readonly kind: 'edited'; readonly request: EditedRequest }
  | { readonly kind: 'problems'; readonly problems: readonly TextProblem[] }
> {
  const { edit, lines, problems } = read(text.replaceAll('\r\n', '\n').split('\n'))
  if (problems.length > 0) return { kind: 'problems', problems }
  const result = await applyEdit(original, edit)
  if (result.kind === 'edited') return result
  return {
    kind: 'problems',
    problems: result.problems.map(({ where, message }) => ({ line: lineOf(where, lines), message })),
  }
}

const bodyWords = { '\n': 'text', '\r\n': 'text, its lines end in CR LF' } as const
const base64Word = 'base64, since it is not plain text'

function bodyWord(body: EditedBody): string {
  return body.kind === 'base64' ? base64Word : bodyWords[body.lineEnd]
}

function inLines(base64: string): string {
  return base64.replace(/.{76}(?=.)/g, '$&\n')
}

/** Where things stand, from 1. */
interface Lines {
  readonly first: number
  readonly fields: readonly number[]
  readonly body: number
}

function read(all: readonly string[]): { edit: RequestEdit; lines: Lines; problems: TextProblem[] } {
  const first = all.findIndex((line) => line.trim() !== '' && !line.startsWith('#'))
  const start = first === -1 ? all.length : first
  const empty = all.indexOf('', start)
  const end = empty === -1 ? all.length : empty
  const [, method = '', target = ''] = /^(\S*)\s*(.*?)(?:\s+HTTP\/[\d.]+)?\s*$/.exec(all[start] ?? '') ?? []
  const fields: Field[] = []
  const numbers: number[] = []
  const problems: TextProblem[] = []
  for (const [index, line] of all.slice(start + 1, end).entries()) {
    const number = start + index + 2
    const [, name, value] = /^([^:]+):(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) {
      problems.push({
        line: number,
        message: 'must be a field, "Name: value"; the body comes after an empty line',
      })
      continue
    }
    fields.push([name, value.trim()])
    numbers.push(number)
  }
  const text = all.slice(end + 1).join('\n')
  return {
    edit: { method, target, fields, body: bodyFrom(text, all.slice(0, start)) },
    lines: { first: start + 1, fields: numbers, body: end + 2 },
    problems,
  }
}

function bodyFrom(text: string, remarks: readonly string[]): EditedBody {
  const said = remarks
    .map((line) => /^#\s*Body:\s*(.*?)\s*$/i.exec(line)?.[1])
    .find((one) => one !== undefined)
  if (said?.startsWith('base64') === true) return { kind: 'base64', text: text.replaceAll('\n', '') }
  return { kind: 'text', text, lineEnd: said === bodyWords['\r\n'] ? '\r\n' : '\n' }
}

function lineOf(where: EditPlace, lines: Lines): number {
  if (where === 'body') return lines.body
  return where === 'method' || where === 'target' ? lines.first : (lines.fields[where.field] ?? lines.first)
}
