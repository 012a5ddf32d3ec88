import { bulk, type BulkResult } from '../loads'
import type { Round, Row, RowGroup, Side } from '../row'
import type { SubjectName } from '../world'

type Direction = 'download' | 'upload'

export const bulkRows: readonly RowGroup[] = [
  [speed('download', 1), speed('upload', 1), cpuPerGigabyte()],
  againstGcm(1),
  [speed('download', 8), speed('upload', 8)],
  againstGcm(8),
]

/** Windows have to grow with the path. */
export const longPathRows: readonly RowGroup[] = [20, 50].flatMap((rttMs) => [
  // sshd's window bounds both sides alike, so that little is between them.
  [{ ...longPath(rttMs, 'download', 1, 1), roundsTimes: 4 }],
  [longPath(rttMs, 'download', 8, 1), longPath(rttMs, 'upload', 1, 3)],
])

function speed(direction: Direction, visitors: number): Row {
  return {
    ...{ name: `${direction} ${visitors}`, unit: 'MB/s', better: 'more', goal: 1.2 },
    ...{ warmUpRounds: 2, roundsTimes: visitors === 1 ? 2 : 3 },
    measure: async (side, round) => (await bulk(round, side, direction, visitors, 0)).megabytesPerSecond,
    limit: async (round) => (await bulk(round, 'direct', direction, visitors, 0)).megabytesPerSecond,
  }
}

/** For information: what OpenSSH does with the cipher that its client does not choose by itself. */
function againstGcm(visitors: number): RowGroup {
  return (['download', 'upload'] as const).map((direction) => ({
    ...{ name: `${direction} ${visitors}, against aes128-gcm`, unit: 'MB/s', better: 'more' },
    measure: async (side, round) => {
      const name: SubjectName = side === 'openssh' ? 'openssh aes128-gcm' : side
      return (await bulk(round, name, direction, visitors, 0)).megabytesPerSecond
    },
  }))
}

function longPath(rttMs: number, direction: Direction, visitors: number, goal: number): Row {
  return {
    ...{
      name: `${rttMs} ms RTT: ${direction} ${visitors}`,
      unit: 'MB/s',
      better: 'more',
      goal,
      warmUpRounds: 1,
    },
    measure: async (side, round) => (await bulk(round, side, direction, visitors, rttMs)).megabytesPerSecond,
  }
}

/** Of the process that forwards, over one download and one upload. */
function cpuPerGigabyte(): Row {
  const both = async (side: Side, round: Round): Promise<BulkResult[]> => [
    await bulk(round, side, 'download', 1, 0),
    await bulk(round, side, 'upload', 1, 0),
  ]
  return {
    ...{ name: 'CPU per GB', unit: 'ms', better: 'less', goal: 1 },
    // Half a gigabyte each way, however fast either was.
    measure: async (side, round) => {
      const each = await both(side, round)
      return each.reduce((sum, { cpuMs, megabytes }) => sum + (cpuMs / megabytes) * 500, 0)
    },
  }
}
