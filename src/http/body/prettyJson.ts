import { format } from 'jsonc-parser'
import { jsonTokens } from './jsonTokens'

/**
 * JSON with line breaks and indents. Names, strings and numbers stay letter by letter: a number is never read, since
 * JavaScript would change a large one. What is no JSON is laid out as far as it reads like it.
 * What is nested so deep that its indents would fill memory stays as it is.
 */
export function prettyJson(text: string): string {
  if (lengthOfIndents(text) > mostIndents) return text
  const edits = format(text, undefined, { insertSpaces: true, tabSize: 2, eol: '\n' })
  // jsonc-parser's own applyEdits copies the text for each edit.
  const pieces: string[] = []
  let done = 0
  for (const { offset, length, content } of edits) {
    pieces.push(text.slice(done, offset), content)
    done = offset + length
  }
  return pieces.join('') + text.slice(done)
}

const mostIndents = 16 * 1024 * 1024

function lengthOfIndents(text: string): number {
  let depth = 0
  let length = 0
  for (const { kind } of jsonTokens(text)) {
    if (kind === 'open') depth += 1
    if (kind === 'close') depth -= 1
    if (kind === 'open' || kind === 'close' || kind === 'comma') length += 2 * Math.max(depth, 0)
  }
  return length
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
