import type { Page } from './page'

/** What a key does, wherever the focus is but in a text field; undefined where it is not ours. */
export function actionFor(
  event: Press,
  at: { readonly isTyping: boolean; readonly isInList: boolean; readonly rowsInSight: number },
): Action | undefined {
  const { key, ctrlKey, metaKey, altKey } = event
  if (key === 'f' && (ctrlKey || metaKey)) return { kind: 'filter' }
  if (key === 'Escape') return { kind: 'back' }
  if (at.isTyping || ctrlKey || metaKey || altKey) return undefined
  if (key === '/') return { kind: 'filter' }
  if (key === 'r') return { kind: 'replay' }
  if (key === 'e') return { kind: 'edit' }
  if (!at.isInList) return undefined
  if (key === 'Enter') return { kind: 'open' }
  const by = steps(at.rowsInSight)[key]
  return by === undefined ? undefined : { kind: 'move', by }
}

/** What of a KeyboardEvent counts. */
interface Press {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}

export type Action =
  | { readonly kind: 'filter' | 'back' | 'replay' | 'edit' | 'open' }
  | { readonly kind: 'move'; readonly by: number }

/** Replays or edits what is selected. */
export function actOnSelected(page: Page, kind: 'replay' | 'edit'): void {
  const { selected } = page
  if (selected !== undefined) page.post({ kind, id: selected })
}

function steps(page: number): Readonly<Partial<Record<string, number>>> {
  return { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }
}
