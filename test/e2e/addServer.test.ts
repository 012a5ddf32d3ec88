import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/freePort'
import { startNginx, type Nginx } from '../support/nginx'
import { visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { startSshd, type Sshd } from '../support/sshd'
import { createTestCa, type TestCa } from '../support/testCa'
import { waitUntil } from '../support/waitUntil'
import { openDesk, startBot, statusItem, type BareDesk, type Bot } from './desk'

/**
 * A server with sshd and nginx, whose names below one domain go to sockets, known by two hosts of ssh_config. Nothing
 * of it stands in the settings: the extension finds it out, from nginx's own configuration too, which says the port.
 */
describe('adding a server in a window of VS Code', function () {
  this.timeout(180_000)
  // Names below localhost lead to this machine; another nginx that runs here has others.
  const domain = `dev-${randomBytes(3).toString('hex')}.localhost`
  let scope: Scope
  let ca: TestCa
  let nginx: Nginx
  let sshd: Sshd
  let desk: BareDesk
  let bot: Bot

  before(async () => {
    scope = new Scope()
    ca = await createTestCa(scope)
    const socketDirectory = join(scope.tempDir('server'), 'run')
    mkdirSync(socketDirectory)
    nginx = await startNginx(scope, {
      ca,
      servers: [
        { kind: 'port', name: domain, upstreamPort: await freePort() },
        { kind: 'sockets', baseDomain: domain, socketDirectory },
      ],
    })
    sshd = await startSshd(scope, { config: ['StreamLocalBindUnlink yes'] })
    const key = await sshd.newClientKey()
    const host = (name: string) => [
      `Host ${name}`,
      '  HostName 127.0.0.1',
      `  Port ${sshd.port}`,
      `  User ${sshd.user}`,
      `  IdentityFile ${key.path}`,
    ]
    desk = await openDesk(scope, {
      version: '1.139',
      ca,
      before: ({ dirs }) => {
        mkdirSync(join(dirs.home, '.ssh'))
        writeFileSync(
          join(dirs.home, '.ssh', 'config'),
          [...host('my-vps'), ...host('old-vps'), ''].join('\n'),
        )
        writeFileSync(
          join(dirs.userData, 'Machine', 'settings.json'),
          '{\n  // Mine, by hand.\n  "exposePort.servers": {\n    // None yet.\n  }\n}\n',
        )
      },
    })
    bot = await startBot(scope, desk.folder)
  })
  after(() => scope.close())

  const urlOf = (name: string) => nginx.url(`${name}.${domain}`)
  const savedSettings = () =>
    readFileSync(join(desk.server.dirs.userData, 'Machine', 'settings.json'), 'utf8')

  /** Of the only tunnel. */
  async function changeName(name: string): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Change Name…')
    await window.quickInput(({ title }) => title === `Change the name of port ${bot.port}`)
    await window.type(name)
    await window.quickInput(({ message }) => message === `The URL becomes ${urlOf(name)}`)
    await window.screenshot('23-change-name')
    await window.press('Enter')
  }

  async function pickThePort({ port }: Bot = bot): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Expose Port')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which port'))
    await window.type(String(port))
    await window.pick(String(port))
  }

  it('with no server at all, Expose Port leads from a host of ssh_config to the URL in one go', async () => {
    const { window } = desk
    await pickThePort()
    await window.quickInput(({ placeholder }) => placeholder.includes('Where should'))
    const places = await window.quickPickRows()
    assert.deepEqual(
      places.map(({ label }) => label),
      [
        'my-vps',
        'old-vps',
        'Another server (user@host)…',
        'A tunnel service, no account needed…',
        'Try it on this machine only',
      ],
    )
    await window.screenshot('20-where')
    await window.pick('my-vps')
    await (await window.modal()).click('Trust and Remember')

    await window.quickInput(({ placeholder }) => placeholder.includes('How should'))
    await window.screenshot('21-proposals')
    await window.type(domain)
    const [best] = await window.quickPickRows(([first]) => first?.label.endsWith(domain) === true)
    assert.equal(best?.label, `Each port gets its own name below ${domain}`)
    assert.equal(best.description, '', 'nothing has to be done first')
    assert.equal(best.detail, 'HTTPS ends on the server my-vps: whoever runs it can read the traffic.')
    await window.press('Enter')

    const url = urlOf(`my-bot-${bot.port}`)
    const consent = await window.modal()
    assert.ok(consent.detail.includes(url), consent.detail)
    await consent.click('Expose')
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${url}`))
    assert.equal((await visit(url, { ca })).status, 200)
    assert.equal(sshd.log().match(/Accepted publickey/g)?.length, 1, 'it logs in once')
    const saved = savedSettings()
    assert.match(saved, /\/\/ Mine, by hand\.[^]*\/\/ None yet\./)
    assert.match(saved, /"my-vps": \{\s+"ssh": "my-vps",\s+"bind": .*\s+"publicUrl": "https:\/\/\{name\}/)
    await window.screenshot('22-added-and-exposed')
  })

  it('changes the name of the port, which the URL then has, also the next time', async () => {
    const { window } = desk
    const [before, after] = [urlOf(`my-bot-${bot.port}`), urlOf('hook')]
    await window.runCommand('Expose Port: Change Name…')
    await window.quickInput(({ title }) => title === `Change the name of port ${bot.port}`)
    await window.type('My Hook')
    await window.quickInput(({ message }) => message.includes('write "my-hook"'))
    await window.press('Escape')
    await changeName('hook')
    await window.statusItem(
      statusItem,
      ({ text, ariaLabel }) => ariaLabel.startsWith(`Public URL ${after}`) && !text.includes('+1'),
    )
    assert.equal((await visit(after, { ca })).status, 200)
    assert.equal((await visit(before, { ca })).status, 502)
    await window.toast(`is public at ${after}`)
    assert.equal(await window.readClipboard(), after)

    await window.runCommand('Expose Port: Stop Exposing…')
    await waitUntil('the connection to end', () => sshd.sessionCount() === 0)
    await pickThePort()
    const consent = await window.modal()
    assert.ok(consent.detail.includes(after), consent.detail)
    await consent.click('Expose')
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${after}`))
    const inFolder = readFileSync(join(desk.folder, '.vscode', 'settings.json'), 'utf8')
    assert.deepEqual(JSON.parse(inFolder), { 'exposePort.ports': { [bot.port]: { name: 'hook' } } })
  })

  it('offers another name where the name of a port is that of another tunnel', async () => {
    const { window } = desk
    const second = await startBot(scope, desk.folder, 4000)
    await changeName(`my-bot-${second.port}`)
    await window.statusItem(statusItem, ({ ariaLabel }) =>
      ariaLabel.startsWith(`Public URL ${urlOf(`my-bot-${second.port}`)}`),
    )
    await pickThePort(second)
    await (await window.modal()).click('Expose')
    const toast = await window.toast(`already leads to port ${bot.port}`)
    assert.ok(toast.buttons.includes('Change Name…'), toast.buttons.join())
    await window.screenshot('28-name-taken')
    await window.clickToastButton('Change Name…')
    await window.quickInput(({ title }) => title === `Change the name of port ${second.port}`)
    await window.type('second')
    await window.press('Enter')
    await (await window.modal()).click('Expose')
    await window.statusItem(statusItem, ({ ariaLabel }) =>
      ariaLabel.startsWith(`Public URL ${urlOf('second')}`),
    )
    assert.equal((await visit(urlOf('second'), { ca })).status, 200)
    assert.equal((await visit(urlOf(`my-bot-${second.port}`), { ca })).status, 200)
    await window.runCommand('Expose Port: Stop All')
    await waitUntil('the connection to end', () => sshd.sessionCount() === 0)
    await second.stop()
  })

  it('Add Server… saves nothing on Escape', async () => {
    const { window } = desk
    const before = savedSettings()
    await window.runCommand('Notifications: Clear All Notifications')
    await window.runCommand('Expose Port: Add Server…')
    await window.quickInput(({ placeholder }) => placeholder === 'Which server?')
    await window.pick('old-vps')
    await window.quickInput(({ placeholder }) => placeholder.includes('How should'))
    await window.press('Escape')
    await waitUntil('the connection to end', () => sshd.sessionCount() === 0)
    assert.equal(savedSettings(), before)
    assert.deepEqual(await window.toasts(), [])
  })

  it('shows the steps of what is not ready, and looks again or saves all the same', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Add Server…')
    await window.pick('old-vps')
    await window.quickInput(({ placeholder }) => placeholder.includes('How should'))
    const rows = await window.quickPickRows()
    const unready = rows.find(({ description }) => /^\d+ steps?$/.test(description))
    await window.pick(unready?.label ?? assert.fail(JSON.stringify(rows)))
    const toast = await window.toast('Nothing is saved yet')
    assert.deepEqual(toast.buttons, ['Look Again', 'Save Anyway'])
    await window.page.locator('.tab', { hasText: 'Steps for old-vps.md' }).waitFor()
    await window.screenshot('24-steps')
    await window.clickToastButton('Look Again')
    await window.quickInput(({ placeholder }) => placeholder.includes('How should'))
    await window.type(domain)
    await window.quickPickRows(([first]) => first?.label.endsWith(domain) === true)
    await window.press('Enter')
    await window.toast('The server "old-vps" is in your settings.')
    await window.screenshot('25-added')
    const saved = savedSettings()
    assert.match(saved, /\/\/ Mine, by hand\.[^]*\/\/ None yet\./)
    assert.match(saved, /"old-vps": \{/)
    assert.match(saved, /"my-vps": \{/)
  })

  it('looks for another domain, and says that it does not lead here', async () => {
    const { window } = desk
    await window.runCommand('Notifications: Clear All Notifications')
    await window.runCommand('Expose Port: Add Server…')
    await window.pick('my-vps')
    await window.quickInput(({ placeholder }) => placeholder.includes('How should'))
    await window.pick('Look for another domain…')
    await window.quickInput(({ title }) => title.startsWith('Look for another domain'))
    await window.type('elsewhere.example.com')
    await window.press('Enter')
    const rows = await window.quickPickRows((all) =>
      all.some(({ label }) => label.includes('elsewhere.example.com')),
    )
    const named = rows.find(({ label }) => label.includes('elsewhere.example.com'))
    assert.match(named?.description ?? '', /^\d+ steps$/)
    await window.screenshot('26-another-domain')
    await window.press('Escape')
  })

  it('offers services with what to know of them, and fails with words where the server is not there', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Add Server…')
    await window.pick('A tunnel service, no account needed…')
    await window.quickInput(({ title }) => title === 'A Tunnel Service')
    await window.screenshot('27-services')
    await window.press('Escape')
    await window.runCommand('Expose Port: Add Server…')
    await window.pick('Another server (user@host)…')
    await window.quickInput(({ placeholder }) => placeholder.startsWith('user@'))
    await window.type(`me@127.0.0.1:${await freePort()}`)
    await window.press('Enter')
    const toast = await window.toast('Nothing answers SSH at')
    assert.ok(toast.buttons.includes('Try Again'), toast.buttons.join())
  })
})
