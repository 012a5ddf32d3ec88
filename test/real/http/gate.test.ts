import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import { startEchoApp, type Echo } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { RawVisitor, startRawApp } from './edge'
import { exposeApp } from './exposed'

const toLoopback: LookupFunction = (_name, { all }, callback) => {
  if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

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
      ...{ method: 'POST', headers, agent: false, ca: options.ca?.certPem, lookup: toLoopback },
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

  it('brings the messages of gRPC-web as they come, byte for byte', async () => {
    // A flag, a length, and any bytes; the trailers come as a message of their own.
    const message = (flag: number, text: string) =>
      Buffer.concat([Buffer.from([flag, 0, 0, 0, text.length]), Buffer.from(text, 'latin1')])
    const asked = message(0, 'one\0\r\n\xff')
    const messages = [
      message(0, '\x80first'),
      message(0, '\r\n0\r\n\r\n'),
      message(128, 'grpc-status: 0\r\n'),
    ]
    const bodies: Buffer[] = []
    const answers: ServerResponse[] = []
    const server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(chunk))
      request.once('end', () => {
        answers.push(response.writeHead(200, { 'content-type': 'application/grpc-web+proto' }))
        response.write(messages[0])
      })
    })
    const { url, options } = await exposeApp(scope, world, { port: await listening(server) })
    const outgoing = requestHttps(`${url}/pkg.Service/Watch`, {
      ...{ method: 'POST', agent: false, ca: options.ca?.certPem, lookup: toLoopback },
      headers: { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' },
    })
    outgoing.end(asked)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    let came = Buffer.alloc(0)
    response.on('data', (chunk: Buffer) => (came = Buffer.concat([came, chunk])))
    for (let count = 1; count <= messages.length; count++) {
      // The next one is sent when this one is here.
      await waitUntil(`message ${count}`, () => came.equals(Buffer.concat(messages.slice(0, count))))
      if (count < messages.length) answers[0]?.write(messages[count])
    }
    answers[0]?.end()
    await waitUntil('the end', () => response.complete)
    assert.deepEqual(Buffer.concat(bodies), asked)
  })

  it('lets a long poll wait while others are answered, and again when it has been', async () => {
    const waiting: ServerResponse[] = []
    const server = createServer((request, response) => {
      if (request.url === '/poll') waiting.push(response)
      else response.end('at once')
    })
    const { url, options } = await exposeApp(scope, world, { port: await listening(server) })
    for (const text of ['one', 'two']) {
      const poll = visit(`${url}/poll`, options)
      await waitUntil('the poll to be there', () => waiting.length === 1)
      assert.equal(String((await visit(url, options)).body), 'at once')
      waiting.pop()?.end(text)
      assert.equal(String((await poll).body), text)
    }
  })

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    scope.add(async () => {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    })
    return (server.address() as AddressInfo).port
  }

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
    const { url, options } = await exposeApp(scope, world, { port: await listening(server) })
    for (const body of ['a', undefined, 'b', undefined]) {
      assert.equal((await visit(url, { ...options, ...(body === undefined ? {} : { body }) })).status, 200)
    }
    assert.deepEqual(seen, ['POST', 'GET', 'POST', 'GET'])
  })
})
