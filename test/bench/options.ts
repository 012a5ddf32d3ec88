import { parseArgs } from 'node:util'
import type { RowGroup } from './row'

export const usage = `npm run bench -- [--row NAME]... [--rounds N] [--json]

Measures the remote forward of this extension side by side with that of OpenSSH's client.

  --row NAME   only this row, or all whose name holds NAME; repeatable
  --rounds N   how often each is measured; 3 unless given
  --json       prints {"rows": […], "limits": […], "bounds": […]} and nothing else on standard output`

export interface Options {
  readonly groups: readonly RowGroup[]
  readonly rounds: number
  readonly json: boolean
}

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[], all: readonly RowGroup[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      row: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on')
  return { groups: chosen(all, values.row), rounds, json: values.json }
}

function chosen(all: readonly RowGroup[], names: readonly string[] | undefined): readonly RowGroup[] {
  if (names === undefined) return all
  const rows = all.flat()
  const wanted = names.flatMap((name) => {
    const exact = rows.filter((row) => row.name === name)
    const found = exact.length > 0 ? exact : rows.filter((row) => row.name.includes(name))
    if (found.length > 0) return found
    throw new Error(`There is no row "${name}". The rows:\n${rows.map((row) => `  ${row.name}`).join('\n')}`)
  })
  return all.map((group) => group.filter((row) => wanted.includes(row))).filter((group) => group.length > 0)
}
