import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Clock } from '../../../src/base/clock'
import { systemClock } from '../../../src/base/clock'
import type { Visitor } from '../../../src/base/visitor'
import { EndTls } from '../../../src/tls/endTls'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa, type IssuedCertificate, type TestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { startEdge } from '../http/edge'

const name = 'bot.dev.localhost'

describe('EndTls', () => {
  let shared: Scope
  let ca: TestCa
  let [first, second, challenge]: IssuedCertificate[] = []
  let realHello: Buffer
  let scope: Scope
  before(async () => {
    realHello = await helloOfNode()
    shared = new Scope()
    ca = await createTestCa(shared)
    ;[first, second, challenge] = await Promise.all([1, 2, 3].map(() => ca.issue({ names: [name] })))
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function start(
    options: {
      clock?: Clock
      protocols?: readonly ('h2' | 'http/1.1')[]
      next?: (visitor: Visitor) => void
    } = {},
  ) {
    const certificate = new StaticCertificate(first)
    const log = new CollectedLog()
    const passed: Visitor[] = []
    const { clock = systemClock, protocols, next = echo } = options
    const stage = new EndTls(
      { certificate, clock, log, ...(protocols === undefined ? {} : { protocols }) },
      (visitor) => {
        passed.push(visitor)
        next(visitor)
      },
    )
    scope.add(() => stage.dispose())
    const { port, sockets } = await startEdge(scope, stage.accept)
    return { certificate, log, passed, stage, port, sockets }
  }
  const echo = ({ stream }: Visitor) => {
    stream.on('error', () => undefined)
    stream.pipe(stream)
  }

  function call(port: number, options: ConnectionOptions = {}): TLSSocket {
    const socket = connect({ host: '127.0.0.1', port, servername: name, ca: ca.certPem, ...options })
    socket.on('error', () => undefined)
    scope.add(() => socket.destroy())
    return socket
  }
  async function shakeHands(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const socket = call(port, options)
    await once(socket, 'secureConnect')
    return socket
  }
  /** What the client says of a handshake that failed. */
  async function failure(port: number, options: ConnectionOptions = {}): Promise<string> {
    const socket = call(port, options)
    const [error] = (await once(socket, 'error')) as [Error]
    return error.message
  }
  const shown = (socket: TLSSocket) => socket.getPeerX509Certificate()?.serialNumber
  const serialOf = (issued: IssuedCertificate | undefined) =>
    new X509Certificate(issued?.certPem ?? '').serialNumber

  for (const [what, options, agreed, protocol] of [
    ['h2 before HTTP/1.1', { ALPNProtocols: ['http/1.1', 'h2'] }, 'h2', 'h2'],
    ['HTTP/1.1', { ALPNProtocols: ['http/1.1'] }, 'http/1.1', 'http/1.1'],
    ['nothing, as HTTP/1.1', {}, false, 'http/1.1'],
    ['h2 by TLS 1.2', { ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' }, 'h2', 'h2'],
    ['h2 beside a protocol nobody knows', { ALPNProtocols: ['x', 'h2'] }, 'h2', 'h2'],
    ['h2 beside acme-tls/1', { ALPNProtocols: ['acme-tls/1', 'h2'] }, 'h2', 'h2'],
  ] as const) {
    it(`agrees on ${what}`, async () => {
      const { port, passed } = await start()
      const socket = await shakeHands(port, options)
      assert.equal(socket.authorized, true)
      assert.equal(socket.alpnProtocol, agreed)
      await waitUntil('the visitor', () => passed.length === 1)
      assert.equal(passed[0]?.protocol, protocol)
      assert.deepEqual(passed[0].originator, { address: '198.51.100.9', port: 40_000 })
      socket.write('to and fro')
      assert.equal(String((await once(socket, 'data'))[0]), 'to and fro')
    })
  }

  it('refuses other protocols and old versions, and says so', async () => {
    const { port, passed, log, sockets } = await start()
    assert.match(await failure(port, { ALPNProtocols: ['x'] }), /no application protocol/i)
    assert.match(
      await failure(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }),
      /version|unsupported/i,
    )
    assert.deepEqual(passed, [])
    assert.match(log.text, /^debug TLS: the handshake with 198\.51\.100\.9 failed: /m)
    await waitUntil('both to be gone', () => sockets.size === 0)
  })

  it('takes any protocol where it is told of none', async () => {
    const { port } = await start({ protocols: [] })
    const socket = await shakeHands(port, { ALPNProtocols: ['x'] })
    assert.equal(socket.alpnProtocol, false)
  })

  it('says that there is no certificate yet, and works when there is', async () => {
    const { port, certificate } = await start()
    certificate.current = undefined
    assert.match(await failure(port), /handshake failure/i)
    certificate.replace(first!)
    assert.equal((await shakeHands(port)).authorized, true)
  })

  it('shows a new certificate at once, while connections live on', async () => {
    const { port, certificate, sockets } = await start()
    const old = await shakeHands(port)
    assert.equal(shown(old), serialOf(first))
    certificate.replace(second!)
    assert.equal(shown(await shakeHands(port)), serialOf(second))
    old.write('still here')
    assert.equal(String((await once(old, 'data'))[0]), 'still here')
    assert.equal(sockets.size, 2)
  })

  it('shows it also to who was in the middle of a handshake before, the next time', async () => {
    const { port, certificate, passed } = await start()
    const half = connectTcp({ host: '127.0.0.1', port })
    scope.add(() => half.destroy())
    half.on('error', () => undefined)
    half.write(realHello.subarray(0, 20))
    const slow = call(port)
    certificate.replace(second!)
    await once(slow, 'secureConnect')
    for (let round = 0; round < 3; round++) assert.equal(shown(await shakeHands(port)), serialOf(second))
    await waitUntil('all to be there', () => passed.length === 4)
  })

  it('lets a client come back to its session, but not with the old certificate', async () => {
    const { port, certificate } = await start()
    const comeBack = async (session?: Buffer) => {
      const socket = call(port, session === undefined ? {} : { session })
      let ticket: Buffer | undefined
      socket.on('session', (given) => (ticket = given))
      await once(socket, 'secureConnect')
      socket.write('x')
      await once(socket, 'data')
      if (session === undefined) await waitUntil('a ticket', () => ticket !== undefined)
      return { reused: socket.isSessionReused(), ticket, serial: shown(socket) }
    }
    const { ticket } = await comeBack()
    assert.equal((await comeBack(ticket)).reused, true)
    certificate.replace(second!)
    const after = await comeBack(ticket)
    assert.deepEqual([after.reused, after.serial], [false, serialOf(second)])
  })

  it('keeps showing the last one when the new one cannot be used, and says so', async () => {
    const { port, certificate, log } = await start()
    await shakeHands(port)
    certificate.replace({ keyPem: first!.keyPem, certPem: second!.certPem })
    assert.equal(shown(await shakeHands(port)), serialOf(first))
    assert.match(log.text, /^error TLS: the certificate cannot be used: .*key values mismatch/m)
  })

  it('answers who checks the name for an authority, and closes', async () => {
    const { port, certificate, passed, log, sockets } = await start()
    certificate.challenges.set(name, challenge!)
    const socket = await shakeHands(port, { ALPNProtocols: ['acme-tls/1'] })
    assert.equal(socket.alpnProtocol, 'acme-tls/1')
    assert.equal(shown(socket), serialOf(challenge))
    await once(socket.resume(), 'close')
    await waitUntil('it to be gone', () => sockets.size === 0)
    assert.deepEqual(passed, [])
    assert.match(
      log.text,
      /^info TLS: 198\.51\.100\.9 checks the name bot\.dev\.localhost for an authority$/m,
    )
    assert.equal(shown(await shakeHands(port)), serialOf(first), 'others see the real one meanwhile')
    const both = await shakeHands(port, { ALPNProtocols: ['acme-tls/1', 'h2'] })
    assert.deepEqual([both.alpnProtocol, shown(both)], ['h2', serialOf(first)])
    for (const options of [
      { ALPNProtocols: ['acme-tls/1'], servername: 'other.localhost' },
      { ALPNProtocols: ['acme-tls/1'], servername: '' },
    ]) {
      assert.match(await failure(port, options), /no application protocol/i)
    }
  })

  it('passes half-close both ways', async () => {
    let visitor: Visitor | undefined
    const { port } = await start({
      next: (passed) => {
        visitor = passed
        passed.stream.on('error', () => undefined)
      },
    })
    const raw = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true })
    const socket = await shakeHands(port, { socket: raw })
    socket.end('question')
    await waitUntil('the visitor', () => visitor !== undefined)
    const { stream } = visitor!
    let asked = ''
    stream.on('data', (chunk: Buffer) => (asked += String(chunk)))
    await once(stream, 'end')
    assert.equal(asked, 'question')
    stream.end('late answer')
    let answered = ''
    socket.on('data', (chunk: Buffer) => (answered += String(chunk)))
    await once(socket, 'end')
    assert.equal(answered, 'late answer')
    await waitUntil('the stream to close', () => stream.closed)
  })

  it('passes what is sent at once with the end of the handshake, in order', async () => {
    const { port } = await start({ next: ({ stream }) => void setTimeout(() => stream.pipe(stream), 100) })
    const socket = call(port)
    const sent = Buffer.alloc(300_000, 'abc')
    socket.end(sent)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    assert.ok(Buffer.concat(chunks).equals(sent))
  })

  it('gives up on handshakes that take too long, wherever they stop', async () => {
    const clock = new FakeClock()
    const { port, sockets, passed, log } = await start({ clock })
    const stops = [Buffer.alloc(0), realHello.subarray(0, 30), realHello]
    for (const bytes of stops) tcp(port).write(bytes)
    const silent = call(port)
    silent.once('data', () => undefined)
    await waitUntil('all to be there', () => sockets.size === 4 && passed.length === 1)
    await clock.advance(10_100)
    await waitUntil('all but the one to be gone', () => sockets.size === 1)
    assert.deepEqual(clock.pending, [])
    assert.match(log.text, /sent no ClientHello/)
  })

  it('turns away at once who does not speak TLS, and hurts nobody else', async () => {
    const { port, sockets } = await start()
    const good = await shakeHands(port)
    const bad = tcp(port)
    bad.write('GET / HTTP/1.1\r\n\r\n')
    await waitUntil('it to be gone', () => sockets.size === 1)
    good.write('still here')
    assert.equal(String((await once(good, 'data'))[0]), 'still here')
  })

  it('lives with renegotiation and an end in the middle of a record', async () => {
    const { port, sockets } = await start()
    const socket = await shakeHands(port, { maxVersion: 'TLSv1.2' })
    socket.renegotiate({}, () => undefined)
    socket.write('x')
    await once(socket, 'data').catch(() => undefined)
    socket.destroy()
    const raw = tcp(port)
    raw.write(realHello)
    raw.write(Buffer.from([20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 200, 1, 2, 3]))
    raw.resume().end()
    await waitUntil('both to be gone', () => sockets.size === 0)
    await shakeHands(port)
  })

  it('survives anything', async () => {
    const { port, sockets } = await start()
    const seed = Buffer.concat([realHello, Buffer.from([20, 3, 3, 0, 1, 1])])
    let random = 3
    const next = (below: number) => (random = (random * 48_271) % 2_147_483_647) % below
    const visitors: Socket[] = []
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(seed)
      for (let change = next(5); change > 0; change--) bytes[next(bytes.length)] = next(256)
      const visitor = tcp(port)
      visitors.push(visitor)
      const cut = next(bytes.length)
      visitor.write(bytes.subarray(0, cut))
      setTimeout(() => {
        visitor.write(bytes.subarray(cut))
        if (next(3) === 0) visitor.resetAndDestroy()
        else if (next(2) === 0) visitor.resume().end()
      }, next(20))
      if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    const good = await shakeHands(port)
    good.write('fine')
    assert.equal(String((await once(good, 'data'))[0]), 'fine')
    for (const visitor of [...visitors, good]) visitor.destroy()
    await waitUntil('all to be gone', () => sockets.size === 0)
  })

  it('ends handshakes with dispose, takes nobody in after it, and forgets the certificate', async () => {
    const { port, stage, certificate, sockets, passed } = await start()
    const waiting = tcp(port)
    await waitUntil('them to be there', () => sockets.size === 1)
    assert.equal(certificate.hasListeners, true)
    stage.dispose()
    await waitUntil('them to be gone', () => sockets.size === 0)
    waiting.destroy()
    assert.equal(certificate.hasListeners, false)
    await assert.rejects(shakeHands(port))
    assert.deepEqual(passed, [])
  })

  function tcp(port: number): Socket {
    const socket = connectTcp({ host: '127.0.0.1', port })
    socket.on('error', () => undefined)
    scope.add(() => socket.destroy())
    return socket
  }
})

/** What Node's client sends first. */
async function helloOfNode(): Promise<Buffer> {
  const [ours, theirs] = duplexPair()
  const client = connect({ socket: theirs, servername: name, ALPNProtocols: ['h2', 'http/1.1'] })
  client.on('error', () => undefined)
  const [chunk] = (await once(ours, 'data')) as [Buffer]
  client.destroy()
  return chunk
}
