import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import { startEchoApp, type Echo } from '../support/apps'
import { startCaddy } from '../support/caddy'
import { openSse, openWebSocket, visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { createTestCa, type TestCa } from '../support/testCa'

describe('the private Caddy of the tests', () => {
  let scope: Scope
  let ca: TestCa
  beforeEach(async () => {
    scope = new Scope()
    ca = await createTestCa(scope)
  })
  afterEach(() => scope.close())

  it('leads a name to a port: HTTP/1.1, h2, WebSocket, events, the visitor’s own host', async () => {
    const app = await startEchoApp(scope)
    const sites = [{ kind: 'port', name: 'dev.localhost', upstreamPort: app.port }] as const
    const caddy = await startCaddy(scope, { ca, sites })
    const url = caddy.url('dev.localhost')
    for (const h2 of [false, true]) {
      const echo = JSON.parse((await visit(`${url}/x`, { ca, h2 })).body.toString()) as Echo
      assert.equal(echo.headers['host'], `dev.localhost:${caddy.httpsPort}`)
      assert.equal(echo.headers['x-forwarded-for'], '127.0.0.1')
    }
    const webSocket = await openWebSocket(`${url}/ws`, { ca })
    webSocket.send('hello')
    assert.equal((await webSocket.next()).toString(), 'hello')
    await webSocket.close()
    const events = await openSse(`${url}/sse`, { ca })
    for await (const event of events) if (event.data !== '') break
    events.close()
    assert.match(caddy.log(), /"uri":"\/x"/)
  })

  it('leads names to sockets and numbered names to ports', async () => {
    const directory = scope.tempDir('caddy-sockets')
    const path = join(directory, 'bot.sock')
    const onSocket = await listen(
      createServer((_request, response) => response.end('on a socket')),
      path,
    )
    const app = await startEchoApp(scope)
    const caddy = await startCaddy(scope, {
      ca,
      sites: [
        { kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory: directory },
        { kind: 'range', baseDomain: 'n.localhost', firstPort: app.port - 1, lastPort: app.port + 1 },
      ],
    })
    assert.equal((await visit(caddy.url('bot.dev.localhost'), { ca })).body.toString(), 'on a socket')
    assert.equal((await visit(caddy.url('other.dev.localhost'), { ca })).status, 502)
    assert.equal((await visit(caddy.url(`p${app.port}.n.localhost`), { ca })).status, 200)
    assert.equal((await visit(caddy.url(`p${app.port + 1}.n.localhost`), { ca })).status, 502)
    assert.equal(
      (await visit(caddy.url(`p${app.port + 2}.n.localhost`), { ca })).body.length,
      0,
      'out of range',
    )
    onSocket.closeAllConnections()
    await once(onSocket.close(), 'close')
    rmSync(path, { force: true })
  })

  it('has an authority of its own, reloads without a break, and starts again on the same port', async () => {
    const app = await startEchoApp(scope)
    const caddy = await startCaddy(scope, {
      sites: [{ kind: 'port', name: 'one.localhost', upstreamPort: app.port }],
    })
    const own = { certPem: await caddy.rootPem() }
    assert.equal((await visit(caddy.url('one.localhost'), { ca: own })).status, 200)
    const sites = [
      { kind: 'port', name: 'one.localhost', upstreamPort: app.port },
      { kind: 'lines', lines: ['two.localhost {', '\trespond 418', '}'] },
    ] as const
    const events = await openSse(`${caddy.url('one.localhost')}/sse`, { ca: own })
    await caddy.reload({ sites })
    assert.equal((await visit(caddy.url('two.localhost'), { ca: own })).status, 418)
    for await (const event of events) if (event.data !== '') break
    events.close()
    await caddy.stop()
    await assert.rejects(visit(caddy.url('two.localhost'), { ca: own }))
    await caddy.start()
    assert.equal((await visit(caddy.url('two.localhost'), { ca: own })).status, 418)
  })
})

async function listen(server: Server, path: string): Promise<Server> {
  server.listen(path)
  await once(server, 'listening')
  return server
}
