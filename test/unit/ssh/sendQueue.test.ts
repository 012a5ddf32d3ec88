import assert from 'node:assert/strict'
import { Writable, type Duplex } from 'node:stream'
import { SendQueue, type Sender } from '../../../src/ssh/sendQueue'

const KiB = 1024

/** The way to the server: takes all that is written, and is done with it when the test says so. */
class TestStream extends Writable {
  private readonly pending: { bytes: number; done: () => void }[] = []

  constructor(highWaterMark = 16 * KiB) {
    super({ highWaterMark })
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.pending.push({ bytes: chunk.length, done })
  }

  /** All that was written so far is with the network. */
  flush(): void {
    for (let left = this.writableLength; left > 0;) {
      const { bytes, done } = this.pending.shift() ?? assert.fail('nothing is being written')
      left -= bytes
      done()
    }
  }
}

/** Has so many bytes to send. */
class TestSender implements Sender {
  /** Called where a writer would hear that its bytes are sent. */
  onTurn: () => void = () => undefined

  constructor(
    readonly name: string,
    public left: number,
    private readonly world: { readonly stream: Writable; readonly sent: string[] },
  ) {}

  sendTurn(mostBytes: number): boolean {
    const bytes = Math.min(mostBytes, this.left)
    this.left -= bytes
    this.world.sent.push(`${this.name} ${bytes / KiB}`)
    this.world.stream.write(Buffer.alloc(bytes))
    this.onTurn()
    return this.left > 0
  }
}

function setUp(highWaterMark?: number) {
  const stream = new TestStream(highWaterMark)
  const sent: string[] = []
  const state = { isExchangingKeys: false }
  const queue = new SendQueue(stream as unknown as Duplex, () => state.isExchangingKeys)
  const sender = (name: string, kilobytes: number) => new TestSender(name, kilobytes * KiB, { stream, sent })
  return { stream, sent, state, queue, sender, taken: () => sent.splice(0) }
}

/** Writes until no more is taken. */
function fillUp({ queue, sender, taken }: ReturnType<typeof setUp>): void {
  queue.add(sender('filler', 256))
  assert.equal(taken().length, 8)
}

describe('SendQueue', () => {
  it('sends all at once while the connection takes it', () => {
    const { queue, sender, sent } = setUp()
    queue.add(sender('a', 40))
    queue.add(sender('b', 1))
    assert.deepEqual(sent, ['a 32', 'a 8', 'b 1'])
  })

  it('stops when 256 KiB wait for the network, and goes on when they are gone', async () => {
    const { queue, sender, taken, stream } = setUp()
    queue.add(sender('a', 600))
    assert.equal(stream.writableLength, 256 * KiB)
    assert.equal(taken().length, 8)
    stream.flush()
    await new Promise(setImmediate)
    assert.equal(taken().length, 8)
    stream.flush()
    await new Promise(setImmediate)
    assert.deepEqual(taken(), ['a 32', 'a 32', 'a 24'])
  })

  it('goes on where the connection would take more than that, and says nothing before', async () => {
    // That of a jump host is a channel of ssh2's, which takes 2 MiB before it answers false.
    const { queue, sender, sent, stream } = setUp(2048 * KiB)
    queue.add(sender('a', 2016))
    queue.add(sender('b', 128))
    assert.equal(stream.writableLength, 2048 * KiB)
    stream.flush()
    await new Promise(setImmediate)
    assert.equal(sent.length, 63 + 4)
  })

  it('lets those who come go first, and takes turns among those who have much', async () => {
    const world = setUp()
    fillUp(world)
    const { queue, sender, taken, stream } = world
    for (const [name, kilobytes] of [
      ['a', 96],
      ['b', 96],
      ['c', 1],
    ] as const)
      queue.add(sender(name, kilobytes))
    assert.deepEqual(taken(), [])
    // Comes when each of the others has had one turn.
    const late = sender('late', 1)
    const last = sender('d', 1)
    last.onTurn = () => queue.add(late)
    queue.add(last)
    stream.flush()
    await new Promise(setImmediate)
    assert.deepEqual(taken(), ['a 32', 'b 32', 'c 1', 'd 1', 'late 1', 'a 32', 'b 32', 'a 32', 'b 32'])
  })

  it('does not let one go first again that is given more while it sends', async () => {
    const world = setUp()
    fillUp(world)
    const { queue, sender, taken, stream } = world
    // As a channel whose writer writes again as soon as it hears that all is sent.
    const greedy = sender('greedy', 128)
    greedy.onTurn = () => {
      if (greedy.left > 0) queue.add(greedy)
    }
    const other = sender('other', 64)
    const small = sender('small', 1)
    other.onTurn = () => {
      other.onTurn = () => undefined
      queue.add(small)
    }
    queue.add(greedy)
    queue.add(other)
    stream.flush()
    await new Promise(setImmediate)
    assert.deepEqual(taken().slice(0, 5), ['greedy 32', 'other 32', 'small 1', 'greedy 32', 'other 32'])
  })

  it('sends nothing while keys are exchanged, and all that waits when told to go on', () => {
    const { queue, sender, taken, state } = setUp()
    state.isExchangingKeys = true
    queue.add(sender('a', 1))
    queue.add(sender('b', 1))
    queue.run()
    assert.deepEqual(taken(), [])
    state.isExchangingKeys = false
    queue.run()
    assert.deepEqual(taken(), ['a 1', 'b 1'])
  })

  it('stops at once when an exchange of keys begins between two turns', () => {
    const { queue, sender, taken, state } = setUp()
    const a = sender('a', 96)
    a.onTurn = () => (state.isExchangingKeys = true)
    queue.add(a)
    assert.deepEqual(taken(), ['a 32'])
    state.isExchangingKeys = false
    queue.run()
    assert.deepEqual(taken(), ['a 32'])
  })

  it('counts nobody twice, and forgets who is removed', async () => {
    const world = setUp()
    fillUp(world)
    const { queue, sender, taken, stream } = world
    const [a, b] = [sender('a', 1), sender('b', 1)]
    for (const each of [a, a, b, a]) queue.add(each)
    queue.remove(b)
    stream.flush()
    await new Promise(setImmediate)
    assert.deepEqual(taken(), ['a 1'])
  })
})
