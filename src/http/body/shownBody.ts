/** A body as a person wants to see it, in plain values: they pass to the webview as they are. */
export interface ShownBody {
  readonly content: ShownContent
  /** What is not as it was, in words for a person: that it was cut, that its coding could not be read. */
  readonly remarks: readonly string[]
  /** How many bytes of content there are here, without their coding. */
  readonly size: number
}

export type ShownContent =
  | { readonly kind: 'empty' }
  /** With the charset it was read in. */
  | { readonly kind: 'text'; readonly text: string; readonly charset: string }
  /** With line breaks and indents; what it says is as it was sent, to the last digit. */
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'form'; readonly fields: readonly ShownFormField[] }
  /** With a media type that browsers show as a picture. */
  | { readonly kind: 'image'; readonly type: string; readonly bytes: Uint8Array }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }

export interface ShownFormField {
  readonly name: string
  /** Empty for a file. */
  readonly value: string
  readonly file: { readonly name: string; readonly type: string; readonly size: number } | undefined
}
