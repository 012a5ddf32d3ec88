import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { systemClock, type Clock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import { EndTls } from '../../../src/tls/endTls'
import { startEchoApp } from '../../support/apps'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa, type TestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { startEdge, startForward, startRawApp } from './edge'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** With empty settings, as clients begin (RFC 9113 3.4). */
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
/** And a GET of / from x. */
const get = `${preface}\0\0\x06\x01\x05\0\0\0\x01\x82\x87\x84\x01\x01x`

describe('forwardHttp, h2', () => {
  let shared: Scope
  let ca: TestCa
  let certificate: StaticCertificate
  let scope: Scope
  before(async () => {
    shared = new Scope()
    ca = await createTestCa(shared)
    certificate = new StaticCertificate(await ca.issue({ names: ['dev.localhost'] }))
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  /** HTTPS that ends in this process, in front of an app. */
  async function edgeTo(app: { port: number }, clock: Clock = systemClock) {
    const forwarded = startForward(scope, app, { clock })
    const ended = new EndTls({ certificate, clock, log: silentLog }, forwarded.accept)
    scope.add(() => ended.dispose())
    const edge = await startEdge(scope, ended.accept)
    return { ...edge, forwarded, url: `https://dev.localhost:${edge.port}` }
  }

  async function session(url: string): Promise<ClientHttp2Session> {
    const options = { ca: ca.certPem, servername: 'dev.localhost' }
    const opened = connect(url, {
      createConnection: () =>
        connectTls({ host: '127.0.0.1', port: Number(new URL(url).port), ALPNProtocols: ['h2'], ...options }),
    })
    opened.on('error', () => undefined)
    scope.add(() => opened.destroy())
    await once(opened, 'connect')
    return opened
  }

  interface Answer {
    headers: IncomingHttpHeaders
    trailers: IncomingHttpHeaders
    informed: IncomingHttpHeaders[]
    text: string
    code: number | undefined
  }
  async function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
    const answer: Answer = { headers: {}, trailers: {}, informed: [], text: '', code: undefined }
    stream.on('response', (headers) => (answer.headers = headers))
    stream.on('headers', (headers) => answer.informed.push(headers))
    stream.on('trailers', (headers: IncomingHttpHeaders) => (answer.trailers = headers))
    stream.on('error', () => undefined)
    stream.setEncoding('latin1').on('data', (text: string) => (answer.text += text))
    await new Promise((resolve) => stream.once('close', resolve))
    return { ...answer, code: stream.rstCode }
  }
  async function ask(
    answer: Parameters<typeof startRawApp>[1],
    headers: OutgoingHttpHeaders = {},
    body?: string,
    options: { endStream?: boolean } = {},
  ) {
    const app = await startRawApp(scope, answer)
    const edge = await edgeTo(app)
    const opened = await session(edge.url)
    const stream = opened.request({ ':path': '/', ...headers }, { endStream: body === undefined, ...options })
    if (body !== undefined) stream.end(body)
    return { app, edge, opened, stream, answered: answerOf(stream) }
  }

  it('passes the fields on in their order, one Cookie, and tells who called', async () => {
    const { app, answered, edge } = await ask((socket) => socket.write(okay), {
      ':path': '/a?b=c',
      'x-two': '2',
      cookie: ['a=1', 'b=2'],
      'x-one': ['1', '3'],
      te: 'trailers',
      'x-forwarded-for': '6.6.6.6',
    })
    assert.equal((await answered).text, 'ok')
    const host = `dev.localhost:${edge.port}`
    assert.deepEqual(app.connections[0]?.text.split('\r\n'), [
      'GET /a?b=c HTTP/1.1',
      `host: ${host}`,
      'x-two: 2',
      'cookie: a=1; b=2',
      'x-one: 1',
      'x-one: 3',
      'X-Forwarded-For: 198.51.100.9',
      'X-Forwarded-Proto: https',
      `X-Forwarded-Host: ${host}`,
      `X-Forwarded-Port: ${edge.port}`,
      'Connection: keep-alive',
      '',
      '',
    ])
  })

  it('brings the answer’s fields, 103, chunks as they come, and trailers', async () => {
    let app: Socket | undefined
    const { answered, stream } = await ask((socket) => {
      app = socket
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n' +
          'HTTP/1.1 201 Made\r\nX-B: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nConnection: close, X-Gone\r\n' +
          'X-Gone: y\r\nKeep-Alive: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n',
      )
    })
    const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    assert.equal(headers[':status'], 201)
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(headers['x-b'], '2')
    for (const name of ['connection', 'x-gone', 'keep-alive', 'transfer-encoding']) {
      assert.equal(headers[name], undefined, name)
    }
    app?.write('3\r\none\r\n')
    const [first] = (await once(stream, 'data')) as [string]
    assert.equal(first, 'one')
    app?.write('3\r\ntwo\r\n0\r\nX-Sum: 9\r\n\r\n')
    const { text, trailers, informed, code } = await answered
    assert.ok(text.endsWith('two'))
    assert.equal(trailers['x-sum'], '9')
    assert.equal(informed[0]?.[':status'], 103)
    assert.equal(informed[0]['link'], '</a.css>; rel=preload')
    assert.equal(code, constants.NGHTTP2_NO_ERROR)
  })

  it('passes bodies of known and unknown length, and trailers', async () => {
    const app = await startRawApp(scope, () => undefined)
    const { url } = await edgeTo(app)
    const opened = await session(url)
    const known = opened.request({ ':method': 'POST', ':path': '/', 'content-length': '4' })
    known.end('body')
    const isThere = (index: number, end: string) => () => app.connections[index]?.text.endsWith(end) === true
    await waitUntil('the body', isThere(0, '\r\n\r\nbody'))
    assert.match(app.connections[0]?.text ?? '', /^content-length: 4\r$/m)
    const unknown = opened.request({ ':method': 'PUT', ':path': '/' }, { waitForTrailers: true })
    unknown.on('wantTrailers', () => unknown.sendTrailers({ 'x-sum': '9' }))
    unknown.write('bo')
    await waitUntil('the first half', isThere(1, '2\r\nbo\r\n'))
    unknown.end('dy')
    await waitUntil('the rest', isThere(1, '2\r\ndy\r\n0\r\nx-sum: 9\r\n\r\n'))
    assert.match(app.connections[1]?.text ?? '', /^Transfer-Encoding: chunked\r$/m)
    const none = opened.request({ ':method': 'POST', ':path': '/' }, { endStream: true })
    await waitUntil('the third', isThere(2, '\r\n\r\n'))
    assert.match(app.connections[2]?.text ?? '', /^Content-Length: 0\r$/m)
    for (const { socket } of app.connections) socket.write(okay)
    const answers = await Promise.all([known, unknown, none].map(answerOf))
    assert.deepEqual(
      answers.map(({ text }) => text),
      ['ok', 'ok', 'ok'],
    )
  })

  for (const [method, answer, status] of [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n', 200],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', 304],
    ['POST', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 200],
  ] as const) {
    it(`${method}: passes ${status} without a body`, async () => {
      const { answered } = await ask((socket) => socket.write(answer), { ':method': method })
      const { headers, text, code } = await answered
      assert.deepEqual([headers[':status'], text, code], [status, '', 0])
      if (method === 'HEAD') assert.equal(headers['content-length'], '5000')
    })
  }

  it('passes 100 on, and the body only when the app wants it', async () => {
    let app: Socket | undefined
    const {
      stream,
      app: raw,
      answered,
    } = await ask(
      (socket) => {
        app = socket
        socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      },
      { ':method': 'POST', expect: '100-continue', 'content-length': '4' },
      undefined,
      { endStream: false },
    )
    await once(stream, 'continue')
    assert.match(raw.connections[0]?.text ?? '', /^expect: 100-continue\r$/m)
    stream.end('body')
    await waitUntil('the body', () => raw.connections[0]?.text.endsWith('body') === true)
    app?.write(okay)
    assert.equal((await answered).text, 'ok')
  })

  it('lets a field stand twice where only HTTP/1.1 takes it', async () => {
    const { answered } = await ask((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: text/html\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' +
          'Content-Length: 2\r\n\r\nok',
      ),
    )
    const { headers, text } = await answered
    assert.deepEqual([headers['content-type'], text], ['text/html', 'ok'])
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    const { answered: second } = await ask((socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nAge: 1\r\nAge: 2\r\n\r\n',
      ),
    )
    const { trailers, text: body } = await second
    assert.deepEqual([trailers.age, body], ['2', 'ok'])
  })

  it('stops an upload that the app refuses half-way, and the session lives', async () => {
    const { stream, answered, opened } = await ask(
      (socket, head) =>
        socket.write(head.includes('/next') ? okay : 'HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n'),
      { ':method': 'POST' },
      undefined,
      { endStream: false },
    )
    stream.write('start')
    const { headers, code } = await answered
    assert.deepEqual([headers[':status'], code], [413, constants.NGHTTP2_NO_ERROR])
    assert.equal((await answerOf(opened.request({ ':path': '/next' }))).text, 'ok')
  })

  it('breaks off at the app when the visitor cancels, and the session lives', async () => {
    const { stream, app, opened } = await ask(
      (socket, head) => {
        if (head.includes('/next')) socket.write(okay)
      },
      { ':method': 'POST' },
      undefined,
      { endStream: false },
    )
    stream.write('half')
    await waitUntil('the half', () => app.connections[0]?.text.includes('half') === true)
    stream.destroy(new Error('gone'))
    await waitUntil('the app to see it', () => app.connections[0]?.ended === true)
    assert.doesNotMatch(app.connections[0]?.text ?? '', /\r\n0\r\n\r\n/, 'and not as a whole body')
    assert.equal((await answerOf(opened.request({ ':path': '/next' }))).text, 'ok')
  })

  it('lets the visitor see that an answer was cut off, and the session lives', async () => {
    const { answered, opened } = await ask((socket, head) => {
      if (head.includes('/next')) return socket.write(okay)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      return setTimeout(() => socket.destroy(), 50)
    })
    const { text, code } = await answered
    assert.deepEqual([text, code], ['half', constants.NGHTTP2_INTERNAL_ERROR])
    assert.equal((await answerOf(opened.request({ ':path': '/next' }))).text, 'ok')
  })

  it('answers 502 while the app is down, and the app when it is back', async () => {
    const port = await freePort()
    const { url, forwarded } = await edgeTo({ port })
    const page = await visit(url, { ca, h2: true })
    assert.equal(page.status, 502)
    assert.match(String(page.body), /The app does not answer/)
    const upload = await visit(url, {
      ca,
      h2: true,
      body: Buffer.alloc(1_000_000),
      headers: { accept: 'application/json' },
    })
    assert.equal(upload.status, 502)
    assert.equal((JSON.parse(String(upload.body)) as { error: string }).error, 'bad_gateway')
    assert.deepEqual(new Set(forwarded.heard), new Set(['no answer: ECONNREFUSED']))
    await startEchoApp(scope, { port })
    assert.equal((await visit(url, { ca, h2: true })).status, 200)
  })

  it('refuses what HTTP/1.1 could not say, and what is for proxies', async () => {
    const app = await startRawApp(scope, (socket) => socket.write(okay))
    const { url } = await edgeTo(app)
    const opened = await session(url)
    for (const [headers, status] of [
      [{ ':path': 'x' }, 400],
      [{ ':path': '/\u0001' }, 400],
      [{ ':path': '/', ':authority': 'a/b' }, 400],
      [{ ':method': 'CONNECT', ':authority': 'x:1' }, 405],
    ] as const) {
      const answer = await answerOf(opened.request(headers))
      assert.ok(
        Number(answer.headers[':status']) === status || answer.code === constants.NGHTTP2_PROTOCOL_ERROR,
        JSON.stringify([headers, answer]),
      )
      if (opened.destroyed) return
    }
    assert.deepEqual(app.connections, [])
    assert.equal((await answerOf(opened.request({ ':path': '/' }))).text, 'ok')
  })

  it('keeps many streams apart', async () => {
    const app = await startEchoApp(scope)
    const { url } = await edgeTo(app)
    const opened = await session(url)
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => answerOf(opened.request({ ':path': `/${index}` }))),
    )
    for (const [index, { text }] of answers.entries()) {
      assert.equal((JSON.parse(text) as { url: string }).url, `/${index}`)
    }
  })

  it('reads no more than the app takes', async () => {
    const raw = await startRawApp(scope, (socket) => socket.pause())
    const { url } = await edgeTo(raw)
    const opened = await session(url)
    const stream = opened.request({ ':method': 'POST', ':path': '/' })
    stream.on('error', () => undefined)
    let taken = 0
    const chunk = Buffer.alloc(100_000)
    const write = () => {
      for (; !stream.writableNeedDrain && taken < 1e9; taken += chunk.length) stream.write(chunk)
    }
    stream.on('drain', write)
    write()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.ok(taken < 40e6, `${taken} bytes were taken for an app that reads nothing`)
  })

  it('lets go of a session on which nothing happens, but not while an answer is awaited', async () => {
    const clock = new FakeClock()
    const app = await startRawApp(scope, () => undefined)
    const { url, sockets } = await edgeTo(app, clock)
    const [idle, busy] = [await session(url), await session(url)]
    const answered = answerOf(busy.request({ ':path': '/' }))
    await waitUntil('the app to be asked', () => app.connections.length === 1)
    await clock.advance(80_000)
    await waitUntil('the idle one to be let go', () => idle.destroyed && sockets.size === 1)
    app.connections[0]?.socket.write(okay)
    assert.equal((await answered).text, 'ok')
    await clock.advance(80_000)
    await waitUntil('the other to be let go', () => busy.destroyed && sockets.size === 0)
  })

  it('lets go of a visitor who breaks the rules while an answer is awaited, and of the app', async () => {
    const clock = new FakeClock()
    const app = await startRawApp(scope, () => undefined)
    const { port, sockets } = await edgeTo(app, clock)
    const socket = await rawH2(port)
    socket.resume().write(Buffer.from(get, 'latin1'))
    await waitUntil('the app to be asked', () => app.connections.length === 1)
    socket.write(Buffer.from([0x7f, 0xff, 0xff, 0, 0, 0, 0, 0, 1])) // a frame of 8 MB
    await new Promise((resolve) => setTimeout(resolve, 100))
    await letMinutesPass(clock)
    await waitUntil('both to be gone', () => sockets.size === 0 && app.connections[0]?.ended === true)
  })

  /** What is not answered in that time has gone, and what is, is. */
  async function letMinutesPass(clock: FakeClock): Promise<void> {
    for (let minute = 0; minute < 4; minute++) {
      await clock.advance(60_000)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  /** TLS on which h2 is agreed, for a test to write the frames. */
  async function rawH2(port: number): Promise<TLSSocket> {
    const options = { host: '127.0.0.1', port, servername: 'dev.localhost', ca: ca.certPem }
    const socket = connectTls({ ...options, ALPNProtocols: ['h2'] })
    socket.on('error', () => undefined)
    scope.add(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }

  it('survives garbage inside TLS', async () => {
    const clock = new FakeClock()
    const app = await startEchoApp(scope)
    const { url, port, sockets } = await edgeTo(app, clock)
    let random = 7
    const next = (below: number) => (random = (random * 48_271) % 2_147_483_647) % below
    for (let round = 0; round < 60; round++) {
      const socket = await rawH2(port)
      const bytes = Buffer.from(get, 'latin1')
      for (let change = next(4); change > 0; change--) bytes[24 + next(bytes.length - 24)] = next(256)
      socket.write(bytes)
      socket.write(Buffer.from(Array.from({ length: next(200) }, () => next(256))))
      setTimeout(() => socket.destroy(), next(20))
    }
    assert.equal((await visit(url, { ca, h2: true })).status, 200)
    // Node breaks off without a word, and does not even see them leave.
    await letMinutesPass(clock)
    await waitUntil('all to be gone', () => sockets.size === 0 && app.openConnections() === 0)
    assert.deepEqual(clock.pending, [])
  })
})
