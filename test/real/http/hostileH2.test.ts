import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { silentLog } from '../../../src/base/log'
import type { ExchangeStage } from '../../../src/http/exchange'
import { EndTls } from '../../../src/tls/endTls'
import { FakeClock } from '../../support/fakeClock'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa, type TestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { startEdge, startForward, startRawApp } from './edge'

/** RFC 9113 6: the frames that a visitor of bad will writes by hand. */
const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 }
const endStream = 1
const endHeaders = 4

function frame(
  type: keyof typeof types,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
): Buffer {
  const body = Buffer.from(payload)
  const head = Buffer.alloc(9)
  head.writeUIntBE(body.length, 0, 3)
  head.writeUInt8(types[type], 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, body])
}

const start = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame('settings', 0, 0)])
/** RFC 7541: GET or POST of / at https://x. */
const get = Buffer.from([0x82, 0x87, 0x84, 0x01, 0x01, 0x78])
const post = Buffer.from([0x83, 0x87, 0x84, 0x01, 0x01, 0x78])
/** RFC 7541 6.2.1: puts `a: aaa…` of 4000 bytes into the table, to be named by one byte from then on. */
const large = Buffer.concat([Buffer.from([0x40, 0x01, 0x61, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 'a')])

describe('visitors of bad will, h2', function () {
  this.timeout(60_000)
  const shared = new Scope()
  let ca: TestCa
  let certificate: StaticCertificate
  let scope: Scope
  let clock: FakeClock
  before(async () => {
    ca = await createTestCa(shared)
    certificate = new StaticCertificate(await ca.issue({ names: ['dev.localhost'] }))
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
    clock = new FakeClock()
  })
  afterEach(() => scope.close())

  async function startGate(answer: Parameters<typeof startRawApp>[1] = () => undefined) {
    const app = await startRawApp(scope, answer)
    let exchanges = 0
    const count: ExchangeStage = (exchange, next) => {
      exchanges++
      next(exchange)
    }
    const forwarded = startForward(scope, app, { clock, before: [count] })
    const ended = new EndTls({ certificate, clock, log: silentLog }, forwarded.accept)
    scope.add(() => ended.dispose())
    return { app, exchanges: () => exchanges, ...(await startEdge(scope, ended.accept)) }
  }

  /** TLS on which h2 is agreed, and what has come of it. */
  async function call(port: number): Promise<{ socket: TLSSocket; isGone: () => boolean }> {
    const options = { host: '127.0.0.1', port, servername: 'dev.localhost', ca: ca.certPem }
    const socket = connectTls({ ...options, ALPNProtocols: ['h2'] })
    let gone = false
    socket.on('error', () => (gone = true)).once('close', () => (gone = true))
    scope.add(() => socket.destroy())
    await once(socket, 'secureConnect')
    socket.resume().write(start)
    return { socket, isGone: () => gone }
  }

  /** Time passes, and who still answers pings does so meanwhile. */
  async function letMinutesPass(minutes = 5): Promise<void> {
    for (let minute = 0; minute < minutes; minute++) {
      await clock.advance(60_000)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }

  const reset = Buffer.from([0, 0, 0, 8])
  const floods: Record<string, (round: number) => Buffer> = {
    'streams that are reset at once (CVE-2023-44487)': (round) =>
      Buffer.concat([
        frame('headers', endHeaders | endStream, 2 * round + 1, get),
        frame('reset', 0, 2 * round + 1, reset),
      ]),
    'a head that goes on in frame after frame (CVE-2024-27983)': (round) =>
      round === 0 ? frame('headers', endStream, 1, get) : frame('continuation', 0, 1, 'x'.repeat(1000)),
    'a head that goes on in empty frames': (round) =>
      round === 0 ? frame('headers', endStream, 1, get) : frame('continuation', 0, 1),
    'pings that wait for their answers': () => frame('ping', 0, 0, Buffer.alloc(8)),
    'settings that wait for their answers': () => frame('settings', 0, 0),
    'a small head that unpacks to a large one': (round) =>
      frame(
        'headers',
        endHeaders | endStream,
        2 * round + 1,
        Buffer.concat([get, large, Buffer.alloc(10_000, 0xbe)]),
      ),
    'more streams than it may open': (round) => frame('headers', endHeaders, 2 * round + 1, post),
  }
  for (const [what, piece] of Object.entries(floods)) {
    it(`${what}: end in bounded time and memory`, async () => {
      const { port, sockets, exchanges } = await startGate()
      const { socket, isGone } = await call(port)
      // Who reads nothing lets answers pile up.
      socket.pause()
      const before = process.memoryUsage().rss
      const write = (from: number) => {
        for (let round = from; round < 100_000 && !socket.destroyed; round++)
          if (!socket.write(piece(round))) return socket.once('drain', () => write(round + 1))
        return undefined
      }
      write(0)
      await waitUntil(
        `it to end after ${exchanges()} exchanges`,
        async () => {
          await letMinutesPass()
          return isGone() || sockets.size === 0
        },
        30_000,
      )
      const grown = (process.memoryUsage().rss - before) / 1e6
      assert.ok(grown < 300, `memory grew by ${Math.round(grown)} MB`)
      assert.ok(exchanges() < 5000, `${exchanges()} exchanges`)
      await waitUntil('nothing to be left', () => sockets.size === 0)
      assert.deepEqual(clock.pending, [])
      // Others are served as ever.
      const other = await startGate((app) => app.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
      assert.equal((await visit(`https://dev.localhost:${other.port}/`, { ca, h2: true })).status, 200)
    })
  }

  it('a body that does not go on, and an answer that is not taken, are given up; the session lives', async () => {
    const { port, app } = await startGate((socket, head) => {
      if (head.startsWith('GET'))
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n${'a'.repeat(500_000)}`)
    })
    const { socket, isGone } = await call(port)
    // Half a body; an answer for which there is no more window than the first 64 kB.
    socket.write(Buffer.concat([frame('headers', endHeaders, 1, post), frame('data', 0, 1, 'half')]))
    socket.write(frame('headers', endHeaders | endStream, 3, get))
    const pong = (data: Buffer) => {
      for (const payload of pingsIn(data)) socket.write(frame('ping', 1, 0, payload))
    }
    socket.on('data', pong)
    await waitUntil('both at the app', () => app.connections.length === 2)
    await letMinutesPass(2)
    await waitUntil('the app to see both go', () =>
      app.connections.every(({ ended, socket: own }) => ended || own.closed),
    )
    assert.equal(isGone(), false, 'the session')
    await letMinutesPass()
    await waitUntil('the session to end as one on which nothing happens', isGone)
  })
})

/** Pings that are asked, each in one piece as Node writes them. */
function pingsIn(data: Buffer): Buffer[] {
  const head = Buffer.from([0, 0, 8, types.ping, 0, 0, 0, 0, 0])
  const at = data.indexOf(head)
  return at < 0 ? [] : [data.subarray(at + 9, at + 17), ...pingsIn(data.subarray(at + 17))]
}
