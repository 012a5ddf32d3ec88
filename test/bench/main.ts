import { Scope } from '../support/scope'
import { measureGroup, measureLimits, type Limit } from './measure'
import { readOptions, usage, type Options } from './options'
import { isMet, type RowResult } from './result'
import { rowGroups } from './rows/all'
import { table } from './table'
import { World } from './world'

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), rowGroups)
  if (options === 'help') {
    console.log(usage)
    return
  }
  const tell = (line: string) => void process.stderr.write(`${line}\n`)
  const { rows, limits } = await measureAll(options, tell)
  console.log(options.json ? JSON.stringify({ rows, limits, bounds: [] }) : table(rows, limits))
  const missed = rows.filter((row) => !isMet(row))
  for (const { name, ratio, goal = NaN } of missed) tell(`Missed: ${name}: ${ratio.toFixed(2)}, not ${goal}`)
  process.exitCode = missed.length > 0 ? 1 : 0
}

async function measureAll(
  { groups, rounds }: Options,
  tell: (line: string) => void,
): Promise<{ rows: RowResult[]; limits: Limit[] }> {
  const scope = new Scope()
  let started: Promise<World> | undefined
  const world = () => (started ??= World.start(scope))
  try {
    const rows: RowResult[] = []
    for (const group of groups) rows.push(...(await measureGroup(group, { rounds, world, tell })))
    return { rows, limits: await measureLimits(groups.flat(), world) }
  } finally {
    await scope.close()
  }
}

void main()
