import { Scope } from '../support/scope'
import { coresOfOthers, cpuMoment, isDisturbed } from './disturbance'
import type { Options } from './options'
import {
  roundResult,
  rowResult,
  type BoundResult,
  type Limit,
  type Results,
  type RoundResult,
  type RowResult,
} from './result'
import type { Round, Row, RowGroup, Side } from './row'
import { World } from './world'

/** What cannot be measured is told, and does not keep the rest from being measured. */
export async function measureAll(
  options: Pick<Options, 'groups' | 'bounds' | 'rounds'>,
  tell: (line: string) => void,
): Promise<Results & { readonly failures: readonly string[] }> {
  const scope = new Scope()
  let started: Promise<World> | undefined
  const round: Round = { world: () => (started ??= World.start(scope)) }
  const spare: Spare = { leftMs: mostExtraMs }
  const rows: RowResult[] = []
  const limits: Limit[] = []
  const bounds: BoundResult[] = []
  const failures: string[] = []
  const trying = async (name: string, measure: () => Promise<void>) => {
    await measure().catch(async (error: unknown) => {
      const ended = (await started?.catch(() => undefined))?.ended() ?? []
      failures.push([`Failed: ${name}: ${String(error)}`, ...ended].join('\n'))
    })
  }
  try {
    for (const group of options.groups) {
      await trying(group.map(({ name }) => name).join(', '), async () => {
        rows.push(...(await measureGroup(group, { ...round, rounds: options.rounds, spare, tell })))
        limits.push(...(await measureLimits(group, round)))
      })
    }
    for (const { name, unit, most, measure } of options.bounds) {
      await trying(name, async () => void bounds.push({ name, unit, value: await measure(round), most }))
    }
    return { rows, limits, bounds, failures }
  } finally {
    await scope.close()
  }
}

interface MeasureOptions extends Round {
  readonly rounds: number
  readonly spare: Spare
  readonly tell: (line: string) => void
}

/** More rounds beside those that were disturbed. */
const mostExtraRounds = 2
/** Of all rows together: on a machine that others use all the time they would help little. */
const mostExtraMs = 60_000

/** How much time for more rounds is left. */
interface Spare {
  leftMs: number
}

/** Measures rows that belong together, ours and theirs in turn, round by round. */
async function measureGroup(group: RowGroup, options: MeasureOptions): Promise<RowResult[]> {
  const { spare, world, tell } = options
  const wanted = options.rounds * Math.max(...group.map((row) => row.roundsTimes ?? 1))
  const most = () => wanted + (spare.leftMs > 0 ? mostExtraRounds : 0)
  const results = group.map((): RoundResult[] => [])
  const warmUpRounds = Math.max(...group.map((row) => row.warmUpRounds ?? 0))
  for (let count = 0; count < warmUpRounds; count++) await measureRound(group, { world }, count)
  let quiet = 0
  for (let count = 0; quiet < wanted && count < most(); count++) {
    const before = cpuMoment()
    const samples = await measureRound(group, { world }, count)
    const after = cpuMoment()
    const others = coresOfOthers(before, after)
    if (count >= wanted) spare.leftMs -= after.at - before.at
    if (!isDisturbed(others)) quiet++
    const remark = isDisturbed(others) ? ` (disturbed: others used ${others.toFixed(2)} cores)` : ''
    group.forEach((row, index) => {
      const result = roundResult(row, samples[index]!, isDisturbed(others))
      results[index]!.push(result)
      tell(`  ${row.name}: ${result.ratio.toFixed(2)}${remark}`)
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

/** What the machine does without anybody in between; once, for it is only for information. */
async function measureLimits(rows: readonly Row[], round: Round): Promise<Limit[]> {
  const limits: Limit[] = []
  for (const row of rows) {
    const value = await row.limit?.(round)
    if (value !== undefined) limits.push({ name: row.name, unit: row.unit, value })
  }
  return limits
}
