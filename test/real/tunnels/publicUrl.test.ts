import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'
import { Failure } from '../../../src/base/failure'
import type { Server } from '../../../src/servers/server'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { TunnelsOptions } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { startNginx, type Nginx } from '../../support/nginx'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { createTestCa, type IssueOptions } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('what is wrong with a public URL, named before anybody pastes it, and gone once it is cured', () => {
  let scope: Scope
  let world: World
  let app: EchoApp
  const signal = new AbortController().signal
  const hour = 3_600_000

  beforeEach(async () => {
    scope = new Scope()
    world = await startWorld(scope)
    app = await startEchoApp(scope)
  })
  afterEach(() => scope.close())

  const expose = (server: Server, options: Partial<TunnelsOptions> = {}) =>
    world.tunnels(scriptedPrompts(), options).open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server,
      name: 'bot',
      signal,
    })

  function failureOf({ state }: Tunnel): Failure {
    const check = state.kind === 'open' ? state.check : undefined
    assert.ok(check instanceof Failure, JSON.stringify(state))
    assert.equal(check.hop, 'public URL')
    assert.deepEqual(app.requests, [], 'nothing of it reaches the app')
    return check
  }

  /** "Retry now", which a person need not press: the next check by itself comes seconds later. */
  async function isCured(tunnel: Tunnel): Promise<void> {
    tunnel.retryNow()
    await waitUntil(
      () => `the warning to go: ${JSON.stringify(tunnel.state)}`,
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    assert.equal((await visit(`${tunnel.publicUrl}/hello`, { ca: world.ca })).status, 200)
    await tunnel.stop()
  }

  /** Through nginx of this test's own, whose certificates are as `issue` says at each reload. */
  async function throughNginx(issue: () => Partial<IssueOptions>): Promise<{ nginx: Nginx; server: Server }> {
    const ca = { ...world.ca, issue: (options: IssueOptions) => world.ca.issue({ ...options, ...issue() }) }
    const { socketDirectory } = world
    const servers = [{ kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory }] as const
    const nginx = await startNginx(scope, { ca, servers })
    const named = world.namedUrls()
    const profile = { ...named.profile, publicUrl: nginx.url('{name}.dev.localhost') }
    return { nginx, server: { ...named, profile } }
  }

  describe('DNS that leads to another machine', () => {
    let elsewhere: EchoApp
    let leadsTo: string
    const lookup: LookupFunction = (_, options, callback) =>
      options.all === true ? callback(null, [{ address: leadsTo, family: 4 }]) : callback(null, leadsTo, 4)

    beforeEach(() => {
      leadsTo = '127.0.0.2'
    })

    async function otherMachine(options: { names: readonly string[]; from?: World['ca'] }): Promise<void> {
      const { names, from = world.ca } = options
      // The same port of another address, as another machine would have it.
      const where = { host: '127.0.0.2', port: world.nginx.httpsPort }
      elsewhere = await startEchoApp(scope, { ...where, tls: await from.issue({ names }) })
    }

    it('is named, with where it leads and where it should', async () => {
      await otherMachine({ names: ['*.dev.localhost'] })
      const tunnel = await expose(world.namedUrls(), { lookup })
      const failure = failureOf(tunnel)
      assert.equal(failure.kind, 'dns-elsewhere')
      assert.equal(failure.message, 'bot.dev.localhost points to 127.0.0.2, not to the server at 127.0.0.1.')
      assert.equal(elsewhere.requests.length, 1, 'the question went there')
      leadsTo = '127.0.0.1'
      await isCured(tunnel)
    })

    it('is named rather than the certificate that the other machine has', async () => {
      await otherMachine({ names: ['shop.example.com'], from: await createTestCa(scope) })
      const tunnel = await expose(world.namedUrls(), { lookup })
      const failure = failureOf(tunnel)
      assert.equal(failure.kind, 'dns-elsewhere')
      assert.match(failure.said ?? '', /certificate/)
      leadsTo = '127.0.0.1'
      await isCured(tunnel)
    })

    it('is named where nothing answers there', async () => {
      const tunnel = await expose(world.namedUrls(), { lookup })
      const failure = failureOf(tunnel)
      assert.equal(failure.kind, 'dns-elsewhere')
      assert.match(failure.said ?? '', /ECONNREFUSED 127\.0\.0\.2/)
      leadsTo = '127.0.0.1'
      await isCured(tunnel)
    })
  })

  it('a certificate that has expired', async () => {
    let notAfter = new Date(Date.now() - hour)
    const { nginx, server } = await throughNginx(() => ({ notAfter }))
    const tunnel = await expose(server)
    const failure = failureOf(tunnel)
    assert.equal(failure.kind, 'certificate-expired')
    assert.equal(failure.message, 'The certificate of bot.dev.localhost has expired.')
    assert.match(failure.advice, /Renew it on the server/)
    notAfter = new Date(Date.now() + hour)
    await nginx.reload()
    await isCured(tunnel)
  })

  it('a certificate for another name', async () => {
    let names = ['other.dev.localhost']
    const { nginx, server } = await throughNginx(() => ({ names }))
    const tunnel = await expose(server)
    const failure = failureOf(tunnel)
    assert.equal(failure.kind, 'certificate-wrong-name')
    assert.match(failure.advice, /covers bot\.dev\.localhost/)
    assert.match(failure.said ?? '', /other\.dev\.localhost/)
    names = ['*.dev.localhost']
    await nginx.reload()
    await isCured(tunnel)
  })

  it('a certificate of an authority that nobody knows', async () => {
    const tunnel = await expose({ ...world.namedUrls(), ca: (await createTestCa(scope)).certPem })
    const failure = failureOf(tunnel)
    assert.equal(failure.kind, 'certificate-untrusted')
    assert.match(failure.message, /not trusted by this machine/)
    assert.ok(failure.said)
    await tunnel.stop()
  })

  it('a proxy that is down', async () => {
    await world.nginx.stop()
    const tunnel = await expose(world.namedUrls())
    const failure = failureOf(tunnel)
    assert.equal(failure.kind, 'proxy-down')
    assert.equal(failure.message, `Nothing listens at bot.dev.localhost:${world.nginx.httpsPort}.`)
    assert.match(failure.advice, /Start the reverse proxy/)
    await world.nginx.start()
    await isCured(tunnel)
  })
})
