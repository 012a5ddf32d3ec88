import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { AckPump } from '../../../src/ssh/ackPump'
import { FakeClock } from '../../support/fakeClock'

describe('AckPump', () => {
  function setUp() {
    const stream = new PassThrough()
    const clock = new FakeClock()
    const writes = { count: 0 }
    let sent = 0
    const ignore = () => {
      sent++
      writes.count++
    }
    const pump = new AckPump(stream, { writes, ignore, clock })
    return { stream, clock, writes, pump, taken: () => [sent, (sent = 0)][0] }
  }
  const turn = () => new Promise(setImmediate)

  it('says nothing of itself', async () => {
    const { clock, taken } = setUp()
    await clock.advance(1000)
    assert.equal(taken(), 0)
  })

  it('sends one after each turn in which something came and nothing went', async () => {
    const { stream, taken, clock } = setUp()
    for (let times = 0; times < 3; times++) {
      stream.emit('data', Buffer.from('a'))
      stream.emit('data', Buffer.from('b'))
      assert.equal(taken(), 0, 'not before the turn ends')
      await turn()
      assert.equal(taken(), 1)
    }
    assert.deepEqual(clock.pending, [])
  })

  it('sends none where something went after the last that came', async () => {
    const { stream, writes, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    writes.count++
    await turn()
    assert.equal(taken(), 0)
    stream.emit('data', Buffer.from('b'))
    writes.count++
    stream.emit('data', Buffer.from('c'))
    await turn()
    assert.equal(taken(), 1)
  })

  it('hears of what comes before whoever answers it', async () => {
    const { stream, writes, taken } = setUp()
    stream.on('data', () => writes.count++)
    stream.emit('data', Buffer.from('a'))
    await turn()
    assert.equal(taken(), 0)
    const early = new PassThrough()
    early.on('data', () => writes.count++)
    new AckPump(early, { writes, ignore: () => assert.fail('it is answered'), clock: new FakeClock() })
    early.emit('data', Buffer.from('a'))
    await turn()
  })

  it('gives a likely answer 2 ms, and sends one when it does not come', async () => {
    const { stream, pump, clock, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    await turn()
    assert.deepEqual([taken(), clock.pending], [0, [2]])
    await clock.advance(1)
    assert.equal(taken(), 0)
    await clock.advance(1)
    assert.equal(taken(), 1)
    await clock.advance(100)
    assert.equal(taken(), 0)
  })

  it('sends none when the answer comes in that time', async () => {
    const { stream, pump, clock, writes, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    await turn()
    await clock.advance(1)
    writes.count++
    await clock.advance(100)
    assert.equal(taken(), 0)
  })

  it('sets no timer where the answer came at once', async () => {
    const { stream, pump, clock, writes } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    writes.count++
    await turn()
    assert.deepEqual(clock.pending, [])
  })

  it('expects no answer to the next for having expected one', async () => {
    const { stream, pump, clock, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    stream.emit('data', Buffer.from('b'))
    await turn()
    assert.equal(taken(), 1)
    assert.deepEqual(clock.pending, [])
  })

  it('goes by what came last in a turn', async () => {
    const { stream, pump, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    pump.expectAnswer(false)
    await turn()
    assert.equal(taken(), 1)
  })

  it('sets one timer, however much comes', async () => {
    const { stream, pump, clock, taken } = setUp()
    for (let times = 0; times < 5; times++) {
      stream.emit('data', Buffer.from('a'))
      pump.expectAnswer(true)
      await turn()
    }
    assert.equal(clock.pending.length, 1)
    await clock.advance(2)
    assert.equal(taken(), 1)
  })

  it('sends nothing into a stream that has ended', async () => {
    const { stream, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    stream.destroy()
    await turn()
    assert.equal(taken(), 0)
  })

  it('is quiet once disposed, and leaves no timer and no listener', async () => {
    const { stream, pump, clock, taken } = setUp()
    stream.emit('data', Buffer.from('a'))
    pump.expectAnswer(true)
    await turn()
    pump.dispose()
    assert.deepEqual([clock.pending, stream.listenerCount('data')], [[], 0])
    stream.emit('data', Buffer.from('b'))
    await turn()
    await clock.advance(100)
    assert.equal(taken(), 0)
  })
})
