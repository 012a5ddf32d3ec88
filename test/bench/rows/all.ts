import type { Bound, RowGroup } from '../row'
import { bulkRows, longPathRows } from './bulk'
import { httpRows, manyRows } from './http'
import { latencyRows } from './latency'
import { memoryBounds } from './memory'
import { portRows } from './ports'
import { readyRows } from './ready'
import { startBounds } from './start'

/** In the order of the table. */
export const rowGroups: readonly RowGroup[] = [
  ...bulkRows,
  ...httpRows,
  ...latencyRows,
  ...longPathRows,
  ...readyRows,
  ...manyRows,
  ...portRows,
]

export const bounds: readonly Bound[] = [...startBounds, ...memoryBounds]
