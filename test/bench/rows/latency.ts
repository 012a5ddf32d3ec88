import { latencyUnderBulk, type LatencyResult } from '../loads'
import type { Row, RowGroup } from '../row'

export const latencyRows: readonly RowGroup[] = [
  [latency('p99', 1, 1), latency('p50', 1)],
  [latency('p99', 8), latency('p50', 8)],
]

function latency(which: keyof LatencyResult, downloads: number, goal?: number): Row {
  const load = downloads === 1 ? 'a bulk download' : `${downloads} bulk downloads`
  return {
    ...{ name: `latency ${which} of small requests during ${load}`, unit: 'ms', better: 'less' },
    warmUpRounds: 2,
    ...(goal === undefined ? {} : { goal }),
    measure: async (side, round) => (await latencyUnderBulk(round, side, downloads))[which],
  }
}
