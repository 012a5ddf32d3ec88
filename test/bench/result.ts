import type { Row } from './row'
import { median } from './statistics'

/** As `--json` prints it. */
export interface RoundResult {
  readonly ours: number
  readonly openssh: number
  /** Higher is better for ours, whatever the unit. */
  readonly ratio: number
  /** Something else used the machine meanwhile. */
  readonly disturbed?: true
}

/** As `--json` prints it. */
export interface RowResult {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly openssh: number
  readonly ratio: number
  readonly goal?: number
  readonly rounds: readonly RoundResult[]
}

export function roundResult(
  { better }: Pick<Row, 'better'>,
  { ours, openssh }: { ours: number; openssh: number },
  disturbed: boolean,
): RoundResult {
  const ratio = better === 'more' ? ours / openssh : openssh / ours
  return { ours, openssh, ratio, ...(disturbed ? { disturbed } : {}) }
}

/**
 * All rounds count, disturbed ones too: nobody chooses among them. The ratio is the median of the rounds' own ratios,
 * not that of the medians: both sides of a round are measured within seconds, so what changes more slowly (other
 * guests of the machine, its clock) is the same for both and falls out.
 */
export function rowResult({ name, unit, goal }: Row, rounds: readonly RoundResult[]): RowResult {
  const medianOf = (key: 'ours' | 'openssh' | 'ratio') => median(rounds.map((round) => round[key]))
  return {
    ...{ name, unit, ours: medianOf('ours'), openssh: medianOf('openssh'), ratio: medianOf('ratio') },
    ...(goal === undefined ? {} : { goal }),
    rounds,
  }
}

/** What the machine does with nobody in between, by the name of its row; as `--json` prints it. */
export interface Limit {
  readonly name: string
  readonly unit: string
  readonly value: number
}

/** As `--json` prints it. */
export interface BoundResult extends Limit {
  readonly most: number
}

export interface Results {
  readonly rows: readonly RowResult[]
  readonly limits: readonly Limit[]
  readonly bounds: readonly BoundResult[]
}

/** True where nothing is asked. */
export function isMet({ ratio, goal }: Pick<RowResult, 'ratio' | 'goal'>): boolean {
  return goal === undefined || ratio >= goal
}

/** A line for each goal that is not met and each bound that does not hold. */
export function misses({ rows, bounds }: Pick<Results, 'rows' | 'bounds'>): string[] {
  return [
    ...rows
      .filter((row) => !isMet(row))
      .map(({ name, ratio, goal = 0 }) => `Missed: ${name}: ${ratio.toFixed(2)} where the goal is ${goal}`),
    ...bounds
      .filter(isExceeded)
      .map(
        ({ name, value, unit, most }) =>
          `Missed: ${name}: ${value.toFixed(2)} ${unit} where ${most} are allowed`,
      ),
  ]
}

export function isExceeded({ value, most }: Pick<BoundResult, 'value' | 'most'>): boolean {
  return !(value < most)
}
