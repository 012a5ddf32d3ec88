import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/freePort'
import { startPebble, type Pebble } from '../support/pebble'
import { visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { startSshd, type ClientKey, type Sshd } from '../support/sshd'
import { createTestCa, type TestCa } from '../support/testCa'
import { startTunnelService, type TunnelService } from '../support/tunnelService'
import { waitUntil } from '../support/waitUntil'
import { openDesk, startBot, statusItem, type BareDesk, type Bot } from './desk'

/** What only a person can agree to: an authority's terms, and somebody else's server in between. */
describe('other ways of being public in a window of VS Code', function () {
  this.timeout(180_000)
  const name = 'bot-here.localhost'
  let scope: Scope
  let ca: TestCa
  let sshd: Sshd
  let key: ClientKey
  let pebble: Pebble
  let service: TunnelService
  let httpsPort: number
  let rootPem: string
  let desk: BareDesk
  let bot: Bot

  before(async () => {
    scope = new Scope()
    ca = await createTestCa(scope)
    sshd = await startSshd(scope, { config: ['GatewayPorts clientspecified'] })
    key = await sshd.newClientKey()
    httpsPort = await freePort()
    pebble = await startPebble(scope, { ca, tlsPort: httpsPort, names: [name] })
    rootPem = await pebble.rootPem()
    const trusted = join(scope.tempDir('trusted'), 'roots.pem')
    writeFileSync(trusted, `${readFileSync(ca.certPath, 'utf8')}\n${rootPem}`)
    service = await startTunnelService(scope, { service: 'sish', ca })
    service.knownKeys.push(key.publicKey)
    desk = await openDesk(scope, {
      version: '1.139',
      ca: { certPath: trusted },
      machineSettings: {
        'exposePort.servers': {
          here: {
            ssh: `${sshd.user}@127.0.0.1:${sshd.port}`,
            identityFile: key.path,
            bind: `0.0.0.0:${httpsPort}`,
            publicUrl: `https://${name}:${httpsPort}`,
            tls: 'here',
            certificate: 'acme',
          },
          friends: {
            service: { sish: `127.0.0.1:${service.port}` },
            domain: service.domain,
            identityFile: key.path,
          },
        },
        'exposePort.acme.directory': pebble.directoryUrl,
        'exposePort.acme.caFile': pebble.caFile,
      },
    })
    bot = await startBot(scope, desk.folder)
  })
  after(() => scope.close())

  async function pickServer(server: string): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Expose Port')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which port'))
    await window.type(String(bot.port))
    await window.pick(String(bot.port))
    await window.quickInput(({ placeholder }) => placeholder.includes('Where should'))
    await window.pick(server)
  }

  /** The first time; answers what was asked. */
  async function exposeThrough(server: string): Promise<string> {
    await pickServer(server)
    const consent = await desk.window.modal()
    await consent.click('Expose')
    return consent.detail
  }

  const noStatusItem = () =>
    desk.window.see('no status item', ({ statusItems }) =>
      statusItems.some(({ id }) => id === statusItem) ? undefined : true,
    )

  it('asks an authority for nothing until its terms are agreed to, and opens nothing after a no', async () => {
    const { window } = desk
    assert.match(
      await exposeThrough('here'),
      /HTTPS ends on this machine: the server 127\.0\.0\.1 passes it on and cannot read it/,
    )
    await (await window.modal()).click('Trust and Remember')
    const terms = await window.modal()
    assert.equal(terms.message, 'Get a certificate from the authority?')
    assert.match(terms.detail, /public log of certificates.*terms of service:\s*data:/s)
    await window.screenshot('29-terms')
    await terms.click('Cancel')
    await noStatusItem()
    await waitUntil('sshd to stop listening', async () => (await sshd.listeners()).length === 0)
    assert.equal(pebble.signedRequests, 0)
  })

  it('ends HTTPS on this machine, with a certificate that came through the tunnel itself', async () => {
    const { window } = desk
    await pickServer('here')
    await (await window.modal()).click('Agree')
    const url = `https://${name}:${httpsPort}`
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${url}`))
    const answer = await visit(`${url}/api/echo`, { ca: { certPem: rootPem } })
    assert.equal(answer.status, 200)
    await window.screenshot('30-https-here')
    await window.runCommand('Expose Port: Stop All')
    await noStatusItem()
  })

  it('says who runs a tunnel service before anything is sent there, and takes its URL', async () => {
    const { window } = desk
    const asked = await exposeThrough('friends')
    assert.match(asked, /HTTPS ends at 127\.0\.0\.1: whoever runs that server can read and change everything/)
    assert.equal(service.logins, 0, 'nobody has logged in before the yes')
    await (await window.modal()).click('Trust and Remember')
    const url = `https://my-bot-${bot.port}.${service.domain}`
    await window.statusItem(statusItem, ({ text }) => text.includes(url))
    assert.equal((await service.visit(`${url}/`)).status, 200)
    // The name is not in DNS, which is said before anybody pastes it anywhere.
    await window.toast(new URL(url).hostname)
    await window.screenshot('31-service')
    await window.runCommand('Expose Port: Stop All')
    await waitUntil('the service to hear the end', () => service.guests.size === 0)
  })
})
