import assert from 'node:assert/strict'
import { readOptions } from '../../bench/options'
import type { Bound, Row } from '../../bench/row'

const row = (name: string): Row => ({
  ...{ name, unit: 'MB/s', better: 'more' },
  measure: () => Promise.resolve(0),
})
const bound: Bound = { name: 'memory for visitors', unit: 'MB', most: 64, measure: () => Promise.resolve(0) }
const all = {
  groups: [[row('download 1'), row('upload 1')], [row('20 ms RTT: download 1')], [row('HTTP')]],
  bounds: [bound],
}

function chosen(args: readonly string[]): string[][] {
  const { groups, bounds } = readOptions(args, all)
  return [...groups.map((group) => group.map(({ name }) => name)), bounds.map(({ name }) => name)]
}

describe('bench: options', () => {
  const choices: [args: string[], expected: string[][]][] = [
    [[], [['download 1', 'upload 1'], ['20 ms RTT: download 1'], ['HTTP'], ['memory for visitors']]],
    [
      ['--row', 'download 1'],
      [['download 1'], []],
    ],
    [
      ['--row', 'load 1'],
      [['download 1', 'upload 1'], ['20 ms RTT: download 1'], []],
    ],
    [
      ['--row', 'HTTP', '--row', 'upload 1'],
      [['upload 1'], ['HTTP'], []],
    ],
    [['--row=memory'], [['memory for visitors']]],
  ]
  for (const [args, expected] of choices) {
    it(`measures what is chosen by ${args.join(' ') || 'nothing'}`, () => {
      assert.deepEqual(chosen(args), expected)
    })
  }

  it('reads what else there is', () => {
    const { rounds, json, help } = readOptions(['--json', '--rounds', '7'], all)
    assert.deepEqual({ rounds, json, help }, { rounds: 7, json: true, help: false })
  })

  const wrong: [args: string[], remark: RegExp][] = [
    [['--row', 'download 2'], /There is no row "download 2"[^]*upload 1/],
    [['--rounds', '0'], /--rounds/],
    [['--rounds', 'many'], /--rounds/],
    [['--rouds', '3'], /--rouds/],
    [['download 1'], /download 1/],
  ]
  for (const [args, remark] of wrong) {
    it(`refuses ${args.join(' ')}`, () => assert.throws(() => readOptions(args, all), remark))
  }
})
