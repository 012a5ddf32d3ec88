import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { startEchoApp, type Echo } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { RawVisitor, startRawApp } from './edge'
import { exposeApp } from './exposed'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('HTTP behind a reverse proxy, through real sshd and nginx', function () {
  this.timeout(60_000)
  const shared = new Scope()
  let world: World
  let scope: Scope
  before(async () => {
    world = await startWorld(shared)
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const echoOf = (body: Buffer) => JSON.parse(String(body)) as Echo

  it('calls the app by its own name, and says who called as nginx does', async () => {
    const app = await startEchoApp(scope)
    const { url, options } = await exposeApp(scope, world, { port: app.port })
    const headers = {
      ...{ origin: url, referer: `${url}/a`, forwarded: 'for=6.6.6.6', 'x-forwarded-prefix': '/x' },
    }
    const told = echoOf((await visit(url, { ...options, headers })).body).headers
    const own = `http://localhost:${app.port}`
    assert.deepEqual([told['host'], told['origin'], told['referer']], [own.slice(7), own, `${own}/a`])
    assert.equal(told['x-forwarded-for'], '127.0.0.1')
    const others = Object.keys(told).filter(
      (name) => name.includes('forwarded') && name !== 'x-forwarded-for',
    )
    assert.deepEqual(others, [])
  })

  for (const bare of [false, true]) {
    it(`keeps the public name for an app that wants it, behind ${bare ? 'a bare' : 'a complete'} nginx`, async () => {
      const app = await startEchoApp(scope)
      const how = { port: app.port, bare, hostHeader: 'public' } as const
      const { url, options } = await exposeApp(scope, world, how)
      const { host, port } = new URL(url)
      const told = echoOf((await visit(url, { ...options, headers: { origin: url } })).body).headers
      assert.deepEqual(
        ['host', 'origin', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port'].map(
          (name) => told[name],
        ),
        [host, url, host, 'https', port],
      )
    })

    it(`brings events one by one behind ${bare ? 'a bare' : 'a complete'} nginx`, async () => {
      const app = await startEchoApp(scope)
      const { url, options } = await exposeApp(scope, world, { port: app.port, bare })
      const events = await openSse(`${url}/sse`, options)
      const seen: string[] = []
      for await (const event of events) if (seen.push(event.data) === 3) break
      assert.deepEqual(seen, ['event 1', 'event 2', 'event 3'])
      assert.equal(app.sse.open, 1, 'the stream goes on')
      events.close()
      await waitUntil('the app to see the listener leave', () => app.sse.left === 1)
    })
  }

  it('leads redirects and cookies back to the public URL', async () => {
    const { port } = await startRawApp(scope, (socket, head) => {
      const { 1: host = '' } = /^Host: (.*)$/im.exec(head) ?? []
      socket.write(
        `HTTP/1.1 302 Found\r\nLocation: http://${host}/next?a\r\nSet-Cookie: a=1; Domain=localhost; Path=/\r\n` +
          'Set-Cookie: b=2; Domain=example.org\r\nContent-Length: 0\r\n\r\n',
      )
    })
    const { url, options } = await exposeApp(scope, world, { port })
    const { headers } = await visit(url, options)
    assert.equal(headers['location'], `${url}/next?a`)
    const { hostname } = new URL(url)
    assert.deepEqual(headers['set-cookie'], [`a=1; Domain=${hostname}; Path=/`, 'b=2; Domain=example.org'])
  })

  it('passes a WebSocket from the public origin as one of the app’s own', async () => {
    const app = await startEchoApp(scope)
    const seen: (string | undefined)[] = []
    const { port } = await startRawApp(scope, (socket, head) => {
      seen.push(/^Host: (.*)\r$/im.exec(head)?.[1], /^Origin: (.*)\r$/im.exec(head)?.[1])
      socket.write('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')
    })
    const { url, options } = await exposeApp(scope, world, { port })
    await assert.rejects(openWebSocket(`${url}/ws`, { ...options, headers: { origin: url } }), /403/)
    assert.deepEqual(seen, [`localhost:${port}`, `http://localhost:${port}`])

    const echoing = await exposeApp(scope, world, { port: app.port })
    const webSocket = await openWebSocket(`${echoing.url}/ws`, echoing.options)
    for (const message of ['one', 'x'.repeat(200_000)]) {
      webSocket.send(message)
      assert.equal(String(await webSocket.next()), message)
    }
    await webSocket.close()
  })

  it('asks for a body that waits for 100 Continue', async () => {
    const app = await startEchoApp(scope)
    const { url, bindPort, options } = await exposeApp(scope, world, { port: app.port })
    const headers = { expect: '100-continue', 'content-length': '5' }
    const outgoing = requestHttps(`${url}/sink`, {
      ...{ method: 'POST', headers, agent: false, ca: options.ca?.certPem },
      lookup: (_name, { all }, callback) =>
        all === true ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4),
    })
    outgoing.once('continue', () => outgoing.end('12345'))
    outgoing.flushHeaders()
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, 200)
    response.resume()
    // nginx answers by itself; a server without it leaves that to the app.
    const head = 'POST /sink HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n'
    const visitor = RawVisitor.call(scope, bindPort, head)
    await waitUntil('the app to ask', () => visitor.text === 'HTTP/1.1 100 Continue\r\n\r\n')
    visitor.socket.write('12345')
    await waitUntil('the answer', () => visitor.text.includes('"bytes":5'))
  })

  it('brings 103 and trailers to who comes to sshd straight', async () => {
    const { port, connections } = await startRawApp(scope, (socket) =>
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n' +
          'Trailer: X-Sum\r\n\r\n3\r\none\r\n0\r\nX-Sum: 9\r\n\r\n',
      ),
    )
    const { bindPort } = await exposeApp(scope, world, { port })
    const visitor = RawVisitor.call(
      scope,
      bindPort,
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Req: 7\r\n\r\n',
    )
    await waitUntil('the trailers', () => visitor.text.endsWith('3\r\none\r\n0\r\nX-Sum: 9\r\n\r\n'))
    assert.match(visitor.text, /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a.css>\r\n\r\nHTTP\/1.1 200 OK\r\n/i)
    await waitUntil('the body at the app', () =>
      connections.some(({ text }) => text.endsWith('2\r\nab\r\n0\r\nX-Req: 7\r\n\r\n')),
    )
  })

  const ambiguous: [string, string][] = [
    ['CL and TE', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two Content-Length', 'Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345'],
    ['a list as Content-Length', 'Content-Length: 5, 5\r\n\r\n12345'],
    ['a signed Content-Length', 'Content-Length: +5\r\n\r\n12345'],
    ['TE twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an unknown TE', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['a hidden TE', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n'],
    ['a folded TE', 'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n'],
    ['a bare LF between fields', 'X: 1\nContent-Length: 5\r\n\r\n12345'],
    ['a bare CR in a field', 'X: 1\rContent-Length: 5\r\n\r\n12345'],
    ['a NUL in a field', 'X: 1\0\r\n\r\n'],
    ['two Host', 'Host: y\r\n\r\n'],
    ['a giant chunk', 'Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n'],
    ['a bad chunk size', 'Transfer-Encoding: chunked\r\n\r\n5x\r\nhello\r\n0\r\n\r\n'],
    ['a chunk without its end', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n'],
    ['a bare LF after a chunk size', 'Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n'],
  ]
  it('refuses requests that can be read in two ways, and no app sees what is hidden in them', async () => {
    const app = await startRawApp(scope, (socket) => socket.write(okay))
    const { bindPort } = await exposeApp(scope, world, { port: app.port })
    for (const [what, rest] of ambiguous) {
      const hidden = 'GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
      const visitor = RawVisitor.call(scope, bindPort, `POST /seen HTTP/1.1\r\nHost: x\r\n${rest}${hidden}`)
      await waitUntil(
        () => `the end for ${what}: ${visitor.text}`,
        () => visitor.ended || visitor.closed,
      )
      assert.match(visitor.text, /^HTTP\/1.1 (?:400|501) [^]*\r\nConnection: close\r\n/, what)
      assert.doesNotMatch(visitor.text, / 200 /, what)
      assert.ok(!app.connections.some(({ text }) => text.includes('/hidden')), what)
    }
  })

  for (const bare of [false, true]) {
    it(`answers 502 with a page while the app is down, behind ${bare ? 'a bare' : 'a complete'} nginx`, async () => {
      const port = await freePort()
      const { url, options, tunnel } = await exposeApp(scope, world, { port, bare })
      const page = await visit(url, options)
      assert.equal(page.status, 502)
      assert.match(String(page.body), /The app does not answer/)
      assert.equal(tunnel.state.kind === 'open' && tunnel.state.appAnswers, false)
      const headers = { accept: 'application/json' }
      const json = await visit(url, { ...options, headers })
      assert.equal((JSON.parse(String(json.body)) as { reason: string }).reason, 'no answer')
      await startEchoApp(scope, { port })
      assert.equal((await visit(url, options)).status, 200)
      assert.equal(tunnel.state.kind === 'open' && tunnel.state.appAnswers, true)
    })
  }

  it('waits as long as the app needs', async () => {
    const app = await startEchoApp(scope)
    const { url, options } = await exposeApp(scope, world, { port: app.port })
    assert.equal((await visit(`${url}/slow?ms=6000`, options)).status, 200)
  })

  it('answers a check that comes over a connection Caddy has kept, and the app does not see it', async () => {
    const app = await startEchoApp(scope)
    const { tunnel, url, options } = await exposeApp(scope, world, { port: app.port, front: 'Caddy' })
    assert.equal((await visit(`${url}/first`, options)).status, 200)
    const checks: unknown[] = []
    tunnel.onDidChange((state) => state.kind === 'open' && checks.push(state.check))
    tunnel.retryNow()
    await waitUntil('the check to end', () => checks.length === 2)
    assert.deepEqual(checks, ['running', 'passed'])
    assert.deepEqual(
      app.requests.map((request) => request.url),
      ['/first'],
    )
    assert.equal(app.openConnections(), 1)
  })

  it('lets an app that ends its kept connections be asked anew, and a POST is sent once', async () => {
    const seen: string[] = []
    const server = createServer({ keepAliveTimeout: 1 }, (request, response) => {
      seen.push(request.method ?? '')
      response.end('ok')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    scope.add(async () => {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    })
    const { url, options } = await exposeApp(scope, world, { port: (server.address() as AddressInfo).port })
    for (const body of ['a', undefined, 'b', undefined]) {
      assert.equal((await visit(url, { ...options, ...(body === undefined ? {} : { body }) })).status, 200)
    }
    assert.deepEqual(seen, ['POST', 'GET', 'POST', 'GET'])
  })
})
