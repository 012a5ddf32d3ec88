import assert from 'node:assert/strict'
import { once } from 'node:events'
import { duplexPair, type Duplex } from 'node:stream'
import { putBack, readStart, WrappedStream } from '../../../src/base/startOfStream'
import { Collected, settle } from '../tunnels/streams'

describe('readStart', () => {
  function read(isEnough: (head: Buffer) => boolean = () => false) {
    const [stream, outside] = duplexPair()
    const starts: (string | undefined)[] = []
    const start = readStart(stream, isEnough, (head) => starts.push(head?.toString()))
    return { stream, outside, starts, start }
  }

  it('reads until it is enough, and gives the rest of the chunk too', async () => {
    const { outside, starts, stream } = read((head) => head.includes(';'))
    outside.write('on')
    await settle()
    assert.deepEqual(starts, [])
    outside.write('e;two')
    await settle()
    assert.deepEqual(starts, ['one;two'])
    outside.write('three;')
    await settle()
    assert.deepEqual(starts, ['one;two'])
    const read_ = new Collected(putBack(stream, Buffer.from('two')))
    await settle()
    assert.equal(read_.text, 'twothree;')
  })

  it('gives what it has at the end, and when it is told to let go, once', async () => {
    const ended = read()
    ended.outside.end('all')
    await settle()
    assert.deepEqual(ended.starts, ['all'])
    const told = read()
    told.outside.write('some')
    await settle()
    told.start.letGo()
    told.start.letGo()
    told.outside.end()
    await settle()
    assert.deepEqual(told.starts, ['some'])
  })

  it('gives nothing of a stream that closes', async () => {
    const { stream, outside, starts } = read()
    outside.write('some')
    stream.on('error', () => undefined).destroy(new Error('reset'))
    await settle()
    assert.deepEqual(starts, [undefined])
  })
})

describe('WrappedStream', () => {
  function wrap(head?: Buffer): { inner: Duplex; wrapped: WrappedStream; outside: Duplex } {
    const [inner, outside] = duplexPair({ allowHalfOpen: true })
    for (const stream of [inner, outside]) stream.on('error', () => undefined)
    const wrapped = new WrappedStream(inner, head)
    wrapped.on('error', () => undefined)
    return { inner, wrapped, outside }
  }

  it('passes both ways, head first, with half-close, and closes the inner stream with itself', async () => {
    const { inner, wrapped, outside } = wrap(Buffer.from('head '))
    const [atWrapped, atOutside] = [new Collected(wrapped), new Collected(outside)]
    outside.end('question')
    await settle()
    assert.deepEqual([atWrapped.text, atWrapped.ended, wrapped.destroyed], ['head question', true, false])
    wrapped.end('answer')
    await settle()
    assert.deepEqual([atOutside.text, atOutside.ended], ['answer', true])
    assert.deepEqual([wrapped.destroyed, inner.destroyed], [true, true])
  })

  it('reads no more than is taken from it, and takes no more than is read', async () => {
    const { wrapped, outside } = wrap()
    let taken = 0
    const chunk = Buffer.alloc(10_000)
    while (outside.write(chunk) && taken < 100) taken++
    await settle()
    while (outside.write(chunk) && taken < 100) taken++
    assert.ok(taken < 50, `${taken} chunks are held`)
    while (wrapped.write(chunk) && taken < 100) taken++
    assert.ok(taken < 50, `${taken} chunks are held`)
  })

  it('closes when the inner stream is cut, and with destroySoon once all is written', async () => {
    const cut = wrap()
    cut.inner.destroy()
    await settle()
    assert.ok(cut.wrapped.destroyed)
    const soon = wrap()
    const atOutside = new Collected(soon.outside)
    soon.wrapped.write('last words')
    soon.wrapped.destroySoon()
    await once(soon.wrapped, 'close')
    await settle()
    assert.deepEqual([atOutside.text, soon.inner.destroyed], ['last words', true])
  })
})
