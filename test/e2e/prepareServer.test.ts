import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGatewayWorld, type GatewayWorld } from '../support/gatewayWorld'
import { Scope } from '../support/scope'
import { createTestCa } from '../support/testCa'
import { waitUntil } from '../support/waitUntil'
import { openDesk, type BareDesk } from './desk'

/** A bare Debian in namespaces of its own; the extension logs in there as somebody who may use sudo. */
describe('preparing a server in a window of VS Code', function () {
  this.timeout(180_000)
  // RFC 6761 6.2: no name below it ever resolves, as before somebody has made the entry in DNS.
  const domain = 'dev.example.test'
  let scope: Scope
  let world: GatewayWorld
  let desk: BareDesk
  let bare: string[]

  before(async function () {
    this.timeout(300_000)
    scope = new Scope()
    world = await startGatewayWorld(scope)
    const tunnelKey = await world.newKey('me@laptop')
    desk = await openDesk(scope, {
      version: '1.139',
      ca: await createTestCa(scope),
      before: ({ dirs }) => {
        const folder = join(dirs.home, '.ssh')
        mkdirSync(folder)
        const host = [`HostName ${world.server.address}`, 'User admin', `IdentityFile ${world.key.path}`]
        writeFileSync(join(folder, 'config'), `Host bare\n${host.map((line) => `  ${line}\n`).join('')}`)
        writeFileSync(join(folder, 'known_hosts'), `${world.server.knownHostsLine}\n`)
        copyFileSync(tunnelKey.path, join(folder, 'id_tunnel'))
        copyFileSync(`${tunnelKey.path}.pub`, join(folder, 'id_tunnel.pub'))
      },
    })
    bare = world.server.etc()
  })
  after(() => scope.close())

  /** From the command to the question of what to do there. */
  async function begin(): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Prepare a Server…')
    await window.quickInput(({ placeholder }) => placeholder.startsWith('Which server?'))
    await window.pick('bare')
    const password = await window.quickInput(({ isPassword }) => isPassword)
    assert.match(password.title, /^(Password for sudo|Wrong password, try again)$/)
    await window.type(world.password)
    await window.press('Enter')
  }

  /** Up to the dialog that asks whether it shall be done. */
  async function plan(): Promise<void> {
    const { window } = desk
    await begin()
    await window.quickInput(({ title }) => title === 'Prepare bare: the domain')
    await window.type('not a domain')
    await window.quickInput(({ message }) => message.startsWith('Write a domain of yours'))
    await window.type(domain)
    await window.quickInput(({ message }) => message.includes(`*.${domain}. A ${world.server.address}`))
    await window.screenshot('30-domain')
    await window.press('Enter')
    await window.quickInput(({ title }) => title === 'Prepare bare: the key')
    await window.screenshot('31-key')
    await window.pick('~/.ssh/id_tunnel.pub')
  }

  it('shows what it would do, and changes nothing when it is cancelled', async () => {
    const { window } = desk
    await plan()
    const modal = await window.modal()
    assert.equal(modal.message, `Prepare bare for ${domain}?`)
    assert.match(modal.detail, new RegExp(`https://NAME\\.${domain.replaceAll('.', '\\.')}`))
    assert.match(modal.detail, /It can be undone at any time/)
    assert.deepEqual([...modal.buttons].sort(), ['Cancel', 'Prepare', 'Show Script'])
    await window.page.locator('.tab', { hasText: 'Plan for bare.txt' }).waitFor()
    await window.screenshot('32-plan')
    await modal.click('Show Script')
    const question = await window.toast(`Prepare bare for ${domain}?`)
    assert.deepEqual(question.buttons, ['Prepare', 'Cancel'])
    await window.page.locator('.tab', { hasText: 'prepare-gateway.sh' }).waitFor()
    await window.screenshot('33-script')
    await window.clickToastButton('Cancel')
    assert.deepEqual(world.server.etc(), bare)
    assert.doesNotMatch(await window.outputText('Expose Port'), new RegExp(world.password))
  })

  it('prepares it, says that the names do not resolve yet, and saves it when told to', async () => {
    const { window, server } = desk
    await plan()
    await (await window.modal()).click('Prepare')
    await window.see(
      'the step it is at',
      ({ toasts }) => toasts.find(({ message }) => /Preparing bare: \d+\/\d+ /.test(message)),
      30_000,
    )
    await window.screenshot('34-preparing')
    const toast = await window.see(
      'what is missing in DNS',
      ({ toasts }) => toasts.find(({ message }) => message.includes('do not resolve yet')),
      90_000,
    )
    assert.match(toast.message, new RegExp(`\\*\\.dev\\.example\\.test\\. A ${world.server.address}`))
    assert.deepEqual(toast.buttons, ['Check Again', 'Save Anyway'])
    await window.screenshot('35-names-missing')
    await window.clickToastButton('Save Anyway')
    await window.toast('bare is a gateway now, and in your settings as "bare".')
    const saved: unknown = JSON.parse(
      readFileSync(join(server.dirs.userData, 'Machine', 'settings.json'), 'utf8'),
    )
    assert.deepEqual(saved, {
      'exposePort.servers': { bare: { ssh: 'expose@bare', identityFile: '~/.ssh/id_tunnel' } },
    })
    assert.notDeepEqual(world.server.etc(), bare)
  })

  it('knows that it is prepared, and puts it back', async () => {
    const { window } = desk
    await window.runCommand('Notifications: Clear All Notifications')
    await begin()
    await window.quickInput(({ title }) => title === `bare is prepared for ${domain}`)
    await window.screenshot('36-manage')
    await window.pick('Uninstall…')
    const modal = await window.modal()
    assert.match(modal.detail, /Every tunnel through it ends/)
    await modal.click('Uninstall')
    await window.see(
      'that it is done',
      ({ toasts }) => toasts.find(({ message }) => message.includes('the server is as it was before')),
      60_000,
    )
    await waitUntil('its files to be as before', () => {
      assert.deepEqual(world.server.etc(), bare)
      return true
    })
  })
})
