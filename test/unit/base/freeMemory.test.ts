import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { freeMemory } from '../../../src/base/freeMemory'

describe('freeMemory', () => {
  it('gives memory back at once, and leaves the buffer empty', async () => {
    // The first time only at the end of the turn: then the port has closed.
    freeMemory(Buffer.alloc(1))
    await new Promise(setImmediate)
    const before = process.memoryUsage().arrayBuffers
    const large = Buffer.alloc(8 * 1024 * 1024)
    freeMemory(large)
    assert.equal(large.length, 0)
    const left = process.memoryUsage().arrayBuffers - before
    assert.ok(left < 1024 * 1024, `${left} bytes are left`)
  })

  it('does so with what a cipher made', () => {
    const sealed = createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)).update(
      Buffer.alloc(32_768),
    )
    freeMemory(sealed)
    assert.equal(sealed.length, 0)
  })

  it('leaves what others have a part of', () => {
    const whole = Buffer.alloc(100_000, 'a')
    freeMemory(whole.subarray(1))
    const pooled = Buffer.from('of the pool that all small buffers share')
    freeMemory(pooled)
    assert.equal(whole.toString(), 'a'.repeat(100_000))
    assert.equal(pooled.toString(), 'of the pool that all small buffers share')
  })
})
