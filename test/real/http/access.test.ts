import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { connect } from 'node:net'
import { systemClock } from '../../../src/base/clock'
import type { AccessRules } from '../../../src/http/access/accessRules'
import { accessRules } from '../../../src/http/access/accessStage'
import { digestOf } from '../../../src/http/access/basicPassword'
import { linkUrl, makeToken, newLinkKey } from '../../../src/http/access/shareLink'
import type { ServerProfile } from '../../../src/servers/profile'
import { fileCertificate } from '../../../src/tls/fileCertificate'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { startEchoApp } from '../../support/apps'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { openWebSocket, visit, type Visit, type VisitOptions } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { RawVisitor, startEdge, startForward, startRawApp, type RawApp } from './edge'
import { exposeApp } from './exposed'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const password = { digest: digestOf('correct horse é') }
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
const right = basic('anyone:correct horse é')
const link = { key: newLinkKey(), subject: '3000' }

/** A port that is public, and what its app sees. */
interface Open {
  readonly url: string
  readonly tunnel: Tunnel
  readonly app: RawApp
  readonly options: Pick<VisitOptions, 'ca' | 'address'>
}

describe('access rules, through a real sshd', function () {
  this.timeout(60_000)
  const shared = new Scope()
  let world: World
  let scope: Scope
  before(async () => {
    world = await startWorld(shared, { config: ['GatewayPorts clientspecified'] })
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const recorder = () => startRawApp(scope, (socket) => socket.write(okay))

  /** A tunnel on a public port, with nobody in front. */
  async function openAtEdge(
    port: number,
    access: AccessRules,
    { tls, scheme, protocol }: Record<'tls' | 'scheme' | 'protocol', string>,
  ): Promise<Tunnel> {
    const one = world.oneUrl()
    const publicPort = await freePort()
    const bind = { kind: 'tcp', host: '0.0.0.0', firstPort: publicPort, lastPort: publicPort } as const
    const publicUrl = `${scheme}://dev.localhost:${publicPort}`
    const profile = { ...one.profile, id: `edge-${publicPort}`, bind, publicUrl, tls } as ServerProfile & {
      kind: 'own'
    }
    const files = await world.ca.issue({ names: ['dev.localhost'] })
    const tunnels = world.tunnels(undefined, {
      certificateFor: () =>
        fileCertificate({ ...files, hostName: 'dev.localhost', clock: systemClock, log: world.log }),
    })
    scope.add(() => tunnels.stopAll())
    const app = {
      host: 'localhost',
      port,
      protocol: protocol === 'tcp' ? ('tcp' as const) : ('http' as const),
    }
    const { signal } = new AbortController()
    return tunnels.open({ app, gate: { access }, server: { ...one, profile }, name: 'app', signal })
  }

  const ways: { what: string; open: (access: AccessRules) => Promise<Open> }[] = [
    {
      what: 'behind nginx',
      open: async (access) => {
        const app = await recorder()
        return { app, ...(await exposeApp(scope, world, { port: app.port, access })) }
      },
    },
    {
      what: 'at the edge',
      open: async (access) => {
        const app = await recorder()
        const tunnel = await openAtEdge(app.port, access, { tls: 'here', scheme: 'https', protocol: 'http' })
        return { app, tunnel, url: tunnel.publicUrl!, options: { ca: world.ca } }
      },
    },
  ]

  for (const { what, open } of ways) {
    describe(what, () => {
      const headsOf = (app: RawApp) => app.connections.map(({ text }) => text).join('\n')

      it('a password keeps everybody else out before the app has a connection', async () => {
        const { url, app, options, tunnel } = await open({ password, open: ['/webhook'] })
        assert.ok(tunnel.state.kind === 'open' && tunnel.state.check === 'passed', 'the check is let in')
        const asked = await visit(url, options)
        assert.equal(asked.status, 401)
        assert.equal(asked.headers['www-authenticate'], 'Basic realm="Expose Port", charset="UTF-8"')
        assert.equal((await visit(url, { ...options, headers: basic('a:wrong') })).status, 401)
        const json = await visit(url, { ...options, headers: { accept: 'application/json' }, body: 'x' })
        assert.equal((JSON.parse(String(json.body)) as { reason: string }).reason, 'password')
        for (const path of ['/webhook/../', '/webhook/%2e%2e/admin', '/Webhook'])
          assert.equal((await rawly(url, path, options)).status, 401, path)
        await assert.rejects(openWebSocket(`${url}/ws`, options), /401/)
        assert.equal(app.connections.length, 0, 'not a connection')

        assert.equal((await visit(url, { ...options, headers: { ...right, 'x-own': '1' } })).status, 200)
        assert.equal((await visit(`${url}/webhook?a`, { ...options, body: 'event' })).status, 200)
        const heads = headsOf(app)
        assert.match(heads, /x-own: 1/i)
        assert.match(heads, /^POST \/webhook\?a /m)
        assert.doesNotMatch(heads, /authorization/i)
      })

      it('a shared link becomes a cookie, and neither reaches the app', async () => {
        const { url, app, options } = await open({ password, link })
        const token = (ms: number) => makeToken(link, { expiresAt: Date.now() + ms })
        const old = await visit(linkUrl(url, token(-1000)), options)
        assert.equal(old.status, 403)
        assert.match(String(old.body), /This link has expired/)
        const cut = linkUrl(url, token(60_000)).slice(0, -1)
        assert.match(String((await visit(cut, options)).body), /This link is not valid/)
        assert.equal(app.connections.length, 0, 'not a connection')

        const first = await visit(linkUrl(`${url}/page?a=1`, token(60_000)), options)
        assert.deepEqual([first.status, first.headers['location']], [303, `${url}/page?a=1`])
        const [cookie = ''] = first.headers['set-cookie'] ?? []
        assert.match(cookie, /; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/)
        assert.equal(app.connections.length, 0, 'not a connection')
        const sent = `own=1; ${cookie.replace(/;.*/, '')}; other="2"`
        assert.equal((await visit(`${url}/page?a=1`, { ...options, headers: { cookie: sent } })).status, 200)
        assert.match(headsOf(app), /^GET \/page\?a=1 HTTP\/1\.1\r$/m)
        assert.match(headsOf(app), /^cookie: own=1; other="2"\r$/im)
        assert.doesNotMatch(headsOf(app), /expose-port-link/)
      })

      it('an address rule lets in who comes from there and nobody else', async () => {
        const { url, app, options, tunnel } = await open({ allow: ['127.0.0.6/31'] })
        const from = async (address: string, headers = {}) =>
          (await visit(url, { ...options, headers, from: address })).status
        assert.equal(await from('127.0.0.8'), 403)
        assert.equal(
          await from('127.0.0.8', { 'x-forwarded-for': '127.0.0.7', 'x-real-ip': '127.0.0.7' }),
          403,
        )
        assert.equal(app.connections.length, 0, 'not a connection')
        assert.equal(await from('127.0.0.7'), 200)
        tunnel.setGate({ access: { deny: ['127.0.0.7'] } })
        assert.equal(await from('127.0.0.7'), 403, 'the rules of now')
        assert.equal(await from('127.0.0.8'), 200)
      })

      it('a method that is not allowed is refused', async () => {
        const { url, app, options } = await open({ methods: ['GET'] })
        const posted = await visit(url, { ...options, body: 'x' })
        assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD'])
        assert.equal(app.connections.length, 0, 'not a connection')
        assert.equal((await visit(url, options)).status, 200)
      })

      it('at the closing time the tunnel ends by itself', async () => {
        const { url, app, options, tunnel } = await open({})
        tunnel.setGate({ access: { closesAt: Date.now() + 300 } })
        await waitUntil('the tunnel to end', () => tunnel.state.kind === 'closed')
        await tunnel.stop()
        const status = await visit(url, options).then(
          (answer) => answer.status,
          () => 'nobody there',
        )
        assert.ok(status === 502 || status === 'nobody there', String(status))
        assert.equal(app.connections.length, 0, 'not a connection')
      })
    })
  }

  it('what was captured is replayed without the words of the gate', async () => {
    const app = await recorder()
    const { url, tunnel, options, exchanges } = await exposeApp(scope, world, {
      port: app.port,
      access: { password, link },
    })
    const token = makeToken(link, { expiresAt: Date.now() + 60_000 })
    const cookie = (await visit(linkUrl(url, token), options)).headers['set-cookie']?.[0]?.replace(/;.*/, '')
    const headers = { ...right, cookie: `own=1; ${cookie ?? ''}` }
    assert.equal((await visit(`${url}/a?x`, { ...options, headers })).status, 200)
    const refused = exchanges.all.find(({ response }) => response?.isOurs === true && response.status === 303)
    assert.equal(refused?.note, 'Came in by a shared link.')
    for (const { id, request } of exchanges.all) {
      const { method, target, host, fields, body, trailers } = request
      const source = { kind: 'replay', of: id, isEdited: false } as const
      await tunnel.replay({ ...{ source, method, target, host, fields, trailers }, body: body.bytes })
    }
    const heads = app.connections.map(({ text }) => text).join('')
    assert.equal(heads.match(/^GET \/a\?x /gm)?.length, 2)
    assert.equal(heads.match(/^cookie: own=1\r$/gim)?.length, 2)
    assert.doesNotMatch(heads, /authorization|expose-port-link/i)
  })

  it('a WebSocket comes in with the password, behind nginx and at the edge', async () => {
    const app = await startEchoApp(scope)
    const behind = await exposeApp(scope, world, { port: app.port, access: { password } })
    const edge = await openAtEdge(app.port, { password }, { tls: 'here', scheme: 'https', protocol: 'http' })
    for (const { url, options } of [behind, { url: edge.publicUrl!, options: { ca: world.ca } }]) {
      const webSocket = await openWebSocket(`${url}/ws`, { ...options, headers: right })
      webSocket.send('in')
      assert.equal(String(await webSocket.next()), 'in')
      await webSocket.close()
    }
  })

  it('HTTP/2 at the edge goes by the same rules', async () => {
    const app = await recorder()
    const way = { tls: 'here', scheme: 'https', protocol: 'http' }
    const { publicUrl = '' } = await openAtEdge(app.port, { password, link }, way)
    const options = { ca: world.ca, h2: true }
    assert.equal((await visit(publicUrl, options)).status, 401)
    assert.equal((await visit(publicUrl, { ...options, body: 'x'.repeat(100_000) })).status, 401)
    const token = makeToken(link, { expiresAt: Date.now() + 60_000 })
    const first = await visit(linkUrl(publicUrl, token), options)
    assert.equal(first.status, 303)
    assert.equal(app.connections.length, 0, 'not a connection')
    const [cookie = ''] = first.headers['set-cookie'] ?? []
    const headers = { cookie: cookie.replace(/;.*/, '') }
    assert.equal((await visit(publicUrl, { ...options, headers })).status, 200)
    assert.equal((await visit(publicUrl, { ...options, headers: right })).status, 200)
    const heads = app.connections.map(({ text }) => text).join('')
    assert.doesNotMatch(heads, /authorization|expose-port-link/i)
  })

  it('a proxy that lets visitors say who they are is not believed', async () => {
    const app = await recorder()
    const access = { allow: ['127.0.0.7'] }
    const { url, options } = await exposeApp(scope, world, { port: app.port, access, bare: true })
    const headers = { 'x-forwarded-for': '127.0.0.7', 'x-real-ip': '127.0.0.7' }
    const refused = await visit(url, { ...options, headers, from: '127.0.0.7' })
    assert.equal(refused.status, 403)
    assert.match(String(refused.body), /proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;/)
    assert.equal(app.connections.length, 0)
  })

  it('plain TCP goes by addresses, and a rule that cannot be held there lets nobody in', async () => {
    const app = await startRawApp(scope, () => undefined)
    const way = { tls: 'none', scheme: 'tcp', protocol: 'tcp' }
    const tunnel = await openAtEdge(app.port, { allow: ['127.0.0.7'] }, way)
    assert.ok(tunnel.state.kind === 'open' && tunnel.state.check === 'passed', JSON.stringify(tunnel.state))
    const port = Number(new URL(tunnel.publicUrl!).port)
    const call = async (localAddress: string) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress })
      scope.add(() => socket.destroy())
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write('hello')
      return socket
    }
    const isTurnedAway = async (address: string) => {
      const socket = await call(address)
      if (!socket.destroyed) await once(socket, 'close')
    }
    await isTurnedAway('127.0.0.8')
    assert.equal(app.connections.length, 0, 'not a connection')
    await call('127.0.0.7')
    await waitUntil('the app to hear', () => app.connections[0]?.text === 'hello')
    tunnel.setGate({ access: { password } })
    await isTurnedAway('127.0.0.7')
    assert.equal(app.connections.length, 1)
  })

  /** With a path that no URL would keep. */
  async function rawly(url: string, path: string, options: Open['options']): Promise<Visit> {
    const { hostname, port } = new URL(url)
    const address = options.address ?? '127.0.0.1'
    const asked = request({
      ...{ host: address, port, path, servername: hostname, agent: false },
      headers: { host: `${hostname}:${port}` },
      ca: options.ca?.certPem,
    }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return { status: response.statusCode ?? 0, headers: {}, body: Buffer.alloc(0) }
  }
})

