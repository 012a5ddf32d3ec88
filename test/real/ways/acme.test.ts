import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import { join } from 'node:path'
import { Failure } from '../../../src/base/failure'
import type { OwnProfile } from '../../../src/servers/profile'
import { acmeCertificate } from '../../../src/tls/acmeCertificate'
import { CertificateStore } from '../../../src/tls/certificateStore'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { JumpClock } from '../../support/jumpClock'
import { startPebble, type Pebble } from '../../support/pebble'
import { Scope } from '../../support/scope'
import { curl } from '../../support/visitor'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

const year = 365 * 24 * 3_600_000
const name = 'bot.dev.test'

/** A real ACME server checks the name by TLS-ALPN-01 through sshd and the tunnel itself. */
describe('a tunnel whose HTTPS ends here, with a certificate by ACME', function () {
  this.timeout(60_000)
  const scope = new Scope()
  let world: World
  let pebble: Pebble
  let port: number
  let rootFile: string
  let rootPem: string
  let storeDirectory: string

  before(async () => {
    world = await startWorld(scope, { config: ['GatewayPorts clientspecified'] })
    port = await freePort()
    pebble = await startPebble(scope, { ca: world.ca, tlsPort: port, names: [name] })
    rootPem = await pebble.rootPem()
    const directory = scope.tempDir('acme')
    rootFile = join(directory, 'root.pem')
    writeFileSync(rootFile, rootPem)
    storeDirectory = join(directory, 'certificates')
  })
  after(() => scope.close())

  let own: Scope
  let clock: JumpClock
  let app: EchoApp
  beforeEach(async () => {
    own = new Scope()
    clock = new JumpClock()
    app = await startEchoApp(own)
  })
  afterEach(() => own.close())

  /** As a window of VS Code that has just been opened: nothing in memory, the same folder. */
  function newWindow(): Tunnels {
    const store = new CertificateStore(storeDirectory, world.log)
    const tunnels = world.tunnels(undefined, {
      lookup: everyNameIsHere,
      certificateFor: ({ publicUrl }) =>
        acmeCertificate({
          ...{ hostName: new URL(publicUrl).hostname, store, clock, log: world.log },
          ...{ directoryUrl: pebble.directoryUrl, caFile: pebble.caFile },
          agreeToTerms: () => Promise.resolve(true),
        }),
    })
    own.add(() => tunnels.stopAll())
    return tunnels
  }

  function expose(tunnels: Tunnels, hostName = name): Promise<Tunnel> {
    const one = world.oneUrl()
    const profile: OwnProfile = {
      ...one.profile,
      bind: { kind: 'tcp', host: '0.0.0.0', firstPort: port, lastPort: port },
      publicUrl: `https://${hostName}:${port}`,
      tls: 'here',
      certificate: 'acme',
    }
    return tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: { ...one, profile, ca: rootPem },
      name: 'bot',
      signal: new AbortController().signal,
    })
  }

  const visit = () => {
    const resolve = ['--resolve', `${name}:${port}:127.0.0.1`]
    return curl({ url: `https://${name}:${port}/`, ca: { certPem: rootPem, certPath: rootFile } }, resolve)
  }

  /** Events that go on while the test does something else. */
  async function listenToEvents(): Promise<{
    response: IncomingMessage
    serial: string
    text: () => string
  }> {
    const asked = request(`https://${name}:${port}/sse`, {
      ...{ ca: rootPem, lookup: everyNameIsHere, agent: false },
    }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    own.add(() => void response.destroy())
    return { response, serial: serialOf(response), text: () => text }
  }

  it('gets its first certificate through the tunnel, and a visitor trusts it', async () => {
    const tunnel = await expose(newWindow())
    assert.ok(tunnel.state.kind === 'open', JSON.stringify(tunnel.state))
    assert.equal(tunnel.state.check, 'passed')
    assert.equal((JSON.parse(await visit()) as { url: string }).url, '/')
    assert.equal(pebble.orders, 1)
  })

  it('uses the stored certificate after a restart, without an order', async () => {
    const before = pebble.orders
    const tunnel = await expose(newWindow())
    assert.equal(tunnel.state.kind === 'open' && tunnel.state.check, 'passed')
    await visit()
    assert.equal(pebble.orders, before)
  })

  it('renews it while a visitor’s events run unbroken, and new visitors get the new one', async () => {
    await expose(newWindow())
    const events = await listenToEvents()
    await waitUntil('the first event', () => events.text().includes('event 1'))
    const before = pebble.orders
    clock.jump(4 * year)
    await waitUntil('the renewal', () => pebble.orders === before + 1)
    await waitUntil('the new certificate', async () => (await listenToEvents()).serial !== events.serial)
    assert.match(events.text(), /event 3/)
    assert.equal(events.response.destroyed, false, 'the first visitor is still there')
  })

  it('says in the tunnel that it could not be renewed, and when that has passed', async () => {
    const tunnel = await expose(newWindow())
    pebble.dns.set(name, undefined)
    const check = () => (tunnel.state.kind === 'open' ? tunnel.state.check : undefined)
    try {
      clock.jump(4 * year)
      await waitUntil('the warning', () => check() instanceof Failure)
    } finally {
      pebble.dns.set(name, '127.0.0.1')
    }
    const failure = check()
    assert.ok(failure instanceof Failure)
    assert.equal(failure.kind, 'certificate-not-renewed')
    assert.match(`${failure.message} ${failure.advice}`, /stays while it is valid.*next try is at 20/s)
    clock.jump(year)
    await waitUntil('the renewal', () => check() === 'passed')
  })

  it('says why, when the authority refuses: nothing is left open', async () => {
    const tunnels = newWindow()
    const error = await expose(tunnels, 'unknown.dev.test').then(
      () => assert.fail('it opened'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.hop, 'certificate')
    assert.match(`${error.message} ${error.said} ${error.advice}`, /unknown\.dev\.test.*DNS/s)
    assert.deepEqual(tunnels.all, [])
    await waitUntil('sshd to stop listening', async () => (await world.sshd.listeners()).length === 0)
  })
})

function serialOf(response: IncomingMessage): string {
  const { raw } = (
    response.socket as unknown as { getPeerCertificate(): { raw: Buffer } }
  ).getPeerCertificate()
  return new X509Certificate(raw).serialNumber
}

const everyNameIsHere: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}
