import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { LocalApp } from '../../../src/tunnels/localApp'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
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
