/** JSON with everything but ASCII escaped, in small letters; `slashes` escapes those too. */
export function escapedJson(value: unknown, { slashes }: { readonly slashes: boolean }): string {
  const text = JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return slashes ? text.replaceAll('/', '\\/') : text
}
