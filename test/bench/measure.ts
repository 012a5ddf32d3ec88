import { cpuMoment, isDisturbed } from './disturbance'
import { roundResult, rowResult, type RoundResult, type RowResult } from './result'
import type { Round, Row, RowGroup, Side } from './row'

export interface MeasureOptions {
  readonly rounds: number
  readonly world: Round['world']
  readonly tell: (line: string) => void
}

/** More rounds in place of those that were disturbed. */
const mostExtraRounds = 2

/** Measures rows that belong together, ours and theirs in turn, round by round. */
export async function measureGroup(group: RowGroup, options: MeasureOptions): Promise<RowResult[]> {
  const { rounds: wanted, world, tell } = options
  const results = group.map((): RoundResult[] => [])
  let quiet = 0
  for (let count = 0; quiet < wanted && count < wanted + mostExtraRounds; count++) {
    const before = cpuMoment()
    const samples = await measureRound(group, { world }, count)
    const disturbed = isDisturbed(before, cpuMoment())
    if (!disturbed) quiet++
    group.forEach((row, index) => {
      const result = roundResult(row, samples[index]!, disturbed)
      results[index]!.push(result)
      tell(`  ${row.name}: ${result.ratio.toFixed(2)}${disturbed ? ' (disturbed)' : ''}`)
    })
  }
  return group.map((row, index) => rowResult(row, results[index]!))
}

type Sample = Record<Side, number>

/** Whoever comes first may find the machine in another state, so that changes from round to round. */
async function measureRound(group: RowGroup, round: Round, count: number): Promise<Sample[]> {
  const sides: Side[] = count % 2 === 0 ? ['ours', 'openssh'] : ['openssh', 'ours']
  const samples = group.map((): Sample => ({ ours: NaN, openssh: NaN }))
  for (const side of sides) {
    for (const [index, row] of group.entries()) {
      samples[index]![side] = await row.measure(side, round)
    }
  }
  return samples
}

/** What the machine does without anybody in between, in the rows' own units; once, for it is only for information. */
export async function measureLimits(rows: readonly Row[], world: Round['world']): Promise<Limit[]> {
  const limits: Limit[] = []
  for (const row of rows) {
    const value = await row.limit?.({ world })
    if (value !== undefined) limits.push({ name: row.name, unit: row.unit, value })
  }
  return limits
}

/** As `--json` prints it, by the name of its row. */
export interface Limit {
  readonly name: string
  readonly unit: string
  readonly value: number
}
