import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex, DuplexOptions } from 'node:stream'
import { NonceStage } from '../../../src/tunnels/nonceStage'
import { join, toLocal } from '../../../src/tunnels/toLocal'
import { freePort } from '../../support/freePort'
import { waitUntil } from '../../support/waitUntil'
import { Collected, settle, visitorPair } from './streams'

describe('join', () => {
  /** A visitor and an app, joined; the test holds the far ends. */
  function joined(options: DuplexOptions = {}): {
    visitor: Duplex
    local: Duplex
    outside: Duplex
    app: Duplex
  } {
    const [one, two] = [visitorPair(options), visitorPair(options)]
    join(one.visitor.stream, two.visitor.stream)
    return {
      ...{ visitor: one.visitor.stream, outside: one.outside },
      ...{ local: two.visitor.stream, app: two.outside },
    }
  }

  it('passes bytes both ways, each in its order', async () => {
    const { outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    for (let index = 0; index < 100; index++) {
      outside.write(`up${index} `)
      app.write(`down${index} `)
    }
    await settle()
    assert.equal(atApp.text, Array.from({ length: 100 }, (_, index) => `up${index} `).join(''))
    assert.equal(atVisitor.text, Array.from({ length: 100 }, (_, index) => `down${index} `).join(''))
  })

  it('lets the app answer after the visitor has ended, then closes both', async () => {
    const { visitor, local, outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    outside.end('question')
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['question', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [false, false])
    app.end('answer')
    await settle()
    assert.deepEqual([atVisitor.text, atVisitor.ended], ['answer', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [true, true])
  })

  it('lets the visitor go on after the app has ended, then closes both', async () => {
    const { visitor, local, outside, app } = joined()
    const [atApp, atVisitor] = [new Collected(app), new Collected(outside)]
    app.end('greeting')
    await settle()
    assert.deepEqual([atVisitor.text, atVisitor.ended], ['greeting', true])
    outside.end('and on')
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['and on', true])
    assert.deepEqual([visitor.destroyed, local.destroyed], [true, true])
  })

  it('closes a visitor who had ended before the app was there', async () => {
    // Node’s own end of a stream that has ended both ways would hide ours.
    const [one, two] = [visitorPair({ autoDestroy: false }), visitorPair()]
    one.outside.end()
    one.visitor.stream.resume()
    await settle()
    assert.ok(one.visitor.stream.readableEnded)
    join(one.visitor.stream, two.visitor.stream)
    const [atApp, atVisitor] = [new Collected(two.outside), new Collected(one.outside)]
    await settle()
    assert.ok(atApp.ended)
    two.outside.end('answer')
    await settle()
    assert.equal(atVisitor.text, 'answer')
    assert.ok(one.visitor.stream.destroyed)
  })

  it('ends the app’s connection when the visitor’s channel fails, and no other', async () => {
    const [bad, good] = [joined(), joined()]
    bad.visitor.destroy(new Error('read ECONNRESET'))
    await settle()
    assert.ok(bad.local.destroyed)
    const atApp = new Collected(good.app)
    good.outside.write('still here')
    await settle()
    assert.equal(atApp.text, 'still here')
    assert.deepEqual([good.visitor.destroyed, good.local.destroyed], [false, false])
  })

  it('ends the visitor when the app’s connection fails, and no other', async () => {
    const [bad, good] = [joined(), joined()]
    bad.local.destroy(new Error('read ECONNRESET'))
    await settle()
    assert.ok(bad.visitor.destroyed)
    const atVisitor = new Collected(good.outside)
    good.app.write('still here')
    await settle()
    assert.equal(atVisitor.text, 'still here')
  })

  it('does not wait for a stream that reports an error to close', async () => {
    const [one, two] = [joined({ autoDestroy: false }), joined({ autoDestroy: false })]
    one.visitor.emit('error', new Error('read ECONNRESET'))
    two.local.emit('error', new Error('read ECONNRESET'))
    await settle()
    assert.ok(one.local.destroyed)
    assert.ok(two.visitor.destroyed)
  })

  it('ends the visitor when the app’s connection is cut before its end', async () => {
    const { visitor, local, app } = joined()
    app.write('half an ans')
    await settle()
    local.destroy()
    await settle()
    assert.ok(visitor.destroyed)
  })

  it('ends the app’s connection when the channel is closed from within, as a stopped tunnel does', async () => {
    const { visitor, local } = joined()
    visitor.destroy()
    await settle()
    assert.ok(local.destroyed)
  })

  it('brings a whole request to the app though the visitor does not wait for the answer', async () => {
    const { visitor, local, outside, app } = joined()
    outside.end('request')
    await settle()
    assert.ok(visitor.readableEnded && !local.writableFinished, 'the app has not read it yet')
    visitor.destroy()
    await settle()
    assert.equal(local.destroyed, false)
    const atApp = new Collected(app)
    await settle()
    assert.deepEqual([atApp.text, atApp.ended], ['request', true])
    assert.ok(local.destroyed, 'nobody is left for the answer')
  })

  for (const [from, to] of [
    ['visitor', 'app'],
    ['app', 'visitor'],
  ] as const) {
    it(`stops reading the ${from} while the ${to} does not read, and loses nothing`, async () => {
      const size = 64
      const { outside, app } = joined({ highWaterMark: size })
      const [source, sink] = from === 'visitor' ? [outside, app] : [app, outside]
      const total = 5000
      let written = 0
      const writing = (async () => {
        for (; written < total; written += 50) {
          if (!source.write(Buffer.alloc(50, written % 251))) await once(source, 'drain')
        }
        source.end()
      })()
      await settle()
      await settle()
      assert.ok(written < 10 * size, `${written} bytes are held`)
      const read = new Collected(sink)
      await writing
      await settle()
      assert.equal(read.bytes.length, total)
      assert.ok(
        read.bytes.equals(
          Buffer.concat(Array.from({ length: 100 }, (_, index) => Buffer.alloc(50, (index * 50) % 251))),
        ),
      )
    })
  }
})

describe('toLocal, to a real socket', () => {
  let server: Server
  let sockets: Socket[]
  let visitors: Duplex[]
  let port: number
  beforeEach(async () => {
    sockets = []
    visitors = []
    server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterEach(async () => {
    for (const stream of [...visitors, ...sockets]) stream.destroy()
    server.close()
    await once(server, 'close')
  })

  function open(at = port): { outside: Duplex; visitor: Duplex; heard: string[]; read: Collected } {
    const heard: string[] = []
    const { visitor, outside } = visitorPair()
    visitors.push(visitor.stream)
    const report = {
      onAnswer: () => void heard.push('answers'),
      onNoAnswer: (error: Error & { code?: string }) => void heard.push(`no answer: ${error.code ?? ''}`),
    }
    toLocal({ host: 'localhost', port: at, protocol: 'http' }, report)(visitor)
    return { outside, visitor: visitor.stream, heard, read: new Collected(outside) }
  }
  const appSocket = async (index = 0): Promise<Socket> => {
    await waitUntil('the app to be called', () => sockets.length > index)
    return sockets[index] ?? assert.fail()
  }

  it('says that the app answers, and passes on what came before it did', async () => {
    const { outside, heard, read } = open()
    outside.write('early')
    const socket = await appSocket()
    const [first] = (await once(socket, 'data')) as [Buffer]
    assert.equal(String(first), 'early')
    assert.deepEqual(heard, ['answers'])
    socket.end('answer')
    await waitUntil('the answer', () => read.ended)
    assert.equal(read.text, 'answer')
    outside.end()
    await waitUntil('the app’s socket to end', () => socket.closed)
  })

  it('lets the app answer after the visitor’s end, however late', async () => {
    const { outside, visitor, read } = open()
    outside.end('question')
    const socket = await appSocket()
    socket.resume()
    await once(socket, 'end')
    await settle()
    assert.equal(visitor.destroyed, false)
    socket.end('answer')
    await waitUntil('the answer', () => read.ended)
    assert.equal(read.text, 'answer')
    await waitUntil('the channel to close', () => visitor.destroyed)
  })

  it('ends the visitor when nothing listens, and says why, once', async () => {
    const { visitor, heard } = open(await freePort())
    await waitUntil('the visitor to end', () => visitor.destroyed)
    assert.deepEqual(heard, ['no answer: ECONNREFUSED'])
  })

  it('ends the visitor when the app resets the connection; that is not a port without an answer', async () => {
    const { visitor, heard } = open()
    ;(await appSocket()).resetAndDestroy()
    await waitUntil('the visitor to end', () => visitor.destroyed)
    assert.deepEqual(heard, ['answers'])
  })

  it('closes the app’s connection when the visitor goes, and leaves other visitors alone', async () => {
    const one = open()
    const first = await appSocket(0)
    const two = open()
    const second = await appSocket(1)
    first.resume()
    one.visitor.destroy()
    await waitUntil('the app to see it', () => first.readableEnded || first.closed)
    two.outside.write('still here')
    const [chunk] = (await once(second, 'data')) as [Buffer]
    assert.equal(String(chunk), 'still here')
  })

  it('stops reading an app whose visitor does not read, and reads on for those who do', async () => {
    const { visitor, outside } = visitorPair({ highWaterMark: 64 })
    visitors.push(visitor.stream)
    const report = { onAnswer: () => undefined, onNoAnswer: assert.ifError }
    toLocal({ host: 'localhost', port, protocol: 'http' }, report)(visitor)
    const stalled = await appSocket(0)
    const reader = open()
    const flowing = await appSocket(1)
    // More than the buffers of both sockets hold.
    const answer = Buffer.alloc(32_000_000)
    stalled.write(answer)
    flowing.write(answer)
    await waitUntil('one visitor to have it all', () => reader.read.size === answer.length)
    assert.ok(stalled.writableLength > 0, 'the other’s app was not read on')
    const read = new Collected(outside)
    stalled.end()
    await waitUntil('the other to have it all, too, once they read', () => read.ended)
    assert.equal(read.size, answer.length)
  })

  it('opens no second socket for a visitor whose end the check had to read', async () => {
    const stage = new NonceStage(
      toLocal(
        { host: 'localhost', port, protocol: 'http' },
        { onAnswer: () => undefined, onNoAnswer: assert.ifError },
      ),
    )
    stage.expect()
    const { visitor, outside } = visitorPair()
    stage.accept(visitor)
    const read = new Collected(outside)
    outside.end('PING')
    const socket = await appSocket()
    let heard = ''
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()))
    await once(socket, 'end')
    assert.equal(heard, 'PING')
    socket.end('PONG')
    await waitUntil('the answer', () => read.ended)
    assert.equal(read.text, 'PONG')
    await waitUntil('the channel to close', () => visitor.stream.destroyed)
    assert.equal(sockets.length, 1)
  })
})
