import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { WritesPerTurn } from '../../../src/base/writesPerTurn'

/** Writes down what reaches the system, one entry for each write to it. */
class TestStream extends Duplex {
  readonly reached: string[] = []

  override _read(): void {
    // Nothing comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.reached.push(String(chunk))
    done()
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.reached.push(chunks.map(({ chunk }) => String(chunk)).join('+'))
    done()
  }
}

describe('WritesPerTurn', () => {
  let stream: TestStream
  let writes: WritesPerTurn
  beforeEach(() => {
    stream = new TestStream()
    writes = new WritesPerTurn(stream)
  })
  const turn = () => new Promise(setImmediate)

  it('makes one write of all that is written in a turn, in order', async () => {
    for (const text of ['a', 'b', 'c']) stream.write(text)
    assert.deepEqual(stream.reached, [])
    await turn()
    assert.deepEqual(stream.reached, ['a+b+c'])
    stream.write('d')
    await turn()
    assert.deepEqual(stream.reached, ['a+b+c', 'd'])
  })

  it('counts writes', () => {
    for (const text of ['a', 'b', 'c']) stream.write(text)
    assert.equal(writes.count, 3)
  })

  it('passes on encodings and callbacks, and answers as the stream does', async () => {
    const heard: string[] = []
    assert.equal(
      stream.write('6f6e65', 'hex', () => heard.push('one')),
      true,
    )
    stream.write('two', () => heard.push('two'))
    assert.equal(stream.write(Buffer.alloc(stream.writableHighWaterMark)), false)
    await turn()
    assert.equal(stream.reached[0]?.slice(0, 7), 'one+two')
    assert.deepEqual(heard, ['one', 'two'])
  })

  it('says drain as the stream does', async () => {
    let drains = 0
    stream.on('drain', () => drains++)
    stream.write(Buffer.alloc(stream.writableHighWaterMark))
    await turn()
    assert.equal(drains, 1)
    stream.write('a')
    await turn()
    assert.equal(drains, 1)
  })

  it('keeps nothing back at the end', async () => {
    stream.write('a')
    stream.end('b')
    await turn()
    assert.deepEqual(stream.reached.join('+'), 'a+b')
    assert.ok(stream.writableFinished)
  })

  it('leaves a stream that was destroyed alone', async () => {
    const errors: unknown[] = []
    stream.on('error', (error) => errors.push(error))
    stream.write('a')
    stream.destroy()
    await sleep(5)
    assert.deepEqual([stream.reached, errors], [[], []])
  })
})
