import { Scope } from '../../support/scope'
import { allChanges, PortsCost, type Change } from '../ports/portsCost'
import { oncePerRound, type Row, type RowGroup } from '../row'
import { median } from '../statistics'

/** Finding the listening ports, beside the way that VS Code does it for its Ports view. */
export const portRows: readonly RowGroup[] = [50, 2000].map((count) => [
  row(`CPU per idle tick, ${count} processes`, { count, goal: 50, ours: ({ tick }) => tick }),
  ...allChanges.map((change) =>
    row(`CPU per change, ${count} processes, ${change}`, {
      ...{ count, goal: 3, ours: ({ changes }: Costs) => changes[change] },
    }),
  ),
])

interface RowOptions {
  readonly count: number
  readonly goal: number
  readonly ours: (costs: Costs) => number
}

function row(what: string, { count, goal, ours }: RowOptions): Row {
  return {
    name: `ports: ${what} (VS Code's way / ours)`,
    ...{ unit: 'ms', better: 'less', goal },
    measure: async (side, round) => {
      const costs = await costsOf(round, count)
      return side === 'ours' ? ours(costs) : costs.vsCodesTick
    },
  }
}

interface Costs {
  readonly tick: number
  readonly changes: Readonly<Record<Change, number>>
  /** Idle or not. */
  readonly vsCodesTick: number
}

const costsOf = oncePerRound(async (_round, count: number): Promise<Costs> => {
  const scope = new Scope()
  try {
    const cost = await PortsCost.among(scope, count)
    const changes: Partial<Record<Change, number>> = {}
    for (const change of allChanges) changes[change] = await typical(() => cost.ofOurChange(change))
    return {
      tick: await cost.ofOurTick(),
      changes: changes as Record<Change, number>,
      vsCodesTick: await cost.ofVsCodesTick(),
    }
  } finally {
    await scope.close()
  }
})

async function typical(measure: () => Promise<number>): Promise<number> {
  return median([await measure(), await measure(), await measure()])
}
