import assert from 'node:assert/strict'
import { backoffMs } from '../../../src/base/backoff'

describe('backoffMs', () => {
  const rows: [tries: number, least: number, most: number][] = [
    [0, 0, 0],
    [1, 500, 1000],
    [2, 1000, 2000],
    [3, 2000, 4000],
    [4, 4000, 8000],
    [6, 16_000, 32_000],
    [7, 30_000, 60_000],
    [8, 30_000, 60_000],
    [1000, 30_000, 60_000],
    [100_000, 30_000, 60_000],
  ]
  for (const [tries, least, most] of rows) {
    it(`waits ${least} to ${most} ms before try ${tries}`, () => {
      assert.equal(
        backoffMs(tries, () => 0),
        least,
      )
      assert.equal(
        backoffMs(tries, () => 1),
        most,
      )
      const byChance = backoffMs(tries)
      assert.ok(byChance >= least && byChance <= most, `${byChance}`)
    })
  }

  it('leaves it to chance, so that many machines do not come back together', () => {
    assert.ok(new Set(Array.from({ length: 50 }, () => backoffMs(5))).size > 1)
  })
})
