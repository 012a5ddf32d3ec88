import type { Bound, RowGroup } from '../row'
import { bulkRows, longPathRows } from './bulk'
import { httpRows, manyRows } from './http'
import { latencyRows } from './latency'
import { memoryBounds } from './memory'
import { readyRows } from './ready'

/** In the order of the table. */
export const rowGroups: readonly RowGroup[] = [
  ...bulkRows,
  ...httpRows,
  ...latencyRows,
  ...longPathRows,
  ...readyRows,
  ...manyRows,
]

export const bounds: readonly Bound[] = [...memoryBounds]
