import * as v from 'valibot'
import { noFilter, statusClasses, type Filter } from './filter'

/** What the page keeps of itself while it is hidden, and over a reload of the window. */
export interface SavedState {
  /** Of the extension: in another, the selected number means another exchange. */
  readonly life: string
  readonly selected: number | undefined
  readonly filter: Filter
  /** How much of the width the list takes, in percent. */
  readonly listShare: number
  readonly scrollTop: number
}

export const freshState: SavedState = {
  life: '',
  selected: undefined,
  filter: noFilter,
  listShare: 46,
  scrollTop: 0,
}

/** What was saved, as far as it can be read. */
export function readSavedState(value: unknown): SavedState {
  const read = v.safeParse(saved, value)
  if (!read.success) return freshState
  const { filter } = read.output
  return { ...freshState, ...read.output, filter: { ...filter, tunnelId: filter.tunnelId } }
}

const saved = v.object({
  life: v.string(),
  selected: v.optional(v.number()),
  filter: v.object({
    text: v.string(),
    statuses: v.array(v.picklist(statusClasses)),
    method: v.string(),
    tunnelId: v.optional(v.number()),
  }),
  listShare: v.pipe(v.number(), v.minValue(10), v.maxValue(90)),
  scrollTop: v.number(),
})
