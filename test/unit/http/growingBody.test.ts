import assert from 'node:assert/strict'
import { GrowingBody } from '../../../src/http/growingBody'

describe('GrowingBody', () => {
  it('keeps a copy, and what was shown of it stays as it was', () => {
    const body = new GrowingBody(100)
    const chunk = Buffer.from('one')
    body.add(chunk)
    const first = body.now
    chunk.fill(0)
    body.add(Buffer.from('two'))
    const second = body.now
    for (let count = 0; count < 10; count++) body.add(Buffer.from('x'))
    assert.deepEqual([String(Buffer.from(first.bytes)), first.size], ['one', 3])
    assert.deepEqual([String(Buffer.from(second.bytes)), second.size], ['onetwo', 6])
    assert.deepEqual(
      [String(Buffer.from(body.whole.bytes)), body.whole.size],
      [`onetwo${'x'.repeat(10)}`, 16],
    )
  })

  it('keeps no more than it may, and counts the rest', () => {
    const body = new GrowingBody(10)
    for (let count = 0; count < 5; count++) body.add(Buffer.from('1234'))
    body.count(5)
    assert.deepEqual([String(Buffer.from(body.now.bytes)), body.now.size, body.room], ['1234123412', 25, 0])
    assert.equal(body.now.bytes.buffer.byteLength, 10)
  })

  it('needs no more memory in the end than it has bytes', () => {
    const body = new GrowingBody(10_000)
    for (let count = 0; count < 9; count++) body.add(Buffer.alloc(100))
    assert.ok(body.now.bytes.buffer.byteLength > 900)
    assert.equal(body.whole.bytes.buffer.byteLength, 900)
  })

  it('lets go of all, and goes on counting', () => {
    const body = new GrowingBody(10)
    body.add(Buffer.from('1234'))
    body.letGo()
    body.add(Buffer.from('5678'))
    assert.deepEqual([body.whole.bytes.length, body.whole.size], [0, 8])
  })
})
