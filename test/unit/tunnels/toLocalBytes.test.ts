import assert from 'node:assert/strict'
import { createHash, randomBytes, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Duplex, type DuplexOptions } from 'node:stream'
import { toLocal } from '../../../src/tunnels/toLocal'
import { waitUntil } from '../../support/waitUntil'

/** A visitor who is done with a chunk in some later turn at times. What it was given is looked at in the end. */
class SlowVisitor extends Duplex {
  private readonly kept: Buffer[] = []
  size = 0
  mostHeld = 0
  holdsAll = false
  private held: (() => void) | undefined
  private writes = 0

  constructor(
    private readonly copies: boolean,
    private readonly question: Buffer,
    options: DuplexOptions = {},
  ) {
    super(options)
    if (copies) Object.assign(this, { copiesWhatItKeeps: true })
  }

  private asked = 0
  override _read(bytes: number): void {
    if (this.asked === this.question.length) return void this.push(null)
    const next = this.question.subarray(this.asked, this.asked + bytes)
    this.asked += next.length
    this.push(next)
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.mostHeld = Math.max(this.mostHeld, this.writableLength)
    const kept = this.copies ? Buffer.from(chunk) : chunk
    const finish = () => {
      this.kept.push(kept)
      this.size += kept.length
      done()
    }
    if (this.holdsAll) this.held = finish
    else if (++this.writes % 3 === 0) setImmediate(finish)
    else finish()
  }

  /** Of all that it was given, as it is now. */
  get digest(): string {
    return digest(Buffer.concat(this.kept))
  }

  goOn(): void {
    this.holdsAll = false
    this.held?.()
  }
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const copies of [true, false]) {
  describe(`toLocal, for a visitor who ${copies ? 'copies what it keeps' : 'keeps what it is given'}`, () => {
    let server: Server
    let app: (socket: Socket) => void
    let streams: Duplex[]
    beforeEach(async () => {
      streams = []
      server = createServer({ allowHalfOpen: true }, (socket) => {
        streams.push(socket.on('error', () => undefined))
        app(socket)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    })
    afterEach(async () => {
      for (const stream of streams) stream.destroy()
      server.close()
      await once(server, 'close')
    })

    function visit(question: Buffer): SlowVisitor {
      const visitor = new SlowVisitor(copies, question)
      visitor.on('error', () => undefined)
      streams.push(visitor)
      const { port } = server.address() as AddressInfo
      const report = { onAnswer: () => undefined, onNoAnswer: assert.ifError }
      const originator = { address: '198.51.100.9', port: 40_000 }
      toLocal({ host: '127.0.0.1', port, protocol: 'http' }, report)({ stream: visitor, originator })
      return visitor
    }

    /** The app hashes what it hears. */
    function hear(socket: Socket): { hash: Hash; size: number; ended: boolean } {
      const heard = { hash: createHash('sha256'), size: 0, ended: false }
      socket
        .on('data', (chunk: Buffer) => {
          heard.hash.update(chunk)
          heard.size += chunk.length
        })
        .on('end', () => (heard.ended = true))
      return heard
    }

    it('carries 50 MB each way at once, unchanged, and holds little of it', async () => {
      const [question, answer] = [randomBytes(50_000_000), randomBytes(50_000_000)]
      let heard: ReturnType<typeof hear> | undefined
      app = (socket) => {
        heard = hear(socket)
        socket.end(answer)
      }
      const visitor = visit(question)
      await waitUntil('both ends', () => visitor.closed && heard?.ended === true)
      assert.deepEqual([visitor.size, heard?.size], [answer.length, question.length])
      assert.equal(visitor.digest, digest(answer))
      assert.equal(heard?.hash.digest('hex'), digest(question))
      assert.ok(visitor.mostHeld <= 128 * 1024, `${visitor.mostHeld} bytes`)
    }).timeout(20_000)

    it('waits for a visitor who does not read, and gives all when they do', async () => {
      const answer = randomBytes(20_000_000)
      let socket: Socket | undefined
      app = (each) => {
        socket = each
        each.resume().end(answer)
      }
      const visitor = visit(Buffer.alloc(0))
      visitor.holdsAll = true
      await waitUntil('something to come', () => visitor.writableLength > 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.ok(visitor.writableLength <= 128 * 1024, `${visitor.writableLength} bytes`)
      assert.ok((socket?.writableLength ?? 0) > 0, 'the app has to wait')
      visitor.goOn()
      await waitUntil('the end', () => visitor.closed)
      assert.equal(visitor.digest, digest(answer))
    }).timeout(20_000)

    it('brings a question to its end to an app that has ended first', async () => {
      const question = randomBytes(5_000_000)
      let heard: ReturnType<typeof hear> | undefined
      app = (socket) => {
        socket.end('answer')
        setTimeout(() => (heard = hear(socket)), 20)
      }
      const visitor = visit(question)
      await waitUntil('both ends', () => visitor.closed && heard?.ended === true)
      assert.equal(heard?.hash.digest('hex'), digest(question))
      assert.equal(visitor.digest, digest(Buffer.from('answer')))
    })

    it('brings the answer after the visitor’s end', async () => {
      const answer = randomBytes(5_000_000)
      app = (socket) => {
        socket.resume().once('end', () => setTimeout(() => socket.end(answer), 20))
      }
      const visitor = visit(Buffer.from('question'))
      await waitUntil('the end', () => visitor.closed)
      assert.equal(visitor.digest, digest(answer))
    })

    for (const isPaused of [false, true]) {
      it(`ends a visitor ${isPaused ? 'who does not read ' : ''}when the app resets`, async () => {
        app = (socket) => {
          socket.write(randomBytes(1_000_000))
          setTimeout(() => socket.resetAndDestroy(), 20)
        }
        const visitor = visit(Buffer.alloc(0))
        visitor.holdsAll = isPaused
        // Whoever does not read hears of it when they read on: nothing is read of the app before.
        if (isPaused) setTimeout(() => visitor.goOn(), 50)
        await waitUntil('the visitor to end', () => visitor.closed)
      })
    }
  })
}
