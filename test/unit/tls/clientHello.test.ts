import assert from 'node:assert/strict'
import { once } from 'node:events'
import { duplexPair, type Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { parseClientHello, peekClientHello, type ClientHello } from '../../../src/tls/clientHello'
import { FakeClock } from '../../support/fakeClock'
import { Collected, settle, visitorPair } from '../tunnels/streams'
import { helloBytes, inRecords } from './hello'

const hello = helloBytes({ serverName: 'Bot.Example.com', alpn: ['h2', 'http/1.1'] })
const parsed: ClientHello = { serverName: 'bot.example.com', alpn: ['h2', 'http/1.1'] }

describe('parseClientHello', () => {
  const cases: [string, Buffer, ReturnType<typeof parseClientHello>][] = [
    ['a name and protocols', hello, parsed],
    ['what follows the hello', Buffer.concat([hello, Buffer.from('more')]), parsed],
    ['no name', helloBytes({ alpn: ['acme-tls/1'] }), { serverName: undefined, alpn: ['acme-tls/1'] }],
    ['no protocols', helloBytes({ serverName: 'x' }), { serverName: 'x', alpn: [] }],
    ['post-quantum keys', helloBytes({ serverName: 'x', padding: 1800 }), { serverName: 'x', alpn: [] }],
    ['nothing yet', Buffer.alloc(0), 'unfinished'],
    ['too long a hello', helloBytes({ padding: 17_000 }), 'not TLS'],
    [
      'too many records',
      inRecords(Buffer.concat([Buffer.from([1, 0, 1, 0]), Buffer.alloc(256)]), 2),
      'not TLS',
    ],
    ['an empty record', Buffer.from([22, 3, 1, 0, 0]), 'not TLS'],
    ['another handshake message', inRecords(Buffer.from([2, 0, 0, 0]), 99), 'not TLS'],
    ['application data', Buffer.from([23, 3, 3, 0, 1, 0]), 'not TLS'],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 0, 2]), 'not TLS'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'not TLS'],
    ['a hello of nothing', inRecords(Buffer.from([1, 0, 0, 0]), 99), 'not TLS'],
    ['a hello without extensions', withoutExtensions(), { serverName: undefined, alpn: [] }],
  ]
  for (const [what, bytes, expected] of cases) {
    it(`reads ${what}`, () => assert.deepEqual(parseClientHello(bytes), expected))
  }

  it('waits for the rest, wherever the hello is cut', () => {
    for (let at = 0; at < hello.length; at++) {
      assert.equal(parseClientHello(hello.subarray(0, at)), 'unfinished', `cut at ${at}`)
    }
  })

  it('reads a hello that was cut into records of any size', () => {
    for (let recordSize = 3; recordSize <= hello.length; recordSize++) {
      const cut = helloBytes({ serverName: 'bot.example.com', alpn: ['h2', 'http/1.1'], recordSize })
      assert.deepEqual(parseClientHello(cut), parsed, `records of ${recordSize}`)
      assert.equal(parseClientHello(cut.subarray(0, -1)), 'unfinished')
    }
  })

  it('reads what a real client sends', async () => {
    const [ours, theirs] = duplexPair()
    const client = connect({
      socket: theirs,
      servername: 'bot.example.com',
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    client.on('error', () => undefined)
    const [chunk] = (await once(ours, 'data')) as [Buffer]
    assert.deepEqual(parseClientHello(chunk), parsed)
    client.destroy()
  })

  it('never throws, whatever comes', () => {
    let random = 1
    const next = (below: number) => (random = (random * 48_271) % 2_147_483_647) % below
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(hello)
      for (let change = 1 + next(5); change > 0; change--) bytes[next(bytes.length)] = next(256)
      parseClientHello(bytes.subarray(0, next(bytes.length + 1)))
    }
  })

  function withoutExtensions(): Buffer {
    const body = Buffer.concat([Buffer.from([3, 3]), Buffer.alloc(32), Buffer.from([0, 0, 2, 0x13, 1, 1, 0])])
    return inRecords(Buffer.concat([Buffer.from([1, 0, 0, body.length]), body]), 99)
  }
})

describe('peekClientHello', () => {
  let clock: FakeClock
  let peeked: { hello: ClientHello | undefined; stream: Duplex }[]
  beforeEach(() => {
    clock = new FakeClock()
    peeked = []
  })
  function peek() {
    const { visitor, outside } = visitorPair()
    peekClientHello(visitor.stream, { clock, limitMs: 10_000 }, (hello, stream) =>
      peeked.push({ hello, stream }),
    )
    return { stream: visitor.stream, outside }
  }

  it('gives the stream on with every byte, however it came', async () => {
    const { outside, stream } = peek()
    for (const byte of hello) {
      assert.equal(peeked.length, 0)
      outside.write(Buffer.from([byte]))
      await settle()
    }
    assert.deepEqual(peeked[0]?.hello, parsed)
    assert.equal(peeked[0].stream, stream)
    const read = new Collected(stream)
    outside.end('and on')
    await settle()
    assert.deepEqual(read.bytes, Buffer.concat([hello, Buffer.from('and on')]))
    assert.deepEqual(clock.pending, [])
  })

  it('tells at once what is not TLS', async () => {
    const { outside } = peek()
    outside.write('G')
    await settle()
    assert.equal(peeked[0]?.hello, undefined)
    const read = new Collected(peeked[0]!.stream)
    outside.end('ET /')
    await settle()
    assert.equal(read.text, 'GET /')
  })

  it('gives up on who ends or takes too long', async () => {
    const ended = peek()
    ended.outside.end(hello.subarray(0, 50))
    await settle()
    assert.equal(peeked.length, 1)
    assert.equal(peeked[0]?.hello, undefined)
    const read = new Collected(peeked[0]!.stream)
    await settle()
    assert.deepEqual([read.bytes, read.ended], [hello.subarray(0, 50), true])
    const slow = peek()
    slow.outside.write(hello.subarray(0, 50))
    await settle()
    await clock.advance(9_999)
    assert.equal(peeked.length, 1)
    await clock.advance(1)
    assert.equal(peeked.length, 2)
    assert.equal(peeked[1]?.hello, undefined)
  })

  it('forgets who leaves', async () => {
    const { stream } = peek()
    stream.destroy()
    await settle()
    assert.deepEqual(clock.pending, [])
    assert.equal(peeked.length, 0)
  })
})
