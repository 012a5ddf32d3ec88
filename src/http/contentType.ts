import { valuesOf } from './exchange'
import type { Field } from './field'

/** What a Content-Type field says (RFC 9110 8.3). */
export interface ContentType {
  /** In small letters, without parameters; empty where there is none. */
  readonly type: string
  /** In small letters; empty where none is named. */
  readonly charset: string
  /** Of multipart types; empty where none is named. */
  readonly boundary: string
}

export function contentTypeOf(fields: readonly Field[]): ContentType {
  const [value = ''] = valuesOf(fields, 'content-type')
  const [type = ''] = value.split(';', 1)
  return {
    type: type.trim().toLowerCase(),
    charset: parameterOf(value, 'charset').toLowerCase(),
    boundary: parameterOf(value, 'boundary'),
  }
}

/** A parameter of a field's value, without its quotes; empty where it has none. */
export function parameterOf(value: string, name: string): string {
  const found = new RegExp(String.raw`;\s*${name}\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]*))`, 'i').exec(value)
  return found?.[1]?.replace(/\\(.)/g, '$1') ?? found?.[2] ?? ''
}

/** RFC 8259, and the types built on it (RFC 6839 3.1). */
export function isJsonType(type: string): boolean {
  return /^(?:application|text)\/(?:[\w.!#$&^-]+\+)?json$/.test(type)
}

export const formType = 'application/x-www-form-urlencoded'
export const multipartType = 'multipart/form-data'
