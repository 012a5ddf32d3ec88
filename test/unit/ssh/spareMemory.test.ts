import assert from 'node:assert/strict'
import { SpareMemory } from '../../../src/ssh/spareMemory'

const KiB = 1024

describe('SpareMemory', () => {
  it('gives the same again when it was given back, and never to two at once', () => {
    const memory = new SpareMemory()
    const [one, two] = [memory.take(100 * KiB), memory.take(128 * KiB)]
    assert.notEqual(one.buffer, two.buffer)
    memory.giveBack(one)
    assert.equal(memory.take(128 * KiB), one)
    assert.notEqual(memory.take(1).buffer, one.buffer)
  })

  it('has room for what is longer, and keeps none of that', () => {
    const memory = new SpareMemory()
    const long = memory.take(300 * KiB)
    assert.ok(long.length >= 300 * KiB)
    memory.giveBack(long)
    assert.notEqual(memory.take(1).buffer, long.buffer)
  })

  it('keeps little of what many gave back', () => {
    const memory = new SpareMemory()
    const taken = new Set(Array.from({ length: 1000 }, () => memory.take(1)))
    for (const piece of taken) memory.giveBack(piece)
    const kept = Array.from({ length: 1000 }, () => memory.take(1)).filter((piece) => taken.has(piece))
    assert.ok(kept.length > 0 && kept.length * 128 * KiB <= 4 * KiB * KiB, `${kept.length} pieces`)
  })
})