describe('access rules, straight into the gate', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function gate(rules: AccessRules, { isKnown = true, clock = new FakeClock() } = {}) {
    const app = await startRawApp(scope, (socket) => socket.write(okay))
    const { accept } = startForward(scope, app, {
      clock,
      before: [
        accessRules({
          rules: () => rules,
          addressSource: () => (isKnown ? 'connection' : 'nobody'),
          publicUrl: () => 'https://dev.example.com',
          clock,
        }),
      ],
    })
    return { app, clock, accept, edge: await startEdge(scope, accept) }
  }

  it('is closed after the hour, though no timer has rung', async () => {
    const { app, edge, clock } = await gate({ closesAt: new FakeClock().now() + 1000 })
    assert.equal((await visit(`http://127.0.0.1:${edge.port}`)).status, 200)
    await clock.advance(1000)
    const late = await visit(`http://127.0.0.1:${edge.port}`)
    assert.equal(late.status, 410)
    assert.match(String(late.body), /This address is closed/)
    assert.equal(app.connections.length, 1)
  })

  it('keeps a connection for who tries again with the password', async () => {
    const { app, edge } = await gate({ password })
    const visitor = RawVisitor.call(
      scope,
      edge.port,
      'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc',
    )
    await waitUntil('the answer', () => visitor.text.endsWith('</html>\n'))
    assert.match(visitor.text, /^HTTP\/1\.1 401 Unauthorized\r\n/)
    visitor.text = ''
    visitor.socket.write(`GET /b HTTP/1.1\r\nHost: x\r\nAuthorization: ${right.authorization}\r\n\r\n`)
    await waitUntil('the app’s answer', () => visitor.text.endsWith('\r\n\r\nok'))
    assert.equal(app.connections.length, 1)
    assert.doesNotMatch(app.connections[0]?.text ?? '', /abc|Authorization/)
  })

  it('ends a refused visitor who sends without an end', async () => {
    const { app, edge } = await gate({ password })
    const visitor = RawVisitor.call(
      scope,
      edge.port,
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    await waitUntil('the end', () => {
      if (!visitor.closed) visitor.socket.write(chunk)
      return visitor.closed
    })
    assert.equal(app.connections.length, 0)
  })

  it('ends the connection of who waits for 100 Continue', async () => {
    const { app, edge } = await gate({ password })
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n'
    const visitor = RawVisitor.call(scope, edge.port, head)
    await waitUntil('the end', () => visitor.ended)
    assert.match(visitor.text, /^HTTP\/1\.1 401 /)
    assert.equal(app.connections.length, 0)
  })

  it('slows who guesses passwords, and nobody else', async () => {
    const { app, edge, accept, clock } = await gate({ password })
    const other = await startEdge(scope, accept, { address: '198.51.100.10', port: 1 })
    const guess = (text: string, { port } = edge) =>
      visit(`http://127.0.0.1:${port}`, { headers: basic(`a:${text}`) })
    for (let at = 0; at < 10; at++) assert.equal((await guess(String(at))).status, 401)
    const slowed = await guess('correct horse é')
    assert.deepEqual([slowed.status, slowed.headers['retry-after']], [429, '6'])
    assert.equal(app.connections.length, 0, 'not a connection')
    assert.equal((await guess('correct horse é', other)).status, 200)
    await clock.advance(6000)
    assert.equal((await guess('correct horse é')).status, 200)
  })

  it('lets each wrong password of a visitor it does not know take its time, and never the right one', async () => {
    const { app, edge, clock } = await gate({ password }, { isKnown: false })
    const url = `http://127.0.0.1:${edge.port}`
    let answered = 0
    const wrong = Array.from({ length: 20 }, (_, at) =>
      visit(url, { headers: basic(`a:${at}`) }).then(({ status }) => {
        answered++
        return status
      }),
    )
    await waitUntil('all of them to wait', () => clock.pending.filter((ms) => ms === 1000).length === 20)
    assert.equal((await visit(url, { headers: right })).status, 200)
    assert.equal(answered, 0)
    const gone = RawVisitor.call(
      scope,
      edge.port,
      `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic('a:b').authorization}\r\n\r\n`,
    )
    await waitUntil('another to wait', () => clock.pending.filter((ms) => ms === 1000).length === 21)
    gone.socket.destroy()
    await waitUntil(
      'nobody to wait for who has gone',
      () => clock.pending.filter((ms) => ms === 1000).length === 20,
    )
    await clock.advance(1000)
    assert.deepEqual(new Set(await Promise.all(wrong)), new Set([401]))
    assert.equal(app.connections.length, 1)
  })
})
