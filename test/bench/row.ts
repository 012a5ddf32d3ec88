import type { World } from './world'

/** A line of the table: the same thing measured with ours and with what it is compared with. */
export interface Row {
  readonly name: string
  readonly unit: string
  /** Which number is the better one. Ratios are always "higher is better". */
  readonly better: 'more' | 'less'
  /** The least ratio; rows without one are for information. */
  readonly goal?: number
  /** Its group is run through as often before it counts: Node compiles what runs often while it runs. */
  readonly warmUpRounds?: number
  /** Its group is measured in so many times the rounds: one differs from the next by more than ours from theirs. */
  readonly roundsTimes?: number
  /** One sample. Rows that share a load share its numbers by `oncePerRound`. */
  readonly measure: (side: Side, round: Round) => Promise<number>
  /** What the machine does with nobody in between, where that makes sense. */
  readonly limit?: (round: Round) => Promise<number>
}

/** `openssh` is whatever ours is compared with. */
export type Side = 'ours' | 'openssh'

/** Rows that are measured together, round by round. What shares a load belongs into one group. */
export type RowGroup = readonly Row[]

/** An absolute bound for ours, compared with nobody. */
export interface Bound {
  readonly name: string
  readonly unit: string
  readonly most: number
  readonly measure: (round: Round) => Promise<number>
}

/** Both sides of a comparison are measured in one round. */
export interface Round {
  /** Started when it is first asked for. */
  readonly world: () => Promise<World>
}

/** What `run` finds in a round is found once for the same arguments. */
export function oncePerRound<A extends readonly (string | number)[], T>(
  run: (round: Round, ...args: A) => Promise<T>,
): (round: Round, ...args: A) => Promise<T> {
  const rounds = new WeakMap<Round, Map<string, Promise<T>>>()
  return (round, ...args) => {
    const found = rounds.get(round) ?? new Map<string, Promise<T>>()
    rounds.set(round, found)
    const key = args.join(' ')
    const known = found.get(key) ?? run(round, ...args)
    found.set(key, known)
    return known
  }
}
