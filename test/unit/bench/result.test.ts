import assert from 'node:assert/strict'
import { misses, roundResult, rowResult } from '../../bench/result'
import type { Row } from '../../bench/row'

const information: Row = {
  ...{ name: 'download 1', unit: 'MB/s', better: 'more' },
  measure: () => Promise.resolve(0),
}
const row: Row = { ...information, goal: 1.2 }

describe('bench: results', () => {
  it('has a ratio above 1 where ours is better, whichever number is the better one', () => {
    assert.equal(roundResult({ better: 'more' }, { ours: 300, openssh: 100 }, false).ratio, 3)
    assert.equal(roundResult({ better: 'less' }, { ours: 100, openssh: 300 }, false).ratio, 3)
  })

  it('marks a disturbed round, and only that', () => {
    const numbers = { ours: 1, openssh: 1 }
    assert.deepEqual(roundResult(row, numbers, true), { ...numbers, ratio: 1, disturbed: true })
    assert.deepEqual(roundResult(row, numbers, false), { ...numbers, ratio: 1 })
  })

  it('takes the median of the ratios of all rounds, disturbed ones too', () => {
    const rounds = [
      // The machine became half as fast: of the medians alone the ratio would be 2.5.
      roundResult(row, { ours: 400, openssh: 200 }, false),
      roundResult(row, { ours: 200, openssh: 100 }, true),
      roundResult(row, { ours: 250, openssh: 100 }, false),
    ]
    const { ours, openssh, ratio, goal } = rowResult(row, rounds)
    assert.deepEqual({ ours, openssh, ratio, goal }, { ours: 250, openssh: 100, ratio: 2, goal: 1.2 })
    assert.deepEqual(rowResult(row, rounds).rounds, rounds)
  })

  it('has no goal where the row has none', () => {
    assert.ok(!('goal' in rowResult(information, [])))
  })

  const bound = { name: 'memory', unit: 'MB', most: 64 }
  const cases: [what: string, ratio: number, goal: number | undefined, value: number, missed: number][] = [
    ['all is well', 1.2, 1.2, 63.9, 0],
    ['a goal is missed by little', 1.1999, 1.2, 0, 1],
    ['nothing was asked', 0.1, undefined, 0, 0],
    ['a bound is reached', 2, 1.2, 64, 1],
    ['nothing was measured', NaN, 1.2, NaN, 2],
  ]
  for (const [what, ratio, goal, value, missed] of cases) {
    it(`tells of ${missed} where ${what}`, () => {
      const result = { name: 'x', unit: 'MB/s', ours: 1, openssh: 1, ratio, rounds: [] }
      const lines = misses({
        rows: [{ ...result, ...(goal === undefined ? {} : { goal }) }],
        bounds: [{ ...bound, value }],
      })
      assert.equal(lines.length, missed, lines.join('\n'))
    })
  }
})
