import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Client } from 'ssh2'
import { WritesPerTurn } from '../../../src/base/writesPerTurn'
import type { ChannelProtocol } from '../../../src/ssh/channelProtocol'
import type { AcceptedChannel } from '../../../src/ssh/forwardedChannels'
import { OwnChannels } from '../../../src/ssh/ownChannels'
import { FakeClock } from '../../support/fakeClock'
import { Collected, settle } from '../tunnels/streams'

function setUp() {
  const told: string[] = []
  let lastId = 0
  const tell = (what: string) => (peerId: number) => void told.push(`${what} ${peerId}`)
  const protocol: ChannelProtocol = {
    ...{ peerSoftware: 'SSH-2.0-OpenSSH_9.2p1', isExchangingKeys: false },
    reserve: () => ++lastId,
    release: tell('release'),
    confirm: (peerId, { id, window }) => void told.push(`confirm ${peerId} as ${id}, ${window}`),
    fail: tell('fail'),
    data: (peerId, _chunk, start, end) => void told.push(`data ${peerId}, ${end - start}`),
    adjustWindow: tell('window'),
    eof: tell('eof'),
    close: tell('close'),
    refuseRequest: tell('refuse'),
    ignore: () => void told.push('ignore'),
  }
  const stream = new PassThrough()
  const violations: string[] = []
  const accepted: AcceptedChannel[] = []
  const state = { accepts: true }
  let isAwake: boolean | undefined
  const polling = { expectMore: () => (isAwake = true), relax: () => (isAwake = false) }
  const channels = new OwnChannels(protocol, {
    client: new EventEmitter() as unknown as Client,
    route: { stream },
    clock: new FakeClock(),
    writes: new WritesPerTurn(stream),
    polling,
    onArrival: (arrival) => (state.accepts ? accepted.push(arrival.accept()) : arrival.reject()),
    onViolation: (text) => violations.push(text),
  })
  const open = () =>
    channels.onOpen({
      ...{ peerId: 7, window: 2_097_152, largestData: 32_768 },
      address: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
      originator: { address: '198.51.100.9', port: 40_000 },
    })
  /** Whether it was last asked to stay awake; undefined if nothing was asked. */
  const awake = () => [isAwake, (isAwake = undefined)][0]
  return { channels, open, accepted, violations, state, stream, awake, taken: () => told.splice(0) }
}

describe('OwnChannels', () => {
  it('opens a channel, and leads to it what is said of it', async () => {
    const { channels, open, accepted, taken } = setUp()
    assert.ok(open())
    assert.deepEqual(taken(), ['confirm 7 as 1, 2097152'])
    const { stream } = accepted[0] ?? assert.fail()
    const read = new Collected(stream)
    assert.ok(channels.onData(1, Buffer.from('question')))
    assert.ok(channels.onRequest(1, true))
    assert.ok(channels.onRequest(1, false))
    assert.ok(channels.onWindowAdjust(1, 5))
    assert.ok(channels.onEof(1))
    stream.end('answer')
    await settle()
    assert.equal(read.text, 'question')
    assert.deepEqual(taken(), ['refuse 7', 'data 7, 6', 'eof 7', 'close 7'])
    assert.ok(channels.onClose(1))
    assert.deepEqual(taken(), ['release 1'], 'the number is free when the server has closed it, too')
    assert.equal(channels.onClose(1), false)
  })

  it('says that it does not know a channel that is none of its own', () => {
    const { channels } = setUp()
    assert.deepEqual(
      [
        channels.onData(1, Buffer.from('x')),
        ...[channels.onRequest(1, true), channels.onWindowAdjust(1, 5)],
        ...[channels.onEof(1), channels.onClose(1)],
      ],
      [false, false, false, false, false],
    )
  })

  it('refuses who is turned away', () => {
    const { open, state, taken } = setUp()
    state.accepts = false
    assert.ok(open())
    assert.deepEqual(taken(), ['fail 7'])
  })

  it('stays awake for small messages, and not for bulk or after the end', async () => {
    const { channels, open, stream, awake } = setUp()
    open()
    assert.equal(awake(), true, 'a visitor, whose request follows')
    channels.onData(1, Buffer.alloc(100))
    assert.equal(awake(), true, 'a request')
    channels.onData(1, Buffer.alloc(32_000))
    assert.equal(awake(), false, 'an upload')
    channels.onWindowAdjust(1, 100)
    assert.equal(awake(), false, 'a download')
    channels.onClose(1)
    assert.equal(awake(), true, 'the next visitor may follow')
    stream.destroy()
    await settle()
    assert.equal(awake(), false, 'the connection has ended')
  })

  it('tells of a server that sends more than it may', () => {
    const { channels, open, violations } = setUp()
    open()
    channels.onData(1, Buffer.alloc(2_097_152))
    assert.deepEqual(violations, [])
    channels.onData(1, Buffer.alloc(1))
    assert.deepEqual(violations, ['it sent more than the window allows'])
  })

  it('drops a channel with all that is unread, and waits for the server to close it', () => {
    const { channels, open, accepted, taken } = setUp()
    open()
    channels.onData(1, Buffer.from('unread'))
    taken()
    accepted[0]?.drop()
    assert.deepEqual(taken(), ['eof 7', 'close 7'])
    assert.ok(channels.onData(1, Buffer.from('still under way')))
    channels.onClose(1)
    assert.deepEqual(taken(), ['release 1'])
  })
})
