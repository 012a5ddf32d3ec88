import { mask } from '../../base/redactor'
import { jsonTokens } from '../body/jsonTokens'
import { isSecretMember } from './secretNames'

/**
 * JSON with the strings and numbers masked that are, or lie within, the value of a secret member. All else stays, byte
 * for byte; what is no JSON, or is cut, is masked as far as it reads like JSON.
 */
export function maskJson(text: string, shown: string = mask): string {
  const pieces: string[] = []
  let done = 0
  let depth = 0
  /** How deep the secret member stands whose value is being read. */
  let secretDepth: number | undefined
  for (const { kind, from, to } of jsonTokens(text)) {
    if (kind === 'open') depth += 1
    if (kind === 'close') depth -= 1
    if (kind === 'name') {
      if (secretDepth === undefined && isSecretMember(valueOf(text.slice(from, to)))) secretDepth = depth
    } else if (kind === 'string' || kind === 'number') {
      if (secretDepth === undefined || text.slice(from, to) === '""') continue
      pieces.push(text.slice(done, from), `"${shown}"`)
      done = to
    } else if (secretDepth !== undefined && kind !== 'open' && depth <= secretDepth) {
      secretDepth = undefined
    }
  }
  return done === 0 ? text : pieces.join('') + text.slice(done)
}

function valueOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1)
  try {
    return String(JSON.parse(literal))
  } catch {
    return literal
  }
}
