/** What is wrong with one server, at a field or with the whole of it. */
export interface Problem {
  readonly field?: string
  readonly message: string
}

/** What was read, or what is wrong with the text, in words. */
export type Read<T> = { readonly value: T } | { readonly wrong: string }

/** The problem of a field that could not be read; none when it could. */
export function problemAt(field: string, read: Read<unknown>): Problem[] {
  return 'wrong' in read ? [{ field, message: read.wrong }] : []
}

/** In quotes, and never so long that the message becomes unreadable. */
export function quote(text: string): string {
  return `"${shorten(text)}"`
}

export function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

/** The first `{…}` that is not one of those; also one that is not closed. */
export function strangePlaceholder(text: string, allowed: readonly string[]): string | undefined {
  const found = [...text.matchAll(/\{[^}]*\}?/g)].map((match) => match[0])
  return found.find((placeholder) => !allowed.includes(placeholder))
}
