import type { Field } from '../field'

/** A request as a person edits it, in plain values. Letters are those a person reads, not those of the wire. */
export interface RequestEdit {
  readonly method: string
  readonly target: string
  readonly fields: readonly Field[]
  readonly body: EditedBody
}

export type EditedBody =
  /** The content, without its Content-Encoding. Lines end in `\n` here and in `lineEnd` when it is sent. */
  | { readonly kind: 'text'; readonly text: string; readonly lineEnd: '\n' | '\r\n' }
  /** The bytes as they are sent, where a text would not give them back. Spaces and line breaks mean nothing. */
  | { readonly kind: 'base64'; readonly text: string }

/** Something that cannot be sent, where it stands, with what to write instead. */
export interface EditProblem {
  readonly where: EditPlace
  readonly message: string
}

/** A field by its place in the list. */
export type EditPlace = 'method' | 'target' | 'body' | { readonly field: number }

export interface EditedRequest {
  readonly method: string
  readonly target: string
  readonly host: string
  readonly fields: readonly Field[]
  readonly body: Uint8Array
  readonly trailers: readonly Field[]
}

export type EditResult =
  | { readonly kind: 'edited'; readonly request: EditedRequest }
  | { readonly kind: 'problems'; readonly problems: readonly EditProblem[] }
