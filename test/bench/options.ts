import { parseArgs } from 'node:util'
import type { Bound, RowGroup } from './row'

export const usage = `npm run bench -- [--row NAME]... [--rounds N] [--json]

Measures the remote forwards of this extension side by side with those of OpenSSH's client.

  --row NAME   only this row, or all whose names hold NAME; repeatable
  --rounds N   how often each is measured, unsteady rows two to four times as often; 5 unless given
  --json       prints {"rows": […], "limits": […], "bounds": […]} and nothing else on standard output`

/** What there is to measure. */
export interface Choice {
  readonly groups: readonly RowGroup[]
  readonly bounds: readonly Bound[]
}

export interface Options extends Choice {
  readonly rounds: number
  readonly json: boolean
  readonly help: boolean
}

/** @throws Error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[], all: Choice): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      row: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on.')
  const { row, json, help } = values
  return { ...(row === undefined ? all : choose(all, row)), rounds, json, help }
}

function choose({ groups, bounds }: Choice, wanted: readonly string[]): Choice {
  const names = [...groups.flat(), ...bounds].map(({ name }) => name)
  const chosen = new Set(wanted.flatMap((text) => named(text, names)))
  return {
    groups: groups
      .map((group) => group.filter(({ name }) => chosen.has(name)))
      .filter(({ length }) => length > 0),
    bounds: bounds.filter(({ name }) => chosen.has(name)),
  }
}

function named(text: string, names: readonly string[]): readonly string[] {
  if (names.includes(text)) return [text]
  const found = names.filter((name) => name.includes(text))
  if (found.length > 0) return found
  throw new Error(`There is no row "${text}". The rows:\n${names.map((name) => `  ${name}`).join('\n')}`)
}
