import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { LocalApp } from '../../../src/tunnels/localApp'
import { startEchoApp, startTcpApp, deterministicSha256, type Echo } from '../../support/apps'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

const ways = [
  { channels: 'own', isVerbose: false },
  { channels: 'own', isVerbose: true },
  { channels: 'ssh2', isVerbose: false },
] as const

for (const way of ways) {
  describe(`what visitors send and get, by channels of ${way.channels}${way.isVerbose ? ' with a verbose log' : ''}`, () => {
    let shared: Scope
    let world: World
    let scope: Scope
    const signal = new AbortController().signal

    before(async () => {
      shared = new Scope()
      world = await startWorld(shared, way)
    })
    after(() => shared.close())
    beforeEach(() => {
      scope = new Scope()
    })
    afterEach(() => scope.close())

    const appOf = (
      app: { host: string; port: number },
      protocol: LocalApp['protocol'] = 'http',
    ): LocalApp => ({
      host: 'localhost',
      port: app.port,
      protocol,
    })

    for (const kind of ['oneUrl', 'namedUrls'] as const) {
      it(`${kind}: answers from the app, passes WebSocket, events and bulk, and ends with stop`, async () => {
        const app = await startEchoApp(scope)
        const tunnels = world.tunnels()
        const tunnel = await tunnels.open({
          app: appOf(app),
          server: world[kind](),
          name: 'my-app-3000',
          signal,
        })
        assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
        assert.deepEqual(app.requests, [], 'the check never reaches the app')
        const url = tunnel.publicUrl!
        const { ca } = world

        const echo = await visit(`${url}/hello?x=1`, { ca, method: 'POST', body: 'with a body' })
        assert.equal((JSON.parse(echo.body.toString()) as Echo).url, '/hello?x=1')

        const webSocket = await openWebSocket(`${url.replace('https:', 'wss:')}/ws`, { ca })
        webSocket.send('over the tunnel')
        assert.equal((await webSocket.next()).toString(), 'over the tunnel')

        const events = await openSse(`${url}/sse`, { ca })
        const received: string[] = []
        for await (const event of events) if (received.push(event.data) === 3) break
        assert.equal(received.length, 3)
        events.close()
        await waitUntil('the app to see that the listener left', () => app.sse.left === 1)

        const size = 30_000_000
        const down = await visit(`${url}/bytes?n=${size}`, { ca })
        assert.equal(down.body.length, size)
        const up = await visit(`${url}/sink`, { ca, method: 'POST', body: down.body })
        assert.deepEqual(JSON.parse(up.body.toString()), { bytes: size, sha256: deterministicSha256(size) })

        const listeners = await world.sshd.listeners()
        assert.equal(listeners.length, 1)
        await tunnel.stop()
        assert.deepEqual(tunnel.state, { kind: 'closed' })
        assert.equal((await visit(`${url}/hello`, { ca })).status, 502)
        assert.deepEqual(await world.sshd.listeners(), [])
        await waitUntil('the visitor’s WebSocket to end with the tunnel', () => app.openConnections() === 0)
        await webSocket.close()
        await waitUntil('the connection to end with its last tunnel', () => world.sshd.sessionCount() === 0)
      })
    }

    it('carries two tunnels on one connection, each ending alone', async () => {
      const [first, second] = [await startEchoApp(scope), await startEchoApp(scope)]
      const tunnels = world.tunnels()
      const server = world.namedUrls()
      const [one, two] = await Promise.all([
        tunnels.open({ app: appOf(first), server, name: 'first', signal }),
        tunnels.open({ app: appOf(second), server, name: 'second', signal }),
      ])
      assert.equal(world.sshd.sessionCount(), 1, 'one connection per server')
      const { ca } = world
      await visit(`${one.publicUrl}/a`, { ca })
      await visit(`${two.publicUrl}/b`, { ca })
      assert.deepEqual(first.requests, [{ method: 'GET', url: '/a' }])
      assert.deepEqual(second.requests, [{ method: 'GET', url: '/b' }])
      await one.stop()
      assert.equal((await visit(one.publicUrl!, { ca })).status, 502)
      assert.equal((await visit(two.publicUrl!, { ca })).status, 200)
      await two.stop()
    })

    it('passes half-close both ways, and an app that resets ends only its own visitor', async () => {
      const app = await startTcpApp(scope)
      const tunnels = world.tunnels()
      const server = world.oneUrl()
      const tunnel = await tunnels.open({ app: appOf(app, 'tcp'), server, name: 'tcp', signal })
      const { port } = world.tcpBind
      const ask = async () => {
        const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
        let answer = ''
        socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
        socket.end('all of it')
        await once(socket, 'close')
        return answer
      }
      const [first, second] = await Promise.all([ask(), ask()])
      assert.match(first, /^[0-9a-f]{64}/)
      assert.equal(first, second)
      const visitor = connect({ host: '127.0.0.1', port })
      visitor.on('error', () => undefined)
      visitor.write('half a')
      await waitUntil('the app to see the visitor', () => app.openConnections() === 1)
      visitor.resetAndDestroy()
      await waitUntil('the app to see the visitor go', () => app.openConnections() === 0)
      assert.equal(await ask(), first)
      await tunnel.stop()
    })

    it('holds back an app that sends more than a visitor reads', async () => {
      const app = await startEchoApp(scope)
      const tunnels = world.tunnels()
      const tunnel = await tunnels.open({ app: appOf(app), server: world.oneUrl(), name: 'x', signal })
      const { port } = world.tcpBind
      const visitor = connect({ host: '127.0.0.1', port })
      visitor.pause()
      const before = process.memoryUsage().rss
      visitor.write('GET /bytes?n=2000000000 HTTP/1.1\r\nHost: x\r\n\r\n')
      await waitUntil('the app to be asked', () => app.requests.length === 1)
      await new Promise((resolve) => setTimeout(resolve, 1500))
      const grown = (process.memoryUsage().rss - before) / 1e6
      assert.ok(grown < 200, `memory grew by ${Math.round(grown)} MB with a visitor that reads nothing`)
      visitor.destroy()
      await waitUntil('the app to see the visitor go', () => app.openConnections() === 0)
      await tunnel.stop()
    })

    it('comes back at the same URL when sshd was restarted', async () => {
      const app = await startEchoApp(scope)
      const tunnels = world.tunnels()
      const server = world.namedUrls()
      const [one, two] = [
        await tunnels.open({ app: appOf(app), server, name: 'heal-1', signal }),
        await tunnels.open({ app: appOf(app), server: world.oneUrl(), name: 'heal-2', signal }),
      ]
      const states: string[] = []
      one.onDidChange((state) => states.push(state.kind))
      await world.sshd.restart()
      for (const tunnel of [one, two]) {
        await waitUntil(
          () => `the tunnel to heal: ${JSON.stringify(tunnel.state)}`,
          () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
        )
        assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
      }
      assert.ok(states.includes('waiting'), states.join(' '))
      await tunnels.stopAll()
      assert.deepEqual(await world.sshd.listeners(), [])
    })
  })
}
