/** How two answers differ, in plain values for a view. */
export interface AnswerComparison {
  readonly status: { readonly before: string; readonly after: string; readonly isSame: boolean }
  /** By name; what differs at every answer, such as Date, too. */
  readonly fields: readonly FieldChange[]
  readonly body: BodyComparison
  /** In words for a person: that a body was cut, and only what was kept is compared. */
  readonly remarks: readonly string[]
}

export interface FieldChange {
  readonly kind: 'same' | 'changed' | 'added' | 'removed'
  readonly name: string
  /** Undefined where it was added. */
  readonly before: string | undefined
  /** Undefined where it was removed. */
  readonly after: string | undefined
}

export type BodyComparison =
  | { readonly kind: 'same'; readonly size: number }
  | { readonly kind: 'text'; readonly changes: readonly LineChange[] }
  /** `at` is the place of the first byte that differs, from 0. */
  | { readonly kind: 'bytes'; readonly before: number; readonly after: number; readonly at: number }

/** Lines in a row with the same fate, without their line ends. */
export interface LineChange {
  readonly kind: 'same' | 'added' | 'removed'
  readonly lines: readonly string[]
}
