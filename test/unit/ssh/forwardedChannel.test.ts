import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import type { ChannelProtocol, OpenRequest } from '../../../src/ssh/channelProtocol'
import { ForwardedChannel } from '../../../src/ssh/forwardedChannel'
import { InFlight } from '../../../src/ssh/inFlight'
import { ReceiveWindow, WindowBudget } from '../../../src/ssh/receiveWindow'
import { SendQueue } from '../../../src/ssh/sendQueue'
import { SpareMemory } from '../../../src/ssh/spareMemory'
import { Collected, settle } from '../tunnels/streams'

const KiB = 1024
const MiB = 1024 * KiB

/** The server's end: writes down what it is told. */
class FakeProtocol implements ChannelProtocol {
  readonly peerSoftware = 'SSH-2.0-OpenSSH_9.2p1'
  readonly told: string[] = []
  readonly pieces: Buffer[] = []
  isExchangingKeys = false
  reserve(): number {
    return 0
  }
  release(): void {
    this.told.push('release')
  }
  confirm(): void {
    this.told.push('confirm')
  }
  fail(): void {
    this.told.push('fail')
  }
  data(_peerId: number, chunk: Uint8Array, start: number, end: number): void {
    this.told.push(`data ${end - start}`)
    this.pieces.push(Buffer.from(chunk.subarray(start, end)))
  }
  adjustWindow(_peerId: number, bytes: number): void {
    this.told.push(`window ${bytes}`)
  }
  eof(): void {
    this.told.push('eof')
  }
  close(): void {
    this.told.push('close')
  }
  refuseRequest(peerId: number): void {
    this.told.push(`refused ${peerId}`)
  }
  ignore(): void {
    this.told.push('ignore')
  }
  taken(): string[] {
    return this.told.splice(0)
  }
  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

function setUp(
  request: Partial<OpenRequest> = {},
  { roundTripMs, beside = 0 }: { roundTripMs?: number; beside?: number } = {},
) {
  const protocol = new FakeProtocol()
  const path = { roundTripMs, now: () => 0 }
  const queue = new SendQueue(new PassThrough(), () => protocol.isExchangingKeys)
  const inFlight = new InFlight(path, protocol.peerSoftware)
  const budget = new WindowBudget()
  for (let count = 0; count < beside; count++) budget.begin()
  const receiveWindow = new ReceiveWindow(budget, path)
  const channel = new ForwardedChannel(
    {
      ...{ peerId: 7, window: 2 * MiB, largestData: 32 * KiB, ...request },
      address: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
      originator: { address: '198.51.100.9', port: 40_000 },
    },
    { protocol, queue, inFlight, receiveWindow, memory: new SpareMemory() },
  )
  const errors: string[] = []
  channel.on('error', (error) => errors.push(error.message))
  return { channel, protocol, inFlight, queue, errors, window: receiveWindow.first }
}

/** As it is where several send. */
function shareWithOthers(inFlight: InFlight): void {
  for (const sender of [{}, {}]) inFlight.sent(sender, 0, 0)
}

/** Writes, and says when it is through. */
function write(channel: ForwardedChannel, chunk: Buffer): { isDone: boolean; error?: Error | null } {
  const result: { isDone: boolean; error?: Error | null } = { isDone: false }
  channel.write(chunk, (error) => Object.assign(result, { isDone: true, error }))
  return result
}

describe('ForwardedChannel', () => {
  describe('towards the visitor', () => {
    const splits: [what: string, request: Partial<OpenRequest>, bytes: number, expected: string[]][] = [
      ['at 32 KiB', {}, 70 * KiB, ['data 32768', 'data 32768', 'data 6144']],
      [
        'no wider than we know, whatever the server takes',
        { largestData: MiB },
        40 * KiB,
        ['data 32768', 'data 8192'],
      ],
      ['at what the server takes at once', { largestData: 10 }, 25, ['data 10', 'data 10', 'data 5']],
      ['at the window', { window: 40_000 }, 70 * KiB, ['data 32768', 'data 7232']],
      ['not at all without a window', { window: 0 }, 10, []],
      ['as one where it fits to the byte', { window: 32 * KiB }, 32 * KiB, ['data 32768']],
    ]
    for (const [what, request, bytes, expected] of splits) {
      it(`splits ${what}`, () => {
        const { channel, protocol } = setUp(request)
        const chunk = randomBytes(bytes)
        channel.write(chunk)
        assert.deepEqual(protocol.taken(), expected)
        assert.deepEqual(protocol.received, chunk.subarray(0, protocol.received.length))
      })
    }

    it('goes on as the window is opened, and is done when all is sent', async () => {
      const { channel, protocol } = setUp({ window: 5 })
      const chunk = Buffer.from('0123456789abcdef')
      const first = write(channel, chunk)
      const second = write(channel, Buffer.from('ghi'))
      for (const [bytes, expected] of [
        [1, ['data 1']],
        [0, []],
        [9, ['data 9']],
      ] as const) {
        protocol.taken()
        channel.onWindowAdjust(bytes)
        assert.deepEqual(protocol.taken(), expected)
        await settle()
        assert.equal(first.isDone, false)
      }
      channel.onWindowAdjust(1000)
      await settle()
      assert.deepEqual([first.isDone, second.isDone], [true, true])
      assert.equal(String(protocol.received), '0123456789abcdefghi')
    })

    it('keeps nothing of the memory that it was given', async () => {
      const { channel, protocol } = setUp({ window: 3 })
      const memory = Buffer.alloc(8)
      for (let turn = 0; turn < 50; turn++) {
        memory.fill(65 + (turn % 26))
        const { length } = protocol.received
        const written = write(channel, memory)
        memory.fill(0)
        while (!written.isDone) {
          channel.onWindowAdjust(3)
          await settle()
        }
        assert.equal(
          String(protocol.received.subarray(length)),
          String.fromCharCode(65 + (turn % 26)).repeat(8),
        )
      }
    })

    it('sends in one go what was written before it could', async () => {
      const { channel, protocol } = setUp({ window: 0 })
      for (const text of ['one', 'two', 'three']) channel.write(text)
      channel.onWindowAdjust(3)
      await settle()
      channel.onWindowAdjust(100)
      await settle()
      assert.deepEqual(protocol.taken(), ['data 3', 'data 8'])
      assert.equal(String(protocol.received), 'onetwothree')
    })

    it('is done with nothing at once, window or not', async () => {
      const { channel } = setUp({ window: 0 })
      const written = write(channel, Buffer.alloc(0))
      await settle()
      assert.ok(written.isDone)
    })

    it('closes as sockets do: once all that was written is on its way', async () => {
      const { channel, protocol } = setUp({ window: 5 })
      channel.write('in time')
      channel.destroySoon()
      await settle()
      assert.deepEqual(protocol.taken(), ['data 5'])
      channel.onWindowAdjust(5)
      await settle()
      assert.deepEqual(protocol.taken(), ['data 2', 'eof', 'close'])
      assert.ok(channel.destroyed)
    })

    it('waits while keys are exchanged', () => {
      const { channel, protocol, queue } = setUp()
      protocol.isExchangingKeys = true
      channel.write('later')
      assert.deepEqual(protocol.taken(), [])
      protocol.isExchangingKeys = false
      queue.run()
      assert.deepEqual(protocol.taken(), ['data 5'])
    })

    it('has no more under way than the path holds, and goes on when that is heard to have come', () => {
      const { channel, protocol, inFlight } = setUp({ window: 100 * MiB }, { roundTripMs: 0.001 })
      shareWithOthers(inFlight)
      channel.write(randomBytes(4 * MiB))
      const first = protocol.received.length
      assert.ok(first >= 128 * KiB && first < 2 * MiB, `${first} bytes`)
      assert.ok(inFlight.room(first) <= 0)
      channel.onWindowAdjust(100 * KiB)
      assert.equal(protocol.received.length, first + 100 * KiB)
    })

    it('leaves its room to others when it goes', () => {
      const { channel, inFlight } = setUp({}, { roundTripMs: 1 })
      shareWithOthers(inFlight)
      const before = inFlight.room(0)
      channel.write(randomBytes(300 * KiB))
      // sshd tells of nothing under 96 KiB.
      assert.equal(inFlight.room(0), before - (300 - 96) * KiB)
      channel.destroy()
      assert.equal(inFlight.room(0), before)
      channel.onWindowAdjust(100 * KiB)
      assert.equal(inFlight.room(0), before)
    })
  })

  describe('from the visitor', () => {
    it('gives what comes, and opens the window as it is read', async () => {
      const { channel, protocol } = setUp()
      const chunks = Array.from({ length: 32 }, () => randomBytes(32 * KiB))
      for (const chunk of chunks) assert.ok(channel.onData(chunk))
      assert.deepEqual(protocol.taken(), [], 'nobody reads')
      const read = new Collected(channel)
      await settle()
      assert.deepEqual(read.bytes, Buffer.concat(chunks))
      const granted = protocol.taken().map((text) => Number(/^window (\d+)$/.exec(text)?.[1]))
      const total = granted.reduce((sum, bytes) => sum + bytes, 0)
      assert.ok(total >= MiB - 256 * KiB && total <= MiB, `${total} bytes`)
    })

    for (const [which, beside] of [
      ['the first', 0],
      ['one beside many', 40],
    ] as const) {
      it(`opens the window of ${which} again when a reader who stalled reads on`, async () => {
        const { channel, protocol, window } = setUp({}, { beside })
        const read = new Collected(channel)
        channel.pause()
        for (let left = window; left > 0; left -= 32 * KiB) {
          assert.ok(channel.onData(Buffer.alloc(32 * KiB)))
          await settle()
        }
        assert.deepEqual(protocol.taken(), [])
        channel.resume()
        await settle()
        assert.equal(read.size, window)
        const granted = protocol.taken().map((text) => Number(/^window (\d+)$/.exec(text)?.[1]))
        assert.ok(granted.reduce((sum, bytes) => sum + bytes, 0) > (window * 3) / 4, String(granted))
      })
    }

    it('says when it is more than the window allowed', () => {
      const { channel } = setUp()
      assert.ok(channel.onData(Buffer.alloc(2 * MiB)))
      assert.equal(channel.onData(Buffer.alloc(1)), false)
    })

    it('ignores what comes after it was destroyed', async () => {
      const { channel, protocol, errors } = setUp()
      const read = new Collected(channel)
      channel.destroy()
      protocol.taken()
      assert.ok(channel.onData(Buffer.from('late')))
      channel.onEof()
      channel.onWindowAdjust(5)
      await settle()
      assert.deepEqual([read.text, protocol.taken(), errors], ['', [], []])
    })

    for (const isRead of [true, false]) {
      it(`ignores what comes after its end, ${isRead ? 'read or' : 'or not yet'} read`, async () => {
        const { channel, errors } = setUp()
        const read = isRead ? new Collected(channel) : undefined
        channel.onData(Buffer.from('all'))
        channel.onEof()
        if (isRead) await settle()
        assert.ok(channel.onData(Buffer.from('more')))
        channel.onEof()
        await settle()
        assert.deepEqual([(read ?? new Collected(channel)).text, errors], [isRead ? 'all' : '', []])
        await settle()
        assert.equal(channel.destroyed, false)
      })
    }

    it('refuses requests, until it is closed', () => {
      const { channel, protocol } = setUp()
      channel.refuseRequest()
      assert.deepEqual(protocol.taken(), ['refused 7'])
      channel.destroy()
      protocol.taken()
      channel.refuseRequest()
      assert.deepEqual(protocol.taken(), [])
    })
  })

  describe('at its end', () => {
    it('lets the app answer after the visitor’s end', async () => {
      const { channel, protocol } = setUp()
      const read = new Collected(channel)
      channel.onData(Buffer.from('question'))
      channel.onEof()
      await settle()
      assert.deepEqual([read.text, read.ended, channel.destroyed], ['question', true, false])
      channel.end('answer')
      await settle()
      assert.deepEqual(protocol.taken(), ['data 6', 'eof', 'close'])
      assert.equal(channel.destroyed, true)
    })

    it('lets the visitor go on after the app’s end', async () => {
      const { channel, protocol } = setUp()
      const read = new Collected(channel)
      channel.end('answer')
      await settle()
      assert.deepEqual(protocol.taken(), ['data 6', 'eof'])
      channel.onData(Buffer.from('still talking'))
      channel.onEof()
      await settle()
      assert.equal(read.text, 'still talking')
      assert.deepEqual(protocol.taken(), ['close'])
    })

    it('says EOF only when all before it is sent', async () => {
      const { channel, protocol } = setUp({ window: 4 })
      channel.end('answer')
      await settle()
      assert.deepEqual(protocol.taken(), ['data 4'])
      channel.onWindowAdjust(100)
      await settle()
      assert.deepEqual(protocol.taken(), ['data 2', 'eof'])
    })

    it('answers CLOSE with CLOSE, once, and gives what came before it', async () => {
      const { channel, protocol, errors } = setUp()
      channel.onData(Buffer.from('last words'))
      channel.onClose()
      channel.onClose()
      assert.deepEqual(protocol.taken(), ['close'])
      await settle()
      assert.equal(channel.destroyed, false, 'there is something to read')
      const read = new Collected(channel)
      await settle()
      assert.deepEqual([read.text, read.ended, read.closed], ['last words', true, true])
      assert.deepEqual([protocol.taken(), errors], [[], []])
    })

    it('answers CLOSE after both have ended, where it was said before', async () => {
      const { channel, protocol } = setUp()
      const read = new Collected(channel)
      channel.end()
      channel.onEof()
      await settle()
      assert.deepEqual(protocol.taken(), ['eof', 'close'])
      channel.onClose()
      await settle()
      assert.deepEqual([protocol.taken(), read.closed], [[], true])
    })

    it('fails what is being written when CLOSE comes', async () => {
      const { channel, protocol, errors } = setUp({ window: 2 })
      const written = write(channel, Buffer.from('answer'))
      channel.onClose()
      await settle()
      assert.ok(written.isDone && written.error)
      assert.deepEqual([errors, channel.destroyed], [['the visitor is gone'], true])
      assert.deepEqual(protocol.taken(), ['data 2', 'close'])
    })

    it('fails what is written after CLOSE', async () => {
      const { channel, protocol, errors } = setUp()
      channel.onData(Buffer.from('unread'))
      channel.onClose()
      protocol.taken()
      const written = write(channel, Buffer.from('answer'))
      await settle()
      assert.ok(written.error)
      assert.deepEqual([errors, protocol.taken()], [['the visitor is gone'], []])
    })

    it('fails what is written after its own end, and sends none of it', async () => {
      const { channel, protocol, errors } = setUp()
      channel.end()
      const written = write(channel, Buffer.from('more'))
      await settle()
      assert.ok(written.error)
      assert.equal(errors.length, 1)
      assert.ok(!protocol.taken().some((text) => text.startsWith('data')))
    })

    const moments: [what: string, prepare: (channel: ForwardedChannel) => void, told: string[]][] = [
      ['at once', () => undefined, ['eof', 'close']],
      ['while it writes', (channel) => channel.write('answer'), ['data 2', 'eof', 'close']],
      ['with something unread', (channel) => channel.onData(Buffer.from('x')), ['eof', 'close']],
      ['after the visitor’s end', (channel) => channel.onEof(), ['eof', 'close']],
      ['after the app’s end', (channel) => channel.end(), ['eof', 'close']],
      ['after CLOSE', (channel) => channel.onClose(), ['close']],
    ]
    for (const [what, prepare, told] of moments) {
      for (const error of [undefined, new Error('cut')]) {
        it(`may be destroyed ${what}${error ? ' for a reason' : ''}: tells all of it once`, async () => {
          const { channel, protocol, errors } = setUp({ window: 2 })
          prepare(channel)
          if (what === 'after the app’s end') await settle()
          channel.destroy(error)
          channel.destroy()
          channel.onWindowAdjust(100)
          await settle()
          assert.deepEqual(protocol.taken(), told)
          assert.deepEqual(errors, error ? ['cut'] : [])
        })
      }
    }

    it('may be destroyed by whoever hears that all was sent', async () => {
      const { channel, protocol, queue } = setUp({ window: 2 })
      channel.write('answer', () => channel.destroy())
      channel.onWindowAdjust(100)
      await settle()
      queue.run()
      assert.deepEqual(protocol.taken(), ['data 2', 'data 4', 'eof', 'close'])
    })
  })
})
