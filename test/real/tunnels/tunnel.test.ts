import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { LocalApp } from '../../../src/tunnels/localApp'
import { startEchoApp, startTcpApp, deterministicSha256, type Echo, type EchoApp } from '../../support/apps'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('a tunnel through real sshd and nginx', () => {
  let shared: Scope
  let world: World
  let scope: Scope
  const signal = new AbortController().signal

  before(async () => {
    shared = new Scope()
    world = await startWorld(shared)
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const appOf = (app: { host: string; port: number }, protocol: LocalApp['protocol'] = 'http'): LocalApp => ({
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

  it('opens again at the same URL after it was stopped', async () => {
    const app = await startEchoApp(scope)
    const tunnels = world.tunnels()
    const server = world.namedUrls()
    const urls: string[] = []
    for (let round = 0; round < 3; round++) {
      const tunnel = await tunnels.open({ app: appOf(app), server, name: 'again', signal })
      urls.push(tunnel.publicUrl!)
      assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
      await tunnel.stop()
    }
    assert.equal(new Set(urls).size, 1)
  })

  it('reaches apps on IPv6 loopback and apps that speak HTTPS', async () => {
    const tls = await world.ca.issue({ names: ['localhost'] })
    const apps: [EchoApp, LocalApp['protocol']][] = [
      [await startEchoApp(scope, { host: '::1' }), 'http'],
      [await startEchoApp(scope, { tls }), 'https'],
    ]
    for (const [app, protocol] of apps) {
      const tunnels = world.tunnels()
      const tunnel = await tunnels.open({
        app: appOf(app, protocol),
        server: world.namedUrls(),
        name: 'v6',
        signal,
      })
      assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
      await tunnel.stop()
    }
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

  it('answers 502 while the app is down, says so, and works again when it is back', async () => {
    const app = await startEchoApp(scope)
    const { port } = app
    const tunnels = world.tunnels()
    const tunnel = await tunnels.open({ app: appOf(app), server: world.namedUrls(), name: 'down', signal })
    await app.close()
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 502)
    assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: false, check: 'passed', remarks: [] })
    await startEchoApp(scope, { port })
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
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

  it('finds a server that froze by keepalive, and comes back when it thaws', async () => {
    const app = await startEchoApp(scope)
    const tunnels = world.tunnels()
    const server = world.namedUrls({
      serverAliveIntervalMs: 150,
      serverAliveCountMax: 2,
      connectTimeoutMs: 1000,
    })
    const tunnel = await tunnels.open({ app: appOf(app), server, name: 'frozen', signal })
    const reasons: (string | undefined)[] = []
    tunnel.onDidChange((state) => {
      if (state.kind === 'waiting') reasons.push(state.failure.said)
    })
    world.sshd.freeze()
    await waitUntil('the tunnel to notice', () => reasons.length > 0)
    assert.match(reasons[0] ?? '', /no answer to 2 keepalives/)
    world.sshd.thaw()
    await waitUntil(
      'the tunnel to heal',
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    await tunnel.stop()
  })

  it('keeps a log of the SSH protocol like ssh -v, with the algorithms', () => {
    assert.match(world.log.text, /debug ssh2: .*Handshake completed/)
    assert.match(world.log.text, /debug negotiated: .*aes128-gcm@openssh\.com/)
    assert.match(world.log.text, /trace ssh2: .*CHANNEL_DATA/)
    assert.doesNotMatch(world.log.text, /PRIVATE KEY/)
  })

  it('says which hop is wrong when the public URL does not lead here', async () => {
    const app = await startEchoApp(scope)
    const real = world.namedUrls()
    const cases: [string, { bind?: string; publicUrl?: string; ca?: string }, string][] = [
      ['another name', { publicUrl: world.nginx.url('other.dev.localhost') }, 'proxy-cannot-reach-forward'],
      [
        'another socket',
        { bind: join(world.socketDirectory, 'elsewhere.sock') },
        'proxy-cannot-reach-forward',
      ],
      ['nothing there', { publicUrl: 'https://x.dev.localhost:1' }, 'proxy-down'],
      ['a name without DNS', { publicUrl: 'https://no-such-name.invalid' }, 'public-name-not-found'],
      [
        'a certificate for another name',
        { publicUrl: world.nginx.url('a.b.localhost') },
        'certificate-wrong-name',
      ],
      ['an authority nobody knows', { ca: '' }, 'certificate-untrusted'],
      [
        'another program',
        { publicUrl: `https://dev.localhost:${(await otherSite()).port}` },
        'public-url-elsewhere',
      ],
    ]
    for (const [what, changes, kind] of cases) {
      const profile = {
        ...real.profile,
        publicUrl: changes.publicUrl ?? real.profile.publicUrl,
        bind:
          changes.bind === undefined ? real.profile.bind : ({ kind: 'unix', path: changes.bind } as const),
      }
      const server = {
        profile,
        settings: () => real.settings(),
        ...(changes.ca === '' ? {} : { ca: world.ca.certPem }),
      }
      const tunnels = world.tunnels()
      const tunnel = await tunnels.open({ app: appOf(app), server, name: 'wrong', signal })
      const check = tunnel.state.kind === 'open' ? tunnel.state.check : undefined
      assert.ok(check instanceof Error, `${what}: ${JSON.stringify(tunnel.state)}`)
      assert.equal(check.kind, kind, what)
      assert.equal(check.hop, 'public URL')
      await tunnel.stop()
    }
    assert.deepEqual(app.requests, [])
  })

  async function otherSite(): Promise<EchoApp> {
    return startEchoApp(scope, { tls: await world.ca.issue({ names: ['dev.localhost'] }) })
  }
})
