import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { waitUntil } from '../support/waitUntil'
import { sitDown, startBot, statusItem, type Desk } from './desk'

describe('who may come in, in a window of VS Code', function () {
  this.timeout(180_000)
  const scope = new Scope()
  let desk: Desk
  let port: number
  let url: string
  let password: string
  before(async () => {
    desk = await sitDown(scope, { version: '1.139', servers: ({ oneUrl }) => ({ 'my-vps': oneUrl }) })
    port = (await startBot(scope, desk.folder)).port
    url = desk.world.nginx.url('dev.localhost')
  })
  after(() => scope.close())

  const statusOf = async (
    options: { password?: string; from?: string; method?: string; path?: string } = {},
  ) => {
    const { world } = desk
    const { from, method, path = '' } = options
    const text = Buffer.from(`someone:${options.password ?? ''}`).toString('base64')
    const headers = options.password === undefined ? {} : { authorization: `Basic ${text}` }
    const more = { ...(from === undefined ? {} : { from }), ...(method === undefined ? {} : { method }) }
    return (await visit(`${url}${path}`, { ca: world.ca, headers, ...more })).status
  }
  const settingsFile = () => join(desk.folder, '.vscode', 'settings.json')
  const wishInSettings = (): unknown => {
    const text = existsSync(settingsFile()) ? readFileSync(settingsFile(), 'utf8') : '{}'
    const settings = JSON.parse(text) as { 'exposePort.ports'?: Record<string, { access?: unknown }> }
    return settings['exposePort.ports']?.[String(port)]?.access
  }
  const openRules = async () => {
    await desk.window.runCommand('Expose Port: Set Password or Access Rules…')
    await desk.window.quickInput(({ title }) => title.startsWith('Who may come in'))
  }
  /** Escape from the list of rules, which comes back after each change. */
  const closeRules = async () => {
    const { window } = desk
    await window.quickInput(({ title }) => title.startsWith('Who may come in'))
    await window.press('Escape')
    await window.see('the rules closed', ({ quickInput }) => (quickInput === undefined ? true : undefined))
  }
  const answer = async (text: string) => {
    await desk.window.quickInput(({ title }) => title === '')
    await desk.window.type(text)
    await desk.window.press('Enter')
  }

  it('exposes with a password: the URL asks for it, and lets in who has it', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Expose Port')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which port'))
    await window.type(String(port))
    await window.pick(String(port))
    const consent = await window.modal()
    assert.deepEqual([...consent.buttons].sort(), ['Cancel', 'Expose', 'Expose with a Password'])
    await window.screenshot('access-1-consent')
    await consent.click('Expose with a Password')
    const input = await window.quickInput(({ title }) => title === `Password for visitors of port ${port}`)
    password = input.value
    assert.match(password, /^(?:\w{5}-){3}\w{5}$/)
    await window.screenshot('access-2-password')
    await window.press('Enter')
    await (await window.modal()).click('Trust and Remember')
    const toast = await window.toast('Visitors are asked for the password.')
    assert.ok(toast.buttons.includes('Copy Password'), toast.buttons.join())
    await window.screenshot('access-3-exposed')
    await window.clickToastButton('Copy Password')
    await waitUntil('the password on the clipboard', async () => (await window.readClipboard()) === password)
    assert.equal(await statusOf(), 401)
    assert.equal(await statusOf({ password: 'another-password' }), 401)
    assert.equal(await statusOf({ password }), 200)
    assert.deepEqual(wishInSettings(), { password: true })
  })

  it('says in the tooltip who may come in', async () => {
    const { window } = desk
    await window.page.locator(`[id="${statusItem}"]`).hover()
    await window.page.locator('.monaco-hover', { hasText: 'Who may come in: Password.' }).first().waitFor()
    await window.screenshot('access-4-tooltip')
    await window.page.mouse.move(600, 300)
  })

  it('sets rules by the command, which hold at once and stand in the settings', async () => {
    const { window } = desk
    await openRules()
    await window.screenshot('access-5-rules')
    await window.pick('Denied addresses')
    await answer('127.0.0.7, nonsense')
    await window.see('what is wrong', ({ quickInput }) =>
      quickInput?.message.includes('must be a list') === true ? true : undefined,
    )
    await answer('127.0.0.7')
    await window.quickInput(({ title }) => title.startsWith('Who may come in'))
    await window.pick('Paths without the password')
    await answer('/api/echo')
    await window.quickInput(({ title }) => title.startsWith('Who may come in'))
    await window.pick('Closes')
    await window.quickInput(({ placeholder }) => placeholder === 'It closes')
    await window.pick('in 1 hour')
    const rows = await window.quickPickRows((all) => all.some(({ label }) => label.includes('Remove all')))
    const shown = rows.map(({ label, description }) => `${label} ${description}`).join('\n')
    for (const part of ['set, any user name', '/api/echo', '127.0.0.7'])
      assert.ok(shown.includes(part), shown)
    // An hour from now may be tomorrow, which the text says by its date.
    assert.match(shown, /Closes at .*\d:\d\d/)
    await window.screenshot('access-6-rules-set')
    await closeRules()
    assert.equal(await statusOf({ password, from: '127.0.0.7' }), 403)
    assert.equal(await statusOf({ path: '/api/echo', method: 'POST' }), 200)
    assert.equal(await statusOf({ path: '/api//echo', method: 'POST' }), 401)
    assert.deepEqual(wishInSettings(), {
      ...{ password: true, deny: ['127.0.0.7'], open: ['/api/echo'], closeAfter: '1h' },
    })
  })

  it('shares a link that lets a browser in without the password', async () => {
    const { window } = desk
    await openRules()
    await window.pick('Share a link…')
    await window.quickInput(({ placeholder }) => placeholder.startsWith('Whoever has the link'))
    await window.pick('for 1 hour')
    await window.toast('A link that lets its bearer in for 1 hour is on the clipboard.')
    await closeRules()
    const shared = await window.readClipboard()
    assert.ok(shared.startsWith(`${url}/?expose-port-link=1.`), shared)
    const page = await window.page.context().newPage()
    try {
      const session = await page.context().newCDPSession(page)
      await session.send('Security.setIgnoreCertificateErrors', { ignore: true })
      const shown = await page.goto(shared)
      assert.equal(shown?.status(), 200)
      assert.equal(page.url(), `${url}/`)
      assert.equal((await page.goto(`${url}/?again`))?.status(), 200)
      assert.doesNotMatch(await page.evaluate('document.cookie'), /expose-port-link/, 'scripts do not see it')

      await openRules()
      await window.pick('End all shared links')
      await window.toast('no longer work')
      await closeRules()
      const refused = await visit(shared, { ca: desk.world.ca })
      assert.equal(refused.status, 403)
      await page.goto(shared)
      await page.screenshot({ path: join(__dirname, '../../test-artifacts/access-7-link-page.png') })
    } finally {
      await page.close()
    }
  })

  it('asks before the settings let in more than was chosen, and follows them where they do not', async () => {
    const { window } = desk
    const write = (access: unknown) =>
      writeFileSync(settingsFile(), JSON.stringify({ 'exposePort.ports': { [String(port)]: { access } } }))
    write({ password: true, methods: ['GET', 'POST'] })
    const toast = await window.toast('would let more visitors in')
    assert.match(
      toast.message,
      /You chose: Password, .*not 127\.0\.0\.7.*The settings: Password; GET, POST only\./,
    )
    assert.equal(await statusOf({ password, from: '127.0.0.7' }), 403, 'what was chosen holds')
    await window.screenshot('access-8-settings-loosen')
    await window.clickToastButton('Apply')
    await waitUntil(
      'the settings to hold',
      async () => (await statusOf({ password, from: '127.0.0.7' })) === 200,
    )
    assert.equal(await statusOf({ password, method: 'DELETE' }), 405)

    write({ password: true, methods: ['GET'] })
    await waitUntil('the new rule', async () => (await statusOf({ password, method: 'POST' })) === 405)
    write({ password: 'oh no' })
    const unreadable = await window.toast('cannot be read')
    assert.match(unreadable.message, /"password" must be true/)
    assert.doesNotMatch(unreadable.message, /oh no/)
    assert.equal(await statusOf(), 401, 'the former rules hold')
    write({ password: true, methods: ['GET'] })
  })

  it('removes all rules, and then everybody may come in', async () => {
    const { window } = desk
    await window.runCommand('Notifications: Clear All Notifications')
    await openRules()
    await window.pick('Remove all rules')
    await window.quickPickRows(
      (rows) => rows.length > 0 && !rows.some(({ label }) => label.includes('Remove all')),
    )
    await closeRules()
    await waitUntil('everybody to come in', async () => (await statusOf({ from: '127.0.0.7' })) === 200)
    assert.equal(wishInSettings(), undefined)
  })

  it('has written no secret anywhere', async () => {
    const { window } = desk
    const log = await window.outputText('Expose Port')
    for (const text of [log, readFileSync(settingsFile(), 'utf8')]) {
      assert.ok(!text.includes(password))
      assert.doesNotMatch(text, /expose-port-link=1/)
    }
  })
})
