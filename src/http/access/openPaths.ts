import { valuesOf, type Field } from '../exchange'

/**
 * True when the request is for a path that needs no password. Apps read paths in ways of their own, so one that could
 * mean another (`..`, `//`, `%2e`, `;`) is no open path, and neither is one that a field may send elsewhere.
 */
export function isOpenPath(
  { target, fields }: { readonly target: string; readonly fields: readonly Field[] },
  patterns: readonly string[],
): boolean {
  const [path = ''] = target.split('?')
  if (!isPlainPath(path) || movingFields.some((name) => valuesOf(fields, name).length > 0)) return false
  return patterns.some((pattern) =>
    pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  )
}

/** An exact path, or one that ends in `/*` for all below it; `/*` alone would open everything. */
export function isOpenPattern(text: string): boolean {
  const path = text.endsWith('/*') ? text.slice(0, -1) : text
  return isPlainPath(path) && !path.includes('*') && text !== '/*'
}

/** Nothing that any app would decode, resolve or cut. */
function isPlainPath(path: string): boolean {
  return /^\/[\w.~!$&'()*+,=:@/-]*$/.test(path) && !/\/(?:\/|\.{1,2}(?:\/|$))/.test(path)
}

/** By these some frameworks take another path than the request's: IIS, Symfony and Zend of old. */
const movingFields = ['x-original-url', 'x-rewrite-url', 'x-original-uri']
