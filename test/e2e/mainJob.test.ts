import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openSse, openWebSocket, visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { waitUntil } from '../support/waitUntil'
import { sitDown, startBot, statusItem, type Desk } from './desk'

for (const version of ['1.139', '1.100'] as const) {
  describe(`the main job in a window of VS Code ${version}`, function () {
    this.timeout(180_000)
    let scope: Scope
    let desk: Desk
    let port: number

    before(async () => {
      scope = new Scope()
      desk = await sitDown(scope, { version, servers: ({ oneUrl }) => ({ 'my-vps': oneUrl }) })
      port = (await startBot(scope, desk.folder)).port
    })
    after(() => scope.close())

    it('offers only what makes sense before anything is exposed', async () => {
      const titles = await desk.window.commandsMatching('Expose Port')
      assert.deepEqual(titles.filter((title) => title.startsWith('Expose Port: ')).sort(), [
        'Expose Port: Add Server…',
        'Expose Port: Edit Servers',
        'Expose Port: Expose Port',
        // VS Code's own, one for each view.
        'Expose Port: Focus on Ports View',
        'Expose Port: Focus on Servers View',
        'Expose Port: Focus on Tunnels View',
        'Expose Port: Prepare a Server…',
        'Expose Port: Restore Webhook…',
        'Expose Port: Set Up Webhook…',
        'Expose Port: Show Log',
        'Expose Port: Show Requests',
      ])
    })

    it('exposes the port: pick, consent, trust, and the URL stands in the status bar', async () => {
      const { window, world } = desk
      await window.runCommand('Expose Port: Expose Port')
      await window.see('the bot in the list', ({ quickPickRows }) =>
        quickPickRows.inSight.find((shown) => shown.label === String(port)),
      )
      await window.screenshot('1-pick-a-port')
      const rows = await window.quickPickRows((all) => all.some((row) => row.label === String(port)))
      const row = rows.find(({ label }) => label === String(port))
      assert.match(JSON.stringify(row), /my-bot/, 'the row names the folder')
      await window.type(String(port))
      await window.pick(String(port))

      const consent = await window.modal()
      assert.match(consent.message, new RegExp(`Make port ${port}.*public`))
      assert.ok(consent.detail.includes(world.nginx.url('dev.localhost')), consent.detail)
      await window.screenshot('2-consent')
      await consent.click('Expose')

      const trust = await window.modal()
      assert.ok(trust.detail.includes(world.sshd.hostKeyFingerprint()), trust.detail)
      assert.doesNotMatch(world.sshd.log(), /userauth-request/, 'no credential before the key is trusted')
      await window.screenshot('3-host-key')
      await trust.click('Trust and Remember')

      const url = world.nginx.url('dev.localhost')
      await window.toast('The URL is on the clipboard')
      await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${url}`))
      assert.equal(await window.readClipboard(), url)
      await window.screenshot('4-exposed')
      const knownHosts = readFileSync(join(desk.server.dirs.home, '.ssh', 'known_hosts'), 'utf8')
      assert.match(knownHosts, /ssh-ed25519/)
    })

    it('a click copies the URL, and it answers with the app, WebSocket and events', async () => {
      const { window, world } = desk
      await window.writeClipboard('')
      const shown = await window.statusItem(statusItem, ({ text }) => text.includes('https://'))
      const url = shown.text.trim()
      await shown.click()
      await window.statusItem(statusItem, ({ text }) => text.includes('Copied'))
      await window.screenshot('5-copied')
      assert.equal(await window.readClipboard(), url)
      await window.statusItem(statusItem, ({ text }) => text.includes(url))

      const { ca } = world
      const page = await visit(url, { ca })
      assert.equal(page.status, 200)
      const echo = await visit(`${url}/api/echo`, { ca, method: 'POST', body: 'hello' })
      assert.match(echo.body.toString(), /hello/)
      const webSocket = await openWebSocket(`${url.replace('https:', 'wss:')}/ws`, { ca })
      webSocket.send('ping')
      assert.equal((await webSocket.next()).toString(), 'ping')
      await webSocket.close()
      const events = await openSse(`${url}/sse`, { ca })
      for await (const event of events) {
        assert.ok(event.data)
        break
      }
      events.close()
    })

    it('writes the SSH log, with no key in it', async () => {
      const text = await desk.window.outputText('Expose Port')
      assert.match(text, /trusted and remembered/)
      assert.match(text, /listens on 127\.0\.0\.1/)
      assert.doesNotMatch(text, /PRIVATE KEY/)
    })

    it('gives the equivalent ssh command', async () => {
      const { window, world } = desk
      await window.runCommand('Expose Port: Copy Equivalent ssh Command')
      await window.toast('ssh -nN')
      assert.equal(
        await window.readClipboard(),
        `ssh -nN -o ExitOnForwardFailure=yes -i ${world.key.path} -p ${world.sshd.port} -R 127.0.0.1:${world.tcpBind.port}:localhost:${port} ${world.sshd.user}@127.0.0.1`,
      )
    })

    it('stops: the URL answers 502 and sshd listens no more', async () => {
      const { window, world } = desk
      await window.runCommand('Expose Port: Stop Exposing…')
      await waitUntil('sshd to listen no more', async () => (await world.sshd.listeners()).length === 0)
      assert.equal((await visit(world.nginx.url('dev.localhost'), { ca: world.ca })).status, 502)
      await window.see('no status item', ({ statusItems }) =>
        statusItems.some((item) => item.id === statusItem) ? undefined : true,
      )
      await waitUntil('the connection to end', () => world.sshd.sessionCount() === 0)
    })

    it('exposes again without asking, and closing the window ends everything', async () => {
      const { window, world, server } = desk
      await window.runCommand('Expose Port: Expose Port')
      await window.type(String(port))
      await window.pick(String(port))
      await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith('Public URL'))
      assert.equal((await world.sshd.listeners()).length, 1)
      await window.close()
      await waitUntil('the connection to end with the window', () => world.sshd.sessionCount() === 0, 60_000)
      assert.deepEqual(await world.sshd.listeners(), [])
      assert.equal((await visit(world.nginx.url('dev.localhost'), { ca: world.ca })).status, 502)
      await waitUntil(
        () => `no process to be left: ${JSON.stringify(server.processes())}`,
        () => server.processes().every((process) => !process.command.includes('extensionHost')),
        60_000,
      )
    })
  })
}
