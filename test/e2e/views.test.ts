import assert from 'node:assert/strict'
import { visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { SideBar } from '../support/vscode/sideBar'
import { waitUntil } from '../support/waitUntil'
import { sitDown, startBot, statusItem, type Bot, type Desk } from './desk'

describe('the views of the activity bar in a window of VS Code', function () {
  this.timeout(180_000)
  let scope: Scope
  let desk: Desk
  let sideBar: SideBar
  let bot: Bot
  let url: string

  before(async () => {
    scope = new Scope()
    desk = await sitDown(scope, {
      version: '1.139',
      servers: ({ namedUrls }) => ({
        'my-vps': namedUrls,
        office: { ...namedUrls, bind: '8080' },
      }),
    })
    sideBar = new SideBar(desk.window)
    bot = await startBot(scope, desk.folder, 3000)
    url = desk.world.nginx.url(`my-bot-${bot.port}.dev.localhost`)
  })
  after(() => scope.close())

  const port = () => String(bot.port)
  const tunnel = () => url.replace('https://', '')

  it('list what listens here, those of the workspace first', async () => {
    await sideBar.open('Expose Port')
    const row = await sideBar.row('Ports', port())
    assert.deepEqual([row.description, row.icons, row.level], ['sampleBot · my-bot', ['plug'], 2])
    assert.ok(row.ariaLabel.startsWith(`Port ${port()}, sampleBot · my-bot`), row.ariaLabel)
    const [first] = await sideBar.rows('Ports', (rows) => rows.length > 0)
    assert.equal(first?.label, 'This workspace')
    assert.deepEqual(await sideBar.buttons('Ports', port()), ['Expose Publicly'])
  })

  it('say what to do where there is nothing yet', async () => {
    assert.match(await sideBar.welcome('Tunnels'), /Nothing is public.*Expose Port/s)
  })

  it('list the servers, and mark the one that is wrong', async () => {
    const { user, host, port: sshPort } = desk.world.sshd
    const good = await sideBar.row('Servers', 'my-vps')
    assert.deepEqual([good.icons, good.description], [['server'], `${user}@${host}:${sshPort}`])
    const wrong = await sideBar.row('Servers', 'office')
    assert.deepEqual(wrong.icons, ['error'])
    assert.match(wrong.description, /"bind": needs an address too/)
    assert.match(wrong.ariaLabel, /Server office cannot be used/)
    assert.deepEqual(await sideBar.buttons('Servers', 'office'), ['Edit Servers'])
    await desk.window.screenshot('40-views-before')
  })

  it('expose a port with one click on its row, and mark a server that cannot be reached', async () => {
    const { window, world } = desk
    await world.sshd.stop()
    await sideBar.clickButton('Ports', port(), 'Expose Publicly')
    const consent = await window.modal()
    assert.ok(consent.detail.includes(url), consent.detail)
    await consent.click('Expose')
    await window.toast('Nothing answers SSH at')
    const server = await sideBar.row('Servers', 'my-vps', ({ icons }) => icons.includes('warning'))
    assert.match(server.description, /^last problem: TCP/)
  })

  it('show the URL of a port that is public', async () => {
    const { window, world } = desk
    await world.sshd.restart()
    await window.clickToastButton('Try Again')
    await (await window.modal()).click('Trust and Remember')
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${url}`))
    await window.runCommand('Notifications: Clear All Notifications')
    const row = await sideBar.row('Ports', port(), ({ icons }) => icons.includes('globe'))
    assert.equal(row.description, `→ ${tunnel()} · sampleBot · my-bot`)
    assert.equal((await visit(url, { ca: world.ca })).status, 200)
    await sideBar.row('Servers', 'my-vps', ({ description }) => description.startsWith('connected'))
  })

  it('show the tunnel with numbers that grow with its visitors', async () => {
    const { window, world } = desk
    const row = await sideBar.row('Tunnels', tunnel())
    assert.deepEqual(row.icons, ['globe'])
    await sideBar.click('Tunnels', tunnel())
    const requests = (text: string) =>
      sideBar.row('Tunnels', 'Requests', ({ description }) => description === text)
    // The check of the public URL is no visitor.
    await requests('1')
    for (let count = 0; count < 3; count++) {
      await visit(`${url}/api/echo`, { ca: world.ca, method: 'POST', body: 'x'.repeat(1000) })
    }
    await requests('4')
    await sideBar.row('Tunnels', 'Bytes', ({ description }) => /kB in, .* kB out$/.test(description))
    await sideBar.row('Tunnels', 'Latency', ({ description }) => description.startsWith('p50 '))
    await sideBar.row('Tunnels', tunnel(), ({ description }) => /↓.* ↑/.test(description))
    await window.screenshot('41-views-light')
  })

  it('show the numbers in the tooltip of the status bar too', async () => {
    const { window } = desk
    await window.page.locator(`[id="${statusItem}"] a`).hover()
    const hover = window.page.locator('.monaco-hover', { hasText: 'requests' })
    await hover.waitFor()
    assert.match(await hover.innerText(), /↓.* · \d+ requests · p50 /)
    await window.screenshot('42-tooltip')
  })

  it('can be read in a dark theme too', async () => {
    const { window } = desk
    await window.runCommand('Preferences: Toggle between Light/Dark Themes')
    await window.page.locator('.monaco-workbench.vs-dark').waitFor()
    await sideBar.click('Servers', 'my-vps')
    await sideBar.row('Servers', 'Who can read')
    await window.screenshot('43-views-dark')
  })

  it('copy and stop with one click on the row', async () => {
    const { window, world } = desk
    assert.deepEqual(await sideBar.buttons('Tunnels', tunnel()), [
      'Copy Public URL',
      'Open Public URL',
      'Stop Exposing…',
    ])
    await window.writeClipboard('')
    await sideBar.clickButton('Tunnels', tunnel(), 'Copy Public URL')
    await waitUntil('the URL on the clipboard', async () => (await window.readClipboard()) === url)
    await sideBar.clickButton('Tunnels', tunnel(), 'Stop Exposing…')
    assert.match(await sideBar.welcome('Tunnels'), /Nothing is public/)
    await sideBar.row('Ports', port(), ({ icons }) => icons.includes('plug'))
    assert.equal((await visit(url, { ca: world.ca })).status, 502)
  })

  it('follow the settings and the ports', async () => {
    await desk.setServers({ office: desk.namedUrls })
    await sideBar.row('Servers', 'office', ({ icons }) => icons.includes('server'))
    await bot.stop()
    await sideBar.rows('Ports', (rows) => rows.length > 0 && rows.every(({ label }) => label !== port()))
  })
})
