import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { NonceStage } from '../../../src/tunnels/nonceStage'
import { toLocal } from '../../../src/tunnels/toLocal'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { waitUntil } from '../../support/waitUntil'
import { Collected, settle, visitorPair } from './streams'

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
      new FakeClock(),
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
