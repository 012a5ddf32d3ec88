import assert from 'node:assert/strict'
import { rowHeight, rowsInSight, scrollTopFor } from '../../../src/webview/rowsInSight'

describe('the rows of a long list', () => {
  const height = 20 * rowHeight

  it('are drawn where they are in sight, and a few beyond', () => {
    assert.deepEqual(rowsInSight(10_000, { scrollTop: 0, height }), { first: 0, end: 28 })
    assert.deepEqual(rowsInSight(10_000, { scrollTop: 5000 * rowHeight, height }), { first: 4992, end: 5028 })
    assert.deepEqual(rowsInSight(10_000, { scrollTop: 9980 * rowHeight, height }), {
      first: 9972,
      end: 10_000,
    })
  })

  it('are never more than there are, also where the list has become short', () => {
    assert.deepEqual(rowsInSight(3, { scrollTop: 0, height }), { first: 0, end: 3 })
    assert.deepEqual(rowsInSight(3, { scrollTop: 5000, height }), { first: 3, end: 3 })
    assert.deepEqual(rowsInSight(0, { scrollTop: 0, height }), { first: 0, end: 0 })
  })

  const scrolls: [what: string, index: number, scrollTop: number, to: number][] = [
    ['in sight: nothing moves', 5, 0, 0],
    ['above: to the top', 5, 10 * rowHeight, 5 * rowHeight],
    ['below: to the bottom', 30, 0, 11 * rowHeight],
    ['half below: the other half', 20, 0, rowHeight],
  ]
  for (const [what, index, scrollTop, to] of scrolls) {
    it(`are brought into sight: ${what}`, () => assert.equal(scrollTopFor(index, { scrollTop, height }), to))
  }
})
