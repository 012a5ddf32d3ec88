import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import type { Bind, OwnProfile, ServerProfile } from '../../../src/servers/profile'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { systemClock } from '../../../src/base/clock'
import { fileCertificate } from '../../../src/tls/fileCertificate'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { startCaddy } from '../../support/caddy'
import { freePort } from '../../support/freePort'
import { startNginx } from '../../support/nginx'
import { startNginxStream } from '../../support/nginxStream'
import { Scope } from '../../support/scope'
import { addressSeenByApp, checkAll, makeLargeFile } from '../../support/visitor'
import { launchChromium } from '../../support/vscode/chromium'
import { startWorld, type World } from '../../support/world'

/**
 * Each way of being public that the settings know, with Debian's sshd, nginx and Caddy: what a visitor gets through
 * it. Services are in test/real/services, a gateway on a bare machine in test/real/gateway.
 */
describe('every way of being public', function () {
  this.timeout(120_000)
  const scope = new Scope()
  let world: World
  let browser: BrowserContext
  let large: string
  let files: { keyPath: string; certPath: string }

  before(async () => {
    world = await startWorld(scope, { config: ['GatewayPorts clientspecified', `Banner ${banner()}`] })
    browser = await launchChromium(scope)
    large = await makeLargeFile(scope)
    files = await world.ca.issue({ names: ['dev.localhost', '*.dev.localhost'] })
  })
  after(() => scope.close())

  const directory = () => world.socketDirectory
  function banner(): string {
    const path = join(scope.tempDir('banner'), 'banner')
    writeFileSync(path, 'Welcome.\n')
    return path
  }

  /** One port, or both ends of a range. */
  const tcp = (host: string, firstPort: number, lastPort = firstPort): Bind => ({
    ...{ kind: 'tcp', host, firstPort, lastPort },
  })
  const sockets = (folder: string): Bind => ({ kind: 'unix', path: `${folder}/{name}.sock` })
  const free = () => freePort()

  interface Way {
    readonly what: string
    readonly h2: boolean
    /** What the app is told of a visitor's address. */
    readonly address: 'told' | 'unknown'
    readonly appTls?: true
    /** The fields of a profile, once its servers run. */
    readonly fields: (
      own: Scope,
    ) => Promise<Pick<OwnProfile, 'bind' | 'publicUrl' | 'tls'> & Partial<OwnProfile>>
  }

  const rows: Way[] = [
    {
      ...{ what: 'nginx in front of one port', h2: true, address: 'told' },
      fields: async (own) => {
        const port = await free()
        const servers = [{ kind: 'port', name: 'dev.localhost', upstreamPort: port }] as const
        const nginx = await startNginx(own, { ca: world.ca, servers })
        return { bind: tcp('127.0.0.1', port), publicUrl: nginx.url('dev.localhost'), tls: 'server' }
      },
    },
    {
      ...{ what: 'nginx with named URLs', h2: true, address: 'told' },
      fields: () =>
        Promise.resolve({
          bind: sockets(directory()),
          publicUrl: world.nginx.url('{name}.dev.localhost'),
          tls: 'server',
        }),
    },
    {
      ...{ what: 'nginx with a port range behind numbered names', h2: true, address: 'told' },
      fields: async (own) => {
        const firstPort = await free()
        const range = { firstPort, lastPort: firstPort + 9 }
        const servers = [{ kind: 'range', baseDomain: 'dev.localhost', ...range }] as const
        const nginx = await startNginx(own, { ca: world.ca, servers })
        const bind = tcp('127.0.0.1', firstPort, firstPort + 9)
        return { bind, publicUrl: nginx.url('p{port}.dev.localhost'), tls: 'server' }
      },
    },
    {
      ...{ what: 'Caddy in front of one port', h2: true, address: 'told' },
      fields: async (own) => {
        const port = await free()
        const sites = [{ kind: 'port', name: 'dev.localhost', upstreamPort: port }] as const
        const caddy = await startCaddy(own, { ca: world.ca, sites })
        return { bind: tcp('127.0.0.1', port), publicUrl: caddy.url('dev.localhost'), tls: 'server' }
      },
    },
    {
      ...{ what: 'Caddy with named URLs', h2: true, address: 'told' },
      fields: async (own) => {
        const sites = [
          { kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory: directory() },
        ] as const
        const caddy = await startCaddy(own, { ca: world.ca, sites })
        return { bind: sockets(directory()), publicUrl: caddy.url('{name}.dev.localhost'), tls: 'server' }
      },
    },
    {
      ...{ what: 'a public port, HTTPS ended by the app', h2: false, address: 'unknown', appTls: true },
      fields: async () => {
        const port = await free()
        return { bind: tcp('0.0.0.0', port), publicUrl: `https://dev.localhost:${port}`, tls: 'app' }
      },
    },
    {
      ...{ what: 'a public port, HTTPS ended on this machine', h2: true, address: 'told' },
      fields: async () => {
        const port = await free()
        return { bind: tcp('0.0.0.0', port), publicUrl: `https://dev.localhost:${port}`, tls: 'here' }
      },
    },
    {
      ...{ what: 'TLS passed through by name, ended on this machine', h2: true, address: 'told' },
      fields: async (own) => {
        const folder = join(own.tempDir('e2e'), 'run')
        mkdirSync(folder)
        const stream = await startNginxStream(own, { baseDomain: 'dev.localhost', socketDirectory: folder })
        const publicUrl = `https://{name}.dev.localhost:${stream.port}`
        return { bind: sockets(folder), publicUrl, tls: 'here', proxyProtocol: true }
      },
    },
    {
      ...{ what: 'a public port with plain HTTP', h2: false, address: 'told' },
      fields: async () => {
        const port = await free()
        return { bind: tcp('0.0.0.0', port), publicUrl: `http://dev.localhost:${port}`, tls: 'none' }
      },
    },
    {
      ...{ what: 'public ports with plain TCP', h2: false, address: 'unknown' },
      fields: async () => {
        const firstPort = await free()
        const bind = tcp('0.0.0.0', firstPort, firstPort + 9)
        return { bind, publicUrl: 'tcp://dev.localhost:{port}', tls: 'none' }
      },
    },
  ]

  let count = 0
  for (const row of rows) {
    const told = row.address === 'told' ? 'tells the app who calls' : 'cannot tell the app who calls'
    it(`${row.what}: carries all that visitors do, and ${told}`, async () => {
      const own = new Scope()
      try {
        await visitAll(own, row)
      } finally {
        await own.close()
      }
    })
  }

  /** What the scope owns is gone before the check for leaks: a reverse proxy may keep connections to the app. */
  async function visitAll(own: Scope, row: Way): Promise<void> {
    const app = await startEchoApp(own, row.appTls === true ? { tls: await appCertificate() } : {})
    const tunnel = await expose(own, app, await row.fields(own))
    const state = JSON.stringify(tunnel.state)
    assert.ok(tunnel.state.kind === 'open' && tunnel.state.check === 'passed', state)
    assert.deepEqual(app.requests, [], 'the check never reaches the app')
    const url = tunnel.publicUrl!.replace(/^tcp:/, 'http:')
    const outsider = { url, h2: row.h2, ca: url.startsWith('https:') ? world.ca : undefined }
    await checkAll(outsider, { browser, large })
    const address = await addressSeenByApp(outsider, '127.0.0.7')
    assert.equal(address, row.address === 'told' ? '127.0.0.7' : undefined)
  }

  async function appCertificate(): Promise<{ keyPem: string; certPem: string }> {
    return world.ca.issue({ names: ['dev.localhost'] })
  }

  async function expose(
    own: Scope,
    app: EchoApp,
    fields: Pick<OwnProfile, 'bind' | 'publicUrl' | 'tls'> & Partial<OwnProfile>,
  ): Promise<Tunnel> {
    const one = world.oneUrl()
    const profile: ServerProfile = { ...one.profile, ...fields, id: `way-${++count}` }
    const tunnels = world.tunnels(undefined, {
      certificateFor: ({ publicUrl }) => {
        const hostName = new URL(publicUrl).hostname
        return fileCertificate({ ...files, hostName, clock: systemClock, log: world.log })
      },
    })
    own.add(() => tunnels.stopAll())
    return tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: app.url.startsWith('https:') ? 'https' : 'http' },
      server: { ...one, profile },
      name: `app-${count}`,
      signal: new AbortController().signal,
    })
  }
})
