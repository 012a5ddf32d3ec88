import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import { replay, type ReplayRequest } from '../../../src/http/replay'
import { EndTls } from '../../../src/tls/endTls'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { openSse, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { RawVisitor, startEdge, startForward, startRawApp, type Forwarded, type RawApp } from './edge'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('latin1')

describe('capture', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  type Options = Parameters<typeof startForward>[2]
  async function ask(
    text: string,
    answer: Parameters<typeof startRawApp>[1] = (socket) => socket.write(okay),
    options: Options = {},
  ): Promise<Forwarded & { visitor: RawVisitor; app: RawApp; port: number }> {
    const app = await startRawApp(scope, answer)
    const forwarded = startForward(scope, app, options)
    const { port } = await startEdge(scope, forwarded.accept)
    return { ...forwarded, visitor: RawVisitor.call(scope, port, text), app, port }
  }

  async function edgeTo(app: EchoApp, options: Options = {}): Promise<Forwarded & { url: string }> {
    const forwarded = startForward(scope, app, options)
    const { port } = await startEdge(scope, forwarded.accept)
    return { ...forwarded, url: `http://127.0.0.1:${port}` }
  }

  /** The exchange, once it is as it has to be. */
  async function captured(
    { exchanges }: Pick<Forwarded, 'exchanges'>,
    isIt: (exchange: CapturedExchange) => boolean,
  ): Promise<CapturedExchange> {
    await waitUntil(
      () => `an exchange among ${JSON.stringify(exchanges.all, undefined, 1).slice(0, 3000)}`,
      () => exchanges.all.some(isIt),
    )
    return exchanges.all.find(isIt) ?? assert.fail()
  }
  const isOver = ({ state }: CapturedExchange) => state !== 'open'

  it('keeps a request and its answer as they were sent, with trailers and what came before', async () => {
    const forwarded = await ask(
      'PUT /a?b=%20c HTTP/1.1\r\nX-b: 2\r\nHOST: dev.example.com\r\nx-B: \xe4\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 9\r\n\r\n',
      (socket, _head, number) => {
        if (number > 0) return
        socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n')
        socket.write('HTTP/1.1 201 Made It\r\nX-Z: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n')
        socket.write('4\r\nbody\r\n0\r\nX-End: yes\r\n\r\n')
      },
    )
    const { at, id, firstByteMs, endMs, ...rest } = await captured(forwarded, isOver)
    assert.ok(Math.abs(at - Date.now()) < 60_000 && id === 1)
    assert.ok(firstByteMs !== undefined && endMs !== undefined && firstByteMs <= endMs)
    assert.deepEqual(rest, {
      tunnelId: 1,
      source: { kind: 'visitor' },
      visitorAddress: '198.51.100.9',
      protocol: 'HTTP/1.1',
      state: 'complete',
      note: undefined,
      webSocket: undefined,
      request: {
        method: 'PUT',
        target: '/a?b=%20c',
        host: 'dev.example.com',
        fields: [
          ['X-b', '2'],
          ['HOST', 'dev.example.com'],
          ['x-B', '\xe4'],
          ['Transfer-Encoding', 'chunked'],
        ],
        body: { bytes: new Uint8Array(Buffer.from('onetwo')), size: 6 },
        trailers: [['X-Sum', '9']],
      },
      response: {
        status: 201,
        reason: 'Made It',
        fields: [
          ['X-Z', '1'],
          ['x-a', '2'],
        ],
        isOurs: false,
        informed: [{ status: 103, fields: [['Link', '</a.css>']] }],
        body: { bytes: new Uint8Array(Buffer.from('body')), size: 4 },
        trailers: [['X-End', 'yes']],
      },
    })
  })

  it('keeps each of what comes on one connection', async () => {
    const forwarded = await ask(
      'HEAD /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.0\r\n\r\n',
      (socket, head) =>
        socket.write(head.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n' : okay),
    )
    await waitUntil('all three', () => forwarded.exchanges.all.filter(isOver).length === 3)
    assert.deepEqual(
      forwarded.exchanges.all.map(({ request, response, protocol }) => [
        request.target,
        protocol,
        textOf(response?.body.bytes),
      ]),
      [
        ['/1', 'HTTP/1.1', ''],
        ['/2', 'HTTP/1.1', 'ok'],
        ['/3', 'HTTP/1.0', 'ok'],
      ],
    )
  })

  it('keeps the beginning of long bodies, and says how long they were', async () => {
    const app = await startEchoApp(scope)
    const limits = { mostExchanges: 10, mostBytes: 1e6, mostBodyBytes: 1000 }
    const forwarded = await edgeTo(app, { limits })
    const body = randomBytes(300_000)
    await visit(`${forwarded.url}/sink`, { body })
    await visit(`${forwarded.url}/bytes?n=300000`)
    await waitUntil('both', () => forwarded.exchanges.all.filter(isOver).length === 2)
    const [upload, download] = forwarded.exchanges.all
    assert.deepEqual(upload?.request.body, { bytes: new Uint8Array(body.subarray(0, 1000)), size: 300_000 })
    assert.deepEqual([download?.response?.body.bytes.length, download?.response?.body.size], [1000, 300_000])
    assert.ok(forwarded.exchanges.size < 20_000)
  })

  it('shows a stream while it runs', async () => {
    let app: Socket | undefined
    const forwarded = await ask('GET /events HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => {
      app = socket
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    })
    const seen = (text: string) =>
      captured(forwarded, ({ response }) => textOf(response?.body.bytes) === text)
    const running = await seen('data: 1\n\n')
    assert.deepEqual([running.state, running.response?.status, running.endMs], ['open', 200, undefined])
    app?.write('data: 2\n\n')
    await seen('data: 1\n\ndata: 2\n\n')
    assert.equal(textOf(running.response?.body.bytes), 'data: 1\n\n', 'what was shown stays as it was')
    forwarded.visitor.socket.destroy()
    const { state, response } = await captured(forwarded, isOver)
    assert.deepEqual([state, response?.body.size], ['visitor left', 18])
  })

  it('tells a few times a second of what changes, however much comes', async () => {
    const app = await startEchoApp(scope)
    const forwarded = await edgeTo(app)
    const seen: number[] = []
    forwarded.exchanges.onDidChange((change) => {
      if (change.kind === 'updated') seen.push(change.exchange.response?.body.size ?? 0)
    })
    const size = 50_000_000
    const started = Date.now()
    await visit(`${forwarded.url}/bytes?n=${size}`)
    await captured(forwarded, isOver)
    assert.equal(seen.at(-1), size)
    assert.ok(seen.length <= (Date.now() - started) / 250 + 2, `${seen.length} times`)
  })

  it('tells of an answer that broke off, and of a visitor who left before there was one', async () => {
    const broken = await ask('GET /cut HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart', () => socket.destroy())
    })
    const { state, response } = await captured(broken, isOver)
    assert.deepEqual([state, textOf(response?.body.bytes)], ['broken off', 'part'])

    const left = await ask('POST /left HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf', () => undefined)
    await waitUntil('the app to be asked', () => left.app.connections[0]?.text.endsWith('half') === true)
    left.visitor.socket.resetAndDestroy()
    const gone = await captured(left, isOver)
    assert.deepEqual([gone.state, gone.response], ['visitor left', undefined])
    assert.deepEqual(
      [textOf(gone.request.body.bytes), gone.request.body.size],
      ['half', 9],
      'it is not whole',
    )
  })

  it('waits for the rest of a request that was answered early', async () => {
    const forwarded = await ask(
      'POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nhalf',
      (socket) => socket.write(okay),
    )
    await captured(forwarded, ({ endMs, state }) => endMs !== undefined && state === 'open')
    forwarded.visitor.socket.write('rest')
    const { state, request } = await captured(forwarded, isOver)
    assert.deepEqual([state, textOf(request.body.bytes)], ['complete', 'halfrest'])
  })

  it('knows an answer of the gate itself, and why it was given', async () => {
    const forwarded = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket) => socket.destroy())
    const { response, note } = await captured(forwarded, isOver)
    assert.deepEqual([response?.status, response?.isOurs], [502, true])
    assert.equal(note, 'The app gave no proper answer.')
  })

  it('shows nothing of what is no request', async () => {
    const forwarded = await ask('nonsense\r\n\r\n')
    await waitUntil('the refusal', () => forwarded.visitor.ended)
    assert.deepEqual(forwarded.exchanges.all, [])
  })

  it('can be paused, turned off and cleared; what is under way goes on', async () => {
    let captures = true
    const app = await startEchoApp(scope)
    const forwarded = await edgeTo(app, { captures: () => captures })
    const { exchanges, url } = forwarded
    const running = visit(`${url}/slow?ms=200`)
    await captured(forwarded, () => true)
    exchanges.isPaused = true
    await visit(`${url}/paused`)
    await running
    const slow = await captured(forwarded, isOver)
    assert.deepEqual([slow.request.target, slow.response?.status], ['/slow?ms=200', 200])
    exchanges.isPaused = false
    captures = false
    await visit(`${url}/off`)
    captures = true
    await visit(`${url}/on`)
    await waitUntil('the last', () => exchanges.all.filter(isOver).length === 2)
    assert.deepEqual(
      exchanges.all.map(({ request }) => request.target),
      ['/slow?ms=200', '/on'],
    )
    const events = await openSse(`${url}/sse`)
    exchanges.clear()
    await new Promise((resolve) => setTimeout(resolve, 400))
    assert.deepEqual(exchanges.all, [], 'what was cleared does not come back')
    events.close()
  })

  it('keeps what comes by h2, in one piece with the head too', async () => {
    const ca = await createTestCa(scope)
    const certificate = new StaticCertificate(await ca.issue({ names: ['dev.localhost'] }))
    const app = await startEchoApp(scope)
    const forwarded = startForward(scope, app)
    const ended = new EndTls({ certificate, clock: systemClock, log: silentLog }, forwarded.accept)
    scope.add(() => ended.dispose())
    const { port } = await startEdge(scope, ended.accept)
    const session = connect(`https://dev.localhost:${port}`, {
      createConnection: () =>
        connectTls({
          ...{ host: '127.0.0.1', port, ALPNProtocols: ['h2'], servername: 'dev.localhost' },
          ca: ca.certPem,
        }),
    })
    scope.add(() => session.destroy())
    await once(session, 'connect')
    for (let count = 0; count < 20; count++) {
      const stream = session.request({ ':method': 'POST', ':path': `/sink?${count}`, 'x-a': '1' })
      stream.end(`body ${count}`)
      await once(stream.resume(), 'close')
    }
    await waitUntil('all', () => forwarded.exchanges.all.filter(isOver).length === 20)
    forwarded.exchanges.all.forEach(({ request, response, protocol, state }, count) => {
      assert.equal(protocol, 'HTTP/2')
      assert.deepEqual(
        [request.target, textOf(request.body.bytes), request.host, state, response?.status],
        [`/sink?${count}`, `body ${count}`, `dev.localhost:${port}`, 'complete', 200],
      )
      assert.match(textOf(response?.body.bytes), /^\{"bytes":[67],/)
    })
  })

  describe('of a WebSocket', () => {
    /** An app that says hello at once, and answers each message with the same. */
    async function open(
      perMessageDeflate: boolean | object,
      options: Options = {},
    ): Promise<Forwarded & { webSocket: WebSocket }> {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate })
      server.on('connection', (webSocket) => {
        webSocket.send('hello')
        webSocket.on('message', (message, binary) => webSocket.send(message, { binary }))
      })
      await once(server, 'listening')
      scope.add(async () => {
        for (const webSocket of server.clients) webSocket.terminate()
        const closed = once(server, 'close')
        server.close()
        await closed
      })
      const address = server.address()
      assert.ok(typeof address === 'object' && address !== null)
      const forwarded = startForward(scope, address, { ...options })
      const { port } = await startEdge(scope, forwarded.accept)
      const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { perMessageDeflate: true })
      webSocket.on('error', () => undefined)
      scope.add(() => webSocket.terminate())
      await once(webSocket, 'open')
      return { ...forwarded, webSocket }
    }
    const messagesOf = (exchange: CapturedExchange | undefined) =>
      exchange?.webSocket?.messages.map(({ from, kind, body }) => `${from} ${kind} ${textOf(body.bytes)}`)

    const noContext = { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0 }
    for (const [what, deflate] of [
      ['as they are', false],
      ['compressed', { threshold: 0 }],
      ['compressed one by one', noContext],
    ] as const) {
      it(`keeps messages that are sent ${what}`, async () => {
        const forwarded = await open(deflate)
        const { webSocket } = forwarded
        const long = 'long '.repeat(20_000)
        const sent = ['one', 'one two one two', long, 'one']
        for (const text of sent) {
          webSocket.send(text)
          await once(webSocket, 'message')
        }
        webSocket.ping('p')
        await once(webSocket, 'pong')
        webSocket.send('in ', { fin: false })
        webSocket.send('pieces', { fin: true })
        await once(webSocket, 'message')
        webSocket.close(1000, 'bye')
        await once(webSocket, 'close')
        await waitUntil('all to be readable', () => {
          const [exchange] = forwarded.exchanges.all
          return (
            exchange?.state === 'complete' && !exchange.webSocket?.messages.some((one) => one.isCompressed)
          )
        })
        const [exchange] = forwarded.exchanges.all
        assert.equal(exchange?.response?.status, 101)
        const both = [...sent.map((text) => `text ${text}`), 'ping p', 'text in pieces', 'close \x03\xe8bye']
        const lines = messagesOf(exchange) ?? []
        assert.deepEqual(
          lines.filter((line) => line.startsWith('visitor ')),
          both.map((line) => `visitor ${line}`),
        )
        assert.deepEqual(
          lines.filter((line) => line.startsWith('app ')),
          ['text hello', ...both].map((line) => `app ${line.replace('ping', 'pong')}`),
        )
        assert.equal(exchange.webSocket?.cut, 0)
        assert.deepEqual([exchange.request.body.size, exchange.response.body.size], [0, 0])
      })
    }

    it('shows them while it is open, the latest of many, in bounded memory', async () => {
      const limits = { mostExchanges: 10, mostBytes: 1e6, mostBodyBytes: 20_000 }
      const forwarded = await open(false, { limits })
      for (let count = 0; count < 400; count++) forwarded.webSocket.send(String(count))
      await captured(forwarded, (one) => messagesOf(one)?.includes('app text 399') === true)
      const [first] = forwarded.exchanges.all
      assert.deepEqual([first?.state, first?.webSocket?.messages.length], ['open', 500])
      assert.equal(first?.webSocket?.cut, 801 - 500)
      forwarded.webSocket.send('x'.repeat(100_000))
      forwarded.webSocket.send('the end')
      const last = await captured(forwarded, (one) => messagesOf(one)?.includes('app text the end') === true)
      const long = last.webSocket?.messages.find(({ body }) => body.size === 100_000)
      assert.equal(long?.body.bytes.length, 20_000)
      assert.ok(forwarded.exchanges.size < 300_000)
    })

    it('harms nobody when it is no WebSocket that the two speak', async () => {
      const forwarded = await ask(
        'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly nonsense',
        (socket, head) => {
          if (head.startsWith('GET'))
            socket.write(
              'HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nmore \x81\x01a',
              'latin1',
            )
        },
      )
      const { visitor, app } = forwarded
      await waitUntil('both', () => visitor.text.endsWith('more \x81\x01a'))
      visitor.socket.write(' late')
      await waitUntil('all of it', () => app.connections[0]?.text.endsWith('early nonsense late') === true)
      visitor.socket.end()
      app.connections[0]?.socket.end()
      const exchange = await captured(forwarded, isOver)
      assert.deepEqual(exchange.webSocket?.messages, [])
    })
  })

  describe('a replay', () => {
    const requestOf = (
      { id, request }: CapturedExchange,
      changes: Partial<ReplayRequest> = {},
    ): ReplayRequest => ({
      ...request,
      source: { kind: 'replay', of: id, isEdited: false },
      body: request.body.bytes,
      ...changes,
    })
    const send = (forwarded: Forwarded, request: ReplayRequest, signal = new AbortController().signal) =>
      replay(request, { ...forwarded, visitorAddress: '198.51.100.9', signal })

    const requests: [string, string][] = [
      ['a GET', 'GET /a HTTP/1.1\r\nX-b: 2\r\nHost: x\r\nX-B: \xe4\r\n\r\n'],
      ['a body of known length', 'POST /a HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 5\r\nA: b\r\n\r\n\0\xffody'],
      ['an empty body', 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n'],
      ['no body', 'POST /a HTTP/1.1\r\nHost: x\r\n\r\n'],
      [
        'a body in one chunk, with trailers',
        'POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 9\r\n\r\n',
      ],
    ]
    for (const [what, text] of requests) {
      it(`brings the app the same bytes again: ${what}`, async () => {
        const forwarded = await ask(text, (socket, head) => {
          // The whole request has come by then.
          if (head.includes(' HTTP/1.1')) setTimeout(() => socket.write(okay), 50)
        })
        const original = await captured(forwarded, isOver)
        forwarded.exchanges.isPaused = true
        const id = await send(forwarded, requestOf(original))
        const again = forwarded.exchanges.get(id)
        const came = forwarded.app.connections.map((connection) => connection.text).join('')
        assert.ok(came.length > 50)
        assert.equal(came.slice(0, came.length / 2), came.slice(came.length / 2))
        assert.deepEqual(again?.source, { kind: 'replay', of: original.id, isEdited: false })
        assert.deepEqual([again.state, textOf(again.response?.body.bytes)], ['complete', 'ok'])
        assert.deepEqual({ ...again.request }, { ...original.request })
      })
    }

    it('makes the length right for a body that was edited', async () => {
      const text = 'POST /a HTTP/1.1\r\nHost: x\r\nCONTENT-length: 4\r\nA: b\r\n\r\nbody'
      const forwarded = await ask(text)
      const original = await captured(forwarded, isOver)
      const fields = original.request.fields.filter(([name]) => name !== 'CONTENT-length')
      for (const [target, changes, came] of [
        [
          '/longer',
          { body: Buffer.from('a longer body') },
          /^CONTENT-length: 13\r\nA: b\r$[^]*\r\n\r\na longer body$/m,
        ],
        ['/empty', { body: Buffer.alloc(0) }, /^CONTENT-length: 0\r\nA: b\r$[^]*\r\n\r\n$/m],
        ['/bare', { fields }, /^A: b\r\nContent-Length: 4\r$[^]*\r\n\r\nbody$/m],
      ] as const) {
        await send(forwarded, requestOf(original, { ...changes, target, method: 'PUT' }))
        const { text } = forwarded.app.connections.find((one) => one.text.startsWith(`PUT ${target}`)) ?? {}
        assert.match(text ?? '', came)
      }
    })

    it('answers for itself what HTTP cannot say', async () => {
      const forwarded = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      const original = await captured(forwarded, isOver)
      const id = await send(forwarded, requestOf(original, { method: 'G T' }))
      const { response } = forwarded.exchanges.get(id) ?? assert.fail()
      assert.deepEqual([response?.status, response?.isOurs], [400, true])
    })

    it('ends with an app that is down, one that breaks off, and a person who cancels', async () => {
      const forwarded = await ask('GET / HTTP/1.1\r\nHost: x\r\n\r\n', (socket, head) => {
        if (head.includes('/cut')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut')
        else if (!head.includes('/wait')) socket.write(okay)
      })
      const original = await captured(forwarded, isOver)
      const cut = await send(forwarded, requestOf(original, { target: '/cut' }))
      assert.equal(forwarded.exchanges.get(cut)?.state, 'broken off')
      const abort = new AbortController()
      const waiting = send(forwarded, requestOf(original, { target: '/wait' }), abort.signal)
      const isAsked = () => forwarded.app.connections.some(({ text }) => text.includes('/wait'))
      await waitUntil('the app to be asked', isAsked)
      abort.abort()
      await assert.rejects(waiting, { name: 'AbortError' })
      await waitUntil(
        'the app to see it go',
        () => forwarded.app.connections.find(({ text }) => text.includes('/wait'))?.ended === true,
      )
      await assert.rejects(send(forwarded, requestOf(original), abort.signal), { name: 'AbortError' })
    })
  })
})
