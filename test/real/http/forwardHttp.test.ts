import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import { dialLocalTls } from '../../../src/ports/dialLocal'
import { startEchoApp, type Echo } from '../../support/apps'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { createTestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { RawVisitor, startEdge, startForward, startRawApp, type Forwarded, type RawApp } from './edge'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('forwardHttp, HTTP/1.1', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  /** A visitor who sends `text` to a stage in front of an app that answers as told. */
  async function ask(
    text: string,
    answer: Parameters<typeof startRawApp>[1] = (socket) => socket.write(okay),
  ): Promise<{ visitor: RawVisitor; app: RawApp; port: number; forwarded: Forwarded }> {
    const app = await startRawApp(scope, answer)
    const forwarded = startForward(scope, app)
    const { port } = await startEdge(scope, forwarded.accept)
    return { visitor: RawVisitor.call(scope, port, text), app, port, forwarded }
  }
  const answered = (visitor: RawVisitor, end: string | RegExp) =>
    waitUntil(
      () => `the visitor to have ${String(end)}; so far:\n${visitor.text}`,
      () => (typeof end === 'string' ? visitor.text.endsWith(end) : end.test(visitor.text)),
    )

  it('passes the fields on in their order and case, and tells who called', async () => {
    const { visitor, app } = await ask(
      'GET /a%20b?c=d&e HTTP/1.1\r\nX-One: 1\r\nHOST: dev.example.com:8443\r\nx-two: 2\r\nX-one: 3\r\n' +
        'Accept-Language: \xe4\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: gopher\r\nForwarded: for=6.6.6.6\r\n' +
        'X-Real-IP: 6.6.6.6\r\nX-Forwarded-Prefix: /x\r\nX_Forwarded_For: 6.6.6.6\r\nTE: trailers\r\nKeep-Alive: timeout=9\r\n' +
        'X-Hop: gone\r\nConnection: keep-alive, X-Hop, Host\r\n\r\n',
    )
    await answered(visitor, '\r\n\r\nok')
    const head = app.connections[0]?.text ?? ''
    assert.deepEqual(head.split('\r\n'), [
      'GET /a%20b?c=d&e HTTP/1.1',
      'X-One: 1',
      'HOST: dev.example.com:8443',
      'x-two: 2',
      'X-one: 3',
      'Accept-Language: \xe4',
      'X-Forwarded-For: 198.51.100.9',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: dev.example.com:8443',
      'X-Forwarded-Port: 8443',
      'Connection: keep-alive',
      '',
      '',
    ])
  })

  it('brings the answer’s fields back in their order and case, without those of the connection', async () => {
    const { visitor } = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket) =>
      socket.write(
        'HTTP/1.1 203 Not Quite\r\nX-B: 2\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nDATE: today\r\n' +
          'X-Umlaut: \xe4\r\nKeep-Alive: timeout=1\r\nProxy-Connection: x\r\nConnection: close, X-Gone\r\nX-Gone: y\r\n' +
          'CONTENT-LENGTH: 2\r\nX-A: 1\r\n\r\nok',
        'latin1',
      ),
    )
    await answered(visitor, 'ok')
    assert.deepEqual(visitor.text.split('\r\n'), [
      'HTTP/1.1 203 Not Quite',
      'X-B: 2',
      'set-cookie: a=1',
      'Set-Cookie: b=2',
      'DATE: today',
      'X-Umlaut: \xe4',
      'CONTENT-LENGTH: 2',
      'X-A: 1',
      'Connection: keep-alive',
      '',
      'ok',
    ])
  })

  it('keeps both connections for the next request, and asks anew where the app has closed its own', async () => {
    const { visitor, app, forwarded } = await ask('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, 'ok')
    visitor.socket.write('GET /2 HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, /ok[^]*ok$/)
    assert.equal(app.connections.length, 1)
    const [first] = app.connections
    // Half-way through the next head: neither an end that was seen, nor an answer.
    first?.socket
      .removeAllListeners('data')
      .once('data', () => first.socket.resetAndDestroy())
      .resume()
    visitor.socket.write('GET /3 HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, /ok[^]*ok[^]*ok$/)
    assert.equal(app.connections.length, 2)
    assert.match(app.connections[1]?.text ?? '', /^GET \/3 /)
    assert.doesNotMatch(visitor.text, /502/)
    assert.deepEqual(forwarded.heard, ['answers', 'answers'])
    visitor.socket.write('GET /4 HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, /(ok[^]*){4}$/)
    // And while nothing is asked: nothing else would ever come on it.
    app.connections[2]?.socket.destroy()
    await waitUntil('the kept connection to be closed', () => app.connections[2]?.socket.closed === true)
    await new Promise((resolve) => setTimeout(resolve, 100))
    visitor.socket.write('GET /5 HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, /(ok[^]*){5}$/)
  })

  it('sends nothing twice that may not be sent twice', async () => {
    const { visitor, app } = await ask('GET /1 HTTP/1.1\r\nHost: x\r\n\r\n', (socket, head) => {
      if (head.startsWith('POST')) socket.destroy()
      else socket.write(okay)
    })
    await answered(visitor, 'ok')
    visitor.socket.write('POST /pay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n')
    await answered(visitor, /502 Bad Gateway/)
    assert.equal(app.connections.filter(({ text }) => text.includes('POST /pay')).length, 1)
  })

  const bodies: [string, string, string][] = [
    ['a body of known length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody', 'body'],
    [
      'a body in chunks, with trailers',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 9\r\nHost: y\r\n\r\n',
      '4\r\nbody\r\n0\r\nX-Sum: 9\r\n\r\n',
    ],
    [
      'a GET with a body in chunks',
      'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n',
      '1\r\na\r\n0\r\n\r\n',
    ],
    ['a POST without a body', 'POST / HTTP/1.1\r\nHost: x\r\n\r\n', ''],
    ['a DELETE without a body', 'DELETE / HTTP/1.1\r\nHost: x\r\n\r\n', ''],
  ]
  for (const [what, text, body] of bodies) {
    it(`passes ${what}`, async () => {
      const { app, visitor } = await ask(text, () => undefined)
      const arrived = () => app.connections[0]?.text.split('\r\n\r\n').slice(1).join('\r\n\r\n')
      await waitUntil(
        () => `the body: ${String(arrived())} ${visitor.text}`,
        () => arrived() === body,
      )
      const head = app.connections[0]?.text.split('\r\n\r\n')[0] ?? ''
      assert.equal(/^transfer-encoding: chunked$/im.test(head), body.includes('\r\n'))
      app.connections[0]?.socket.write(okay)
      await answered(visitor, 'ok')
    })
  }

  it('brings chunks as they come, and trailers', async () => {
    let app: Socket | undefined
    const { visitor } = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => {
      app = socket
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n')
    })
    await answered(visitor, '\r\n\r\n')
    assert.match(visitor.text, /^Transfer-Encoding: chunked\r$/m)
    app?.write('3\r\none\r\n')
    await answered(visitor, '3\r\none\r\n')
    app?.write('0\r\nX-Sum: 9\r\nX-sum: 10\r\n\r\n')
    await answered(visitor, '0\r\nX-Sum: 9\r\nX-sum: 10\r\n\r\n')
  })

  it('passes 103 and 100 on, and the body only when the app wants it', async () => {
    let app: Socket | undefined
    const { visitor, app: raw } = await ask(
      'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
      (socket) => {
        app = socket
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Id: 7\r\n\r\n')
      },
    )
    await answered(visitor, '\r\n\r\n')
    assert.match(
      visitor.text,
      /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a.css>; rel=preload\r\nx-id: 7\r\n\r\n$/i,
    )
    assert.match(raw.connections[0]?.text ?? '', /^Expect: 100-continue\r$/m)
    app?.write('HTTP/1.1 100 Continue\r\n\r\n')
    await answered(visitor, 'HTTP/1.1 100 Continue\r\n\r\n')
    visitor.socket.write('body')
    await waitUntil('the body', () => raw.connections[0]?.text.endsWith('body') === true)
    app?.write(okay)
    await answered(visitor, 'ok')
  })

  it('lets an app refuse a body that was only announced', async () => {
    const { visitor } = await ask(
      'PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 400000000\r\n\r\n',
      (socket) => socket.write('HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n'),
    )
    await answered(visitor, '\r\n\r\n')
    assert.match(visitor.text, /^HTTP\/1.1 413 Too Big\r\n/)
    assert.match(visitor.text, /^Connection: close\r$/im)
    await waitUntil('the visitor to see the end', () => visitor.ended)
  })

  const bodiless: [string, string, string][] = [
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n', 'Content-Length: 5000'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'Date'],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', 'Date'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\nETag: "x"\r\n\r\n', 'ETag: "x"'],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'Content-Length: 0'],
  ]
  for (const [method, answer, field] of bodiless) {
    it(`${method}: passes ${answer.slice(9, 30).trim()} without a body, and goes on`, async () => {
      const { visitor } = await ask(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`, (socket, head) =>
        socket.write(head.includes('/next') ? okay : answer),
      )
      await answered(visitor, '\r\n\r\n')
      assert.ok(visitor.text.includes(`\r\n${field}`), visitor.text)
      const before = visitor.text
      visitor.socket.write('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
      await answered(visitor, 'ok')
      assert.ok(visitor.text.slice(before.length).startsWith('HTTP/1.1 200 OK\r\n'), visitor.text)
    })
  }

  it('serves a visitor who speaks HTTP/1.0', async () => {
    const { visitor, app } = await ask('GET /old HTTP/1.0\r\n\r\n', (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nol\r\n')
      setImmediate(() => socket.write('1\r\nd\r\n0\r\n\r\n'))
    })
    await waitUntil('the end', () => visitor.ended)
    assert.match(visitor.text, /^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nold$/)
    assert.doesNotMatch(visitor.text, /chunked/i)
    assert.match(app.connections[0]?.text ?? '', new RegExp(`^Host: localhost:${app.port}\r$`, 'm'))
  })

  it('answers requests that come at once in their order', async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`)
    const { visitor } = await ask(
      paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''),
      (socket, head) => {
        const path = / (\S+)/.exec(head)?.[1] ?? ''
        const text = `HTTP/1.1 200 OK\r\nContent-Length: ${path.length + 1}\r\n\r\n${path};`
        setTimeout(() => socket.write(text), 20 - Number(path.slice(1)))
      },
    )
    await answered(visitor, '/19;')
    const bodies = [...visitor.text.matchAll(/\r\n\r\n(\/\d+);/g)].map(([, path]) => path)
    assert.deepEqual(bodies, paths)
  })

  const refused: [string, string, RegExp][] = [
    ['nonsense', 'nonsense\r\n\r\n', /^HTTP\/1.1 400 /],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', /^HTTP\/1.1 400 /],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400 /],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', /^HTTP\/1.1 400 /],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody',
      /^HTTP\/1.1 400 /,
    ],
    [
      'two equal lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody',
      /^HTTP\/1.1 400 /,
    ],
    [
      'a list of lengths',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\nbody',
      /^HTTP\/1.1 400 /,
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
    [
      'chunks and a length',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
    [
      'chunks twice',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 (400|501) /,
    ],
    [
      'another coding',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 501 /,
    ],
    [
      'a coding that hides',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 (400|501) /,
    ],
    [
      'chunks in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1.1 400 /,
    ],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n', /^HTTP\/1.1 400 /],
    ['a bare line feed in a field', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n', /^HTTP\/1.1 400 /],
    ['too long a head', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
    ['too many fields', `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(300)}\r\n`, /^HTTP\/1.1 431 /],
    ['a target of another kind', 'GET x:y HTTP/1.1\r\nHost: x\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a proxy request', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', /^$/],
    [
      'another expectation',
      'GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n',
      /^HTTP\/1.1 417 /,
    ],
  ]
  for (const [what, text, expected] of refused) {
    it(`refuses ${what}, and closes`, async () => {
      const { visitor, app, port } = await ask(text)
      await waitUntil(
        () => `the end: ${visitor.text}`,
        () => visitor.ended || visitor.closed,
      )
      assert.match(visitor.text, expected)
      assert.deepEqual(app.connections, [])
      const other = RawVisitor.call(scope, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      await answered(other, 'ok')
    })
  }

  it('leaves the visitor’s stream as it is: ssh2 keeps something of its own where Node would put the server', async () => {
    const app = await startRawApp(scope, (socket) => socket.write(okay))
    const { accept } = startForward(scope, app)
    const [stream, outside] = duplexPair()
    const channel = Object.assign(stream, { server: false })
    accept({ stream: channel, originator: { address: '', port: 0 } })
    outside.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const [answer] = (await once(outside, 'data')) as [Buffer]
    assert.match(String(answer), /^HTTP\/1.1 200 OK/)
    assert.equal(channel.server, false)
    assert.doesNotMatch(app.connections[0]?.text ?? '', /x-forwarded-for/i, 'who called is not known here')
  })

  it('takes a whole URL for what it says', async () => {
    const { visitor, app } = await ask('GET http://real.example.com/x?y HTTP/1.1\r\nHost: other\r\n\r\n')
    await answered(visitor, 'ok')
    assert.match(app.connections[0]?.text ?? '', /^GET \/x\?y HTTP\/1.1\r\nHost: real.example.com\r\n/)
  })

  it('passes a WebSocket, byte for byte after the handshake', async () => {
    const app = await startEchoApp(scope)
    const forwarded = startForward(scope, app)
    const { port } = await startEdge(scope, forwarded.accept)
    const webSocket = await openWebSocket(`http://127.0.0.1:${port}/ws`)
    for (const message of ['one', 'two', 'x'.repeat(200_000)]) {
      webSocket.send(message)
      assert.equal((await webSocket.next()).toString(), message)
    }
    await webSocket.close()
    await waitUntil('the app to see it go', () => app.openConnections() === 0)
  })

  it('joins what comes with the handshake, both ways, with half-close', async () => {
    const { visitor, app } = await ask(
      'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: chat\r\n\r\nearly',
      (socket) => socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\ntoo'),
    )
    await answered(visitor, 'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\ntoo')
    const head = app.connections[0]?.text ?? ''
    assert.match(head, /^Connection: Upgrade\r\nUpgrade: chat\r$/m)
    visitor.socket.end(' late')
    await waitUntil('the app to have it all', () => app.connections[0]?.ended === true)
    assert.ok(app.connections[0]?.text.endsWith('\r\n\r\nearly late'))
    app.connections[0]?.socket.end(' bye')
    await waitUntil('the visitor to see the end', () => visitor.closed)
    assert.ok(visitor.text.endsWith('too bye'))
  })

  it('takes no upgrade while an answer is awaited that has to come before', async () => {
    const { visitor, app } = await ask(
      'GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n',
      () => undefined,
    )
    await waitUntil('the end', () => visitor.ended)
    assert.equal(visitor.text, '')
    assert.ok(!app.connections.some(({ text }) => text.includes('/chat')))
  })

  it('brings the refusal of a WebSocket', async () => {
    const { visitor } = await ask(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      (socket) => socket.write('HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n'),
    )
    await waitUntil('the end', () => visitor.ended)
    assert.match(visitor.text, /^HTTP\/1.1 403 No\r\n(?:.*\r\n)*Connection: close\r\n\r\nno$/)
  })

  const h2c = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
  for (const [what, text, body] of [
    ['h2c', `GET / HTTP/1.1\r\nHost: x\r\n${h2c}\r\n`, ''],
    ['h2c with a body', `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n${h2c}\r\nbody`, 'body'],
    [
      'something with a body',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nbody',
      'body',
    ],
  ] as const) {
    it(`takes an upgrade to ${what} for a plain request`, async () => {
      const { visitor, app } = await ask(text)
      await answered(visitor, 'ok')
      const head = app.connections[0]?.text ?? ''
      assert.doesNotMatch(head, /upgrade|http2/i)
      await waitUntil('the body', () => app.connections[0]?.text.endsWith(`\r\n\r\n${body}`) === true)
      visitor.socket.write('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
      await answered(visitor, /ok[^]*ok$/)
    })
  }

  it('brings events as they come, and tells the app when the listener leaves', async () => {
    const app = await startEchoApp(scope)
    const forwarded = startForward(scope, app)
    const { port, sockets } = await startEdge(scope, forwarded.accept)
    const events = await openSse(`http://127.0.0.1:${port}/sse`)
    const seen: string[] = []
    for await (const event of events) if (seen.push(event.data) === 3) break
    events.close()
    await waitUntil('the app to see it', () => app.sse.left === 1)
    await waitUntil('nothing to be left', () => sockets.size === 0 && app.openConnections() === 0)
  })

  it('answers 502 in HTML or JSON while the app is down, and the app when it is back', async () => {
    const port = await freePort()
    const forwarded = startForward(scope, { port })
    const edge = await startEdge(scope, forwarded.accept)
    const url = `http://127.0.0.1:${edge.port}/x`
    const page = await visit(url)
    assert.equal(page.status, 502)
    assert.match(String(page.body), /<title>The app does not answer<\/title>/)
    assert.equal(page.headers['cache-control'], 'no-store')
    const json = await visit(url, { headers: { accept: 'application/json' }, body: 'some body' })
    assert.equal(json.status, 502)
    assert.equal((JSON.parse(String(json.body)) as { reason: string }).reason, 'no answer')
    const head = await visit(url, { method: 'HEAD' })
    assert.deepEqual([head.status, head.body.length], [502, 0])
    await assert.rejects(openWebSocket(url), /502/)
    assert.deepEqual(new Set(forwarded.heard), new Set(['no answer: ECONNREFUSED']))
    forwarded.heard.length = 0
    await startEchoApp(scope, { port })
    assert.equal((await visit(url)).status, 200)
    assert.deepEqual(forwarded.heard, ['answers'])
  })

  const bad: [string, (socket: Socket) => unknown][] = [
    ['closes without a word', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['speaks something else', (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n')],
    [
      'contradicts itself',
      (socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ],
    [
      'uses another coding',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
    ],
    [
      'leaves HTTP unasked',
      (socket) => socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    ],
    ['sends an endless head', (socket) => socket.write(`HTTP/1.1 200 OK\r\nA: ${'a'.repeat(100_000)}\r\n`)],
  ]
  for (const [what, answer] of bad) {
    it(`answers 502 when the app ${what}`, async () => {
      const { visitor, app, forwarded } = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', answer)
      await answered(visitor, /<\/html>\n$/)
      assert.match(visitor.text, /^HTTP\/1.1 502 Bad Gateway\r\n/)
      assert.match(visitor.text, /The app gave no proper answer/)
      assert.match(forwarded.log.text, /warn the app on port \d+ gave no proper answer/)
      assert.equal(app.connections.length, 1)
      await waitUntil(
        'that connection to be closed',
        () => app.connections[0]?.ended !== false || app.connections[0].socket.closed,
      )
    })
  }

  it('lets the visitor see that an answer was cut off', async () => {
    for (const start of [
      'Content-Length: 10\r\n\r\nhalf',
      'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    ]) {
      const { visitor } = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${start}`)
        setTimeout(() => socket.destroy(), 20)
      })
      await waitUntil('the end', () => visitor.closed || visitor.ended)
      assert.match(visitor.text, /half/)
      assert.doesNotMatch(visitor.text, /\r\n0\r\n\r\n$/)
    }
  })

  it('breaks off at the app when the visitor leaves in the middle of the body', async () => {
    const { visitor, app } = await ask(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf',
      () => undefined,
    )
    await waitUntil('the half', () => app.connections[0]?.text.endsWith('half') === true)
    visitor.socket.resetAndDestroy()
    await waitUntil(
      'the app to see it',
      () => app.connections[0]?.ended === true || app.connections[0]?.socket.closed === true,
    )
  })

  it('goes on with the next request after the app refused a body half-way', async () => {
    const { visitor } = await ask(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nstart',
      (socket, head) =>
        socket.write(head.includes('/next') ? okay : 'HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n'),
    )
    await answered(visitor, /413 Too Big[^]*\r\n\r\n$/)
    visitor.socket.write('x'.repeat(200_000 - 5))
    visitor.socket.write('GET /next HTTP/1.1\r\nHost: x\r\n\r\n')
    await answered(visitor, 'ok')
  })

  it('reads no more than a visitor takes, and no more than the app takes', async () => {
    const app = await startEchoApp(scope)
    const forwarded = startForward(scope, app)
    const { port } = await startEdge(scope, forwarded.accept)
    const before = process.memoryUsage().rss
    const reader = RawVisitor.call(scope, port, 'GET /bytes?n=2000000000 HTTP/1.1\r\nHost: x\r\n\r\n')
    reader.socket.pause()
    const raw = await startRawApp(scope, (socket) => socket.pause())
    const slow = await startEdge(scope, startForward(scope, raw).accept)
    const writer = RawVisitor.call(
      scope,
      slow.port,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000000\r\n\r\n',
    )
    const chunk = Buffer.alloc(1_000_000)
    let written = 0
    const write = () => {
      for (; !writer.socket.writableNeedDrain && written < 1e9; written += chunk.length)
        writer.socket.write(chunk)
    }
    writer.socket.on('drain', write)
    write()
    await waitUntil('the app to be asked', () => app.requests.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const grown = (process.memoryUsage().rss - before) / 1e6
    assert.ok(grown < 150, `memory grew by ${Math.round(grown)} MB`)
    assert.ok(written < 100e6, `${written} bytes were taken for an app that reads nothing`)
  })

  it('lets go of a visitor who says nothing for long, but not while an answer is awaited', async () => {
    const clock = new FakeClock()
    let app: Socket | undefined
    const raw = await startRawApp(scope, (socket) => (app = socket))
    const { port, sockets } = await startEdge(scope, startForward(scope, raw, { clock }).accept)
    const silent = RawVisitor.call(scope, port)
    const slow = RawVisitor.call(scope, port, 'GET / HTTP/1.1\r\nHos')
    const waiting = RawVisitor.call(scope, port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitUntil('all to be there', () => sockets.size === 3 && app !== undefined)
    await clock.advance(80_000)
    await waitUntil('the two to be let go', () => silent.ended && slow.ended)
    app?.write(okay)
    await answered(waiting, 'ok')
    await waitUntil('the third to be let go', async () => {
      await clock.advance(40_000)
      return waiting.ended
    })
  })

  it('passes all that to an app which speaks HTTPS, too', async () => {
    const ca = await createTestCa(scope)
    const tls = await ca.issue({ names: ['localhost'] })
    const app = await startEchoApp(scope, { tls })
    const appPort = app.port
    const { port, sockets } = await startEdge(scope, startForward(scope, app, { dial: dialLocalTls }).accept)
    const url = `http://127.0.0.1:${port}`
    for (const body of [undefined, Buffer.alloc(1_000_000)]) {
      const { body: answer } = await visit(url, body === undefined ? {} : { body })
      assert.equal((JSON.parse(String(answer)) as Echo).bytes, body?.length ?? 0)
    }
    const webSocket = await openWebSocket(`${url}/ws`)
    webSocket.send('hello')
    assert.equal(String(await webSocket.next()), 'hello')
    await webSocket.close()
    await app.close()
    assert.equal((await visit(url)).status, 502)
    const again = await startEchoApp(scope, { tls, port: appPort })
    assert.equal((await visit(url)).status, 200)
    await waitUntil('nothing to be left', () => sockets.size === 0 && again.openConnections() === 0)
  })

  it('waits for a slow app longer than it keeps a connection to it', async () => {
    const app = await startEchoApp(scope)
    const { port } = await startEdge(scope, startForward(scope, app).accept)
    assert.equal((await visit(`http://127.0.0.1:${port}/slow?ms=2500`)).status, 200)
  })

  it('asks nothing more over a connection on which the app has said something unasked', async () => {
    const app = await startRawApp(scope, (socket) => socket.write(okay))
    const { port } = await startEdge(scope, startForward(scope, app).accept)
    const ask = () => visit(`http://127.0.0.1:${port}/`)
    await ask()
    await ask()
    assert.equal(app.connections.length, 1)
    const reader = app.connections[0]?.socket
    await new Promise<void>((resolve, reject) =>
      reader?.write(okay.replace('ok', 'no'), (error) => (error ? reject(error) : resolve())),
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(String((await ask()).body), 'ok')
    assert.equal(app.connections.length, 2)
    await waitUntil(
      'the first to be closed',
      () => reader?.closed === true || app.connections[0]?.ended === true,
    )
  })

  it('ends everything with dispose', async () => {
    const app = await startEchoApp(scope)
    const inner = new Scope()
    const { port, sockets } = await startEdge(scope, startForward(inner, app).accept)
    const url = `http://127.0.0.1:${port}`
    const events = await openSse(`${url}/sse`)
    const webSocket = await openWebSocket(`${url}/ws`)
    await visit(url)
    await inner.close()
    await waitUntil('all to be closed', () => sockets.size === 0 && app.openConnections() === 0)
    events.close()
    await webSocket.close()
  })

  it('survives anything', async () => {
    const app = await startEchoApp(scope)
    const { port, sockets } = await startEdge(scope, startForward(scope, app).accept)
    const seed =
      'POST /ws HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n4\r\nbody\r\n0\r\n\r\n'
    let random = 1
    const next = (below: number) => (random = (random * 48_271) % 2_147_483_647) % below
    const visitors = Array.from({ length: 300 }, () => {
      const bytes = Buffer.from(seed)
      for (let change = next(6); change > 0; change--) bytes[next(bytes.length)] = next(256)
      const visitor = RawVisitor.call(scope, port)
      const cut = next(bytes.length)
      visitor.socket.write(bytes.subarray(0, cut))
      setTimeout(() => {
        if (next(3) === 0) visitor.socket.resetAndDestroy()
        else visitor.socket.end(bytes.subarray(cut))
      }, next(20))
      return visitor
    })
    assert.equal(visitors.length, 300)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal((await visit(`http://127.0.0.1:${port}`)).status, 200)
    for (const { socket } of visitors) socket.destroy()
    await waitUntil('all to be closed', () => sockets.size === 0 && app.openConnections() === 0)
  })
})
