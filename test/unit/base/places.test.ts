import assert from 'node:assert/strict'
import { Places } from '../../../src/base/places'

describe('Places', () => {
  it('keep what has come and not gone, and give a place that is free to the next', () => {
    const places = new Places<{ name: string }>()
    const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
    const first = places.add(a)
    places.add(b)
    places.delete(first, a)
    assert.deepEqual([places.size, places.all], [1, [b]])
    assert.equal(places.add(c), first)
    // Who has left takes nobody else's place.
    places.delete(first, a)
    assert.deepEqual([places.size, places.all], [2, [c, b]])
  })
})
