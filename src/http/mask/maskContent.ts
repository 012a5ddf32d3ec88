import { mask } from '../../base/redactor'
import { formType, isJsonType, multipartType, type ContentType } from '../contentType'
import { wireOfText } from '../wireText'
import { maskJson } from './maskJson'
import { maskParts } from './maskParts'
import { maskParameters } from './maskParameters'
import { isSecretMember } from './secretNames'

/**
 * A body without its secrets: the values of secret members of JSON and of forms. All other bytes stay, so a body that
 * is cut or damaged is masked as far as it can be read. The body must have no Content-Encoding. Answers the same
 * object where there is nothing to mask.
 */
export function maskContent(contentType: ContentType, bytes: Uint8Array): Uint8Array {
  // One letter a byte: what is not touched comes out as it went in, whatever its charset.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const masked = maskText(contentType, text)
  return masked === text ? bytes : Buffer.from(masked, 'latin1')
}

function maskText({ type, boundary }: ContentType, text: string): string {
  if (type === formType) return maskParameters(text, { shown: maskInBytes, isSecret: isSecretMember })
  if (type === multipartType && boundary !== '') return maskParts(text, { boundary, shown: maskInBytes })
  // Some send JSON as text/plain, or say nothing.
  return isJsonType(type) || /^(?:\xef\xbb\xbf)?\s*[[{]/.test(text) ? maskJson(text, maskInBytes) : text
}

const maskInBytes = wireOfText(mask)
