import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { readInto } from '../../../src/base/readInto'
import { waitUntil } from '../../support/waitUntil'

describe('readInto, on real sockets', () => {
  let server: Server
  let sockets: Socket[]
  beforeEach(async () => {
    sockets = []
    server = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })

  /** A socket that reads by `onChunk`, and its other end. */
  async function open(onChunk: (chunk: Buffer, socket: Socket) => boolean): Promise<[Socket, Socket]> {
    const { port } = server.address() as AddressInfo
    const known = sockets.length
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      onread: readInto((chunk) => onChunk(chunk, socket)),
    })
    await waitUntil('the connection', () => sockets.length > known)
    const far = sockets[known] ?? assert.fail()
    sockets.push(socket.on('error', () => undefined))
    return [socket, far]
  }

  const hash = () => createHash('sha256')

  it('gives all of several sockets at once, each its own', async () => {
    const ends = []
    for (let count = 0; count < 3; count++) {
      const end = { got: hash(), sent: randomBytes(8_000_000), size: 0 }
      const [socket, far] = await open((chunk) => {
        end.got.update(chunk)
        end.size += chunk.length
        return true
      })
      ends.push({ socket, far, end })
    }
    for (const { far, end } of ends) far.end(end.sent)
    for (const { socket, end } of ends) {
      await waitUntil('all of it', () => end.size === end.sent.length && socket.readableEnded)
      assert.equal(end.got.digest('hex'), hash().update(end.sent).digest('hex'))
    }
  })

  it('reads no more after the answer no, until the socket is resumed, and loses nothing', async () => {
    const [got, sent] = [hash(), randomBytes(2_000_000)]
    let [size, calls] = [0, 0]
    const [socket, far] = await open((chunk) => {
      got.update(chunk)
      size += chunk.length
      calls++
      return false
    })
    far.end(sent)
    while (size < sent.length) {
      const before = calls
      await waitUntil('a chunk', () => calls > before || size === sent.length)
      await new Promise(setImmediate)
      assert.equal(calls, before + 1)
      assert.equal(socket.readableEnded, false)
      socket.resume()
    }
    await waitUntil('the end', () => socket.readableEnded)
    assert.equal(got.digest('hex'), hash().update(sent).digest('hex'))
  }).timeout(15_000)

  it('may be ended and destroyed while it reads', async () => {
    let calls = 0
    const [socket, far] = await open((_chunk, own) => {
      calls++
      own.destroy()
      return true
    })
    far.write(randomBytes(1_000_000))
    await waitUntil('it to close', () => socket.closed)
    assert.equal(calls, 1)
  })
})
