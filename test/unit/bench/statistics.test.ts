import assert from 'node:assert/strict'
import { median, percentile } from '../../bench/statistics'

describe('bench: statistics', () => {
  const medians: [values: number[], expected: number][] = [
    [[], NaN],
    [[3], 3],
    [[10, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
  ]
  for (const [values, expected] of medians) {
    it(`takes ${expected} for the median of ${values.join(', ') || 'nothing'}`, () => {
      assert.equal(median(values), expected)
    })
  }

  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  const percentiles: [values: number[], share: number, expected: number][] = [
    [[], 0.99, NaN],
    [[7], 0.99, 7],
    [hundred, 0.99, 99],
    [hundred, 0.5, 50],
    [hundred, 1, 100],
    [hundred, 0, 1],
  ]
  for (const [values, share, expected] of percentiles) {
    it(`finds ${expected} for ${share} of ${values.length} values`, () => {
      assert.equal(percentile(values, share), expected)
    })
  }

  it('leaves the values in their order', () => {
    const values = [3, 1, 2]
    median(values)
    percentile(values, 0.5)
    assert.deepEqual(values, [3, 1, 2])
  })
})
