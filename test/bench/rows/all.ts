import type { Bound, RowGroup } from '../row'
import { bulkRows, longPathRows } from './bulk'
import { httpRows, manyRows } from './http'
import { latencyRows } from './latency'
import { portRows } from './ports'

/** In the order of the table. */
export const rowGroups: readonly RowGroup[] = [
  ...bulkRows,
  ...httpRows,
  ...latencyRows,
  ...longPathRows,
  ...manyRows,
  ...portRows,
]

export const bounds: readonly Bound[] = []
