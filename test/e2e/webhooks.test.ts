import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGraphServer, type GraphServer } from '../support/graphServer'
import { startNginx } from '../support/nginx'
import { signalProcess } from '../support/processTree.mjs'
import { Scope } from '../support/scope'
import { waitUntil } from '../support/waitUntil'
import { startWebhookBot, type WebhookBot } from '../support/webhookBot'
import { sitDown, startBot, statusItem, type Bot, type Desk } from './desk'

const appSecret = 'app-secret-mark-9d41'
const pageToken = 'EAAB-page-token-mark'
const productionToken = 'production-verify-mark'

describe('webhooks in a window of VS Code', function () {
  this.timeout(180_000)
  let scope: Scope
  let desk: Desk
  let bot: Bot
  let graph: GraphServer
  let production: string
  let productionBot: WebhookBot

  before(async () => {
    scope = new Scope()
    desk = await sitDown(scope, {
      version: '1.139',
      servers: ({ namedUrls }) => ({ 'my-vps': namedUrls }),
      machineSettings: async ({ ca }) => {
        graph = await startGraphServer(scope, { ca, appSecret, pageToken })
        return { 'exposePort.webhooks.graphUrl': graph.url, 'exposePort.webhooks.caFile': ca.certPath }
      },
    })
    productionBot = await startWebhookBot(scope, { verifyToken: productionToken, appSecret })
    const { ca } = desk.world
    const servers = [
      { kind: 'port', name: 'production.localhost', upstreamPort: productionBot.port },
    ] as const
    production = `${(await startNginx(scope, { ca, servers })).url('production.localhost')}/webhook`
    writeFileSync(join(desk.folder, '.env'), `VERIFY_TOKEN=my-verify-mark\nAPP_SECRET="${appSecret}"\n`)
    writeFileSync(join(desk.folder, 'bot.js'), "app.post('/webhook', receive)\n")
    bot = await startBot(scope, desk.folder, 3000, { VERIFY_TOKEN: 'my-verify-mark', APP_SECRET: appSecret })
    standProduction()
  })
  after(() => scope.close())

  const standProduction = () =>
    graph.subscriptions.set('page', { callback_url: production, fields: ['messages'], active: true })
  const callback = () => graph.subscriptions.get('page')?.callback_url
  const ours = (name = `my-bot-${bot.port}`) => `${desk.world.nginx.url(`${name}.dev.localhost`)}/webhook`

  /** `asked`: what VS Code has to ask about it. */
  async function expose(asked: readonly ('Expose' | 'Trust and Remember')[] = []): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Expose Port')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which port'))
    await window.type(String(bot.port))
    await window.pick(String(bot.port))
    for (const yes of asked) await (await window.modal()).click(yes)
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith('Public URL'))
  }

  async function answer(prompt: string, text: string): Promise<void> {
    const { window } = desk
    await window.quickInput(({ message }) => message.startsWith(prompt))
    await window.type(text)
    await window.press('Enter')
  }

  async function openWalkthrough(): Promise<void> {
    const { window } = desk
    await window.runCommand('Welcome: Open Walkthrough...')
    await window.pick('Get Started with Expose Port')
    await window.page.getByRole('checkbox', { name: 'Set up a webhook' }).waitFor()
  }

  it('begins with a walkthrough', async () => {
    const { window } = desk
    await openWalkthrough()
    assert.equal(await window.page.getByRole('checkbox', { name: 'Expose a port', checked: true }).count(), 0)
    await window.page.locator('.getting-started-step', { hasText: 'Set up a webhook' }).click()
    await window.screenshot('39-walkthrough-webhook')
  })

  it('goes from an open tunnel to a bot that Meta sends its events to, and asks before it overwrites', async () => {
    const { window } = desk
    await expose(['Expose', 'Trust and Remember'])
    await window.runCommand('Expose Port: Set Up Webhook…')
    await window.quickInput(({ placeholder }) => placeholder.includes('Who sends'))
    await window.screenshot('40-providers')
    await window.pick('Messenger')
    await window.quickInput(({ placeholder }) => placeholder.includes('.env'))
    await window.pick('Read Them from .env')
    await answer('App ID', graph.appId)
    await answer('Page access token', pageToken)
    await window.quickInput(({ placeholder }) => placeholder.includes('What should arrive'))
    await window.screenshot('41-events')
    await window.press('Enter')

    const consent = await window.modal()
    assert.match(consent.message, /Messenger sends webhooks elsewhere now/)
    assert.ok(consent.detail.includes(production), consent.detail)
    assert.equal(callback(), production, 'nothing has changed yet')
    await window.screenshot('42-overwrite')
    await consent.click('Overwrite')
    await answer('Verify token of the former callback', productionToken)

    const done = await window.toast('Messenger sends webhooks to')
    assert.ok(done.message.includes(ours()), done.message)
    assert.match(done.message, /Page My Page sends messages, messaging_postbacks/)
    await window.screenshot('43-registered')
    assert.equal(callback(), ours())
    assert.equal(await graph.deliver('messages', { object: 'page', entry: [{ note: 'é' }] }), 200)
  })

  it('sends a signed test event to the app, and shows what came of it', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Send Test Webhook Event…')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which event'))
    await window.screenshot('44-samples')
    await window.pick('A quick reply')
    const result = await window.toast('The app took in quick reply YES: 200 OK')
    assert.match(result.message, / in \d+ ms/)
  })

  it('says in the inspector who did what, that it is signed, and how fast the answer was', async () => {
    const { window } = desk
    await window.runCommand('View: Close All Editors')
    await window.runCommand('Expose Port: Show Requests')
    const page = window.webview()
    const labels = page.locator('.row .event')
    await labels.filter({ hasText: 'quick reply YES' }).first().click()
    const block = page.getByRole('group', { name: 'Webhook event' })
    await block.getByText('quick reply YES').waitFor()
    await block.getByText('its signature is verified').waitFor()
    await block.getByText('Messenger wants it within 5 s and gives up after 20 s').waitFor()
    await window.runCommand('Notifications: Clear All Notifications')
    await window.screenshot('47-inspector-event')
  })

  it('sends a test event from the inspector too', async () => {
    const { window } = desk
    const page = window.webview()
    await page.getByRole('button', { name: 'Send Test Webhook Event…' }).click()
    await window.quickInput(({ placeholder }) => placeholder.includes('Which event'))
    await window.pick('A postback')
    await page.locator('.row .event', { hasText: 'postback' }).first().waitFor()
    await window.screenshot('48-inspector-test-event')
    await window.runCommand('View: Close All Editors')
  })

  it('has ticked off the steps of the walkthrough that are done', async () => {
    const { window } = desk
    await openWalkthrough()
    for (const step of ['Expose a port', 'Set up a webhook'])
      await window.page.getByRole('checkbox', { name: step, checked: true }).waitFor()
    await window.screenshot('49-walkthrough')
    await window.runCommand('View: Close All Editors')
  })

  it('offers to put the former callback back when exposing is stopped', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Stop Exposing…')
    const offer = await window.toast('Messenger still sends webhooks to')
    assert.ok(offer.message.includes(production), offer.message)
    await window.screenshot('45-offer-restore')
    await window.clickToastButton('Restore')
    await waitUntil('the former callback to be back', () => callback() === production)
    await waitUntil('the page to be as before, not subscribed', () => graph.pageFields === undefined)
  })

  /** By the end of its progress: VS Code may not show the toast that says so when it shows the same again. */
  async function registered(): Promise<void> {
    await desk.window.see('the registration to end', ({ toasts }) =>
      toasts.some(({ message }) => /Registering|Examining/.test(message)) ? undefined : true,
    )
  }

  /** What was answered before is not asked again. */
  async function setUpAgain(): Promise<void> {
    const { window } = desk
    await window.runCommand('Expose Port: Set Up Webhook…')
    await window.pick('Messenger')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which one'))
    await window.pick(graph.appId)
    await window.quickInput(({ placeholder }) => placeholder.includes('What should arrive'))
    await window.press('Enter')
    await (await window.modal()).click('Overwrite')
    await answer('Verify token of the former callback', productionToken)
    await waitUntil('Meta to send to the bot', () => callback() === ours())
    await registered()
  }

  it('asks nothing twice, and the former can be put back after the extension host was killed', async () => {
    const { window, server } = desk
    await expose()
    await setUpAgain()

    const hosts = server.processes().filter(({ command }) => command.includes('extensionHost'))
    assert.ok(hosts.length > 0)
    for (const { pid } of hosts) signalProcess(pid, 'SIGKILL')
    await waitUntil('the server to notice', () =>
      server.processes().every(({ pid }) => hosts.every((host) => host.pid !== pid)),
    )
    await window.reload()
    await window.runCommand('Expose Port: Restore Webhook…')
    await waitUntil('the former callback to be back', () => callback() === production)
  })

  it('offers to register again when the public URL has become another', async () => {
    const { window } = desk
    await expose()
    await setUpAgain()
    await window.runCommand('Expose Port: Change Name…')
    await window.quickInput(({ title }) => title.startsWith('Change the name'))
    await window.type('other-name')
    await window.press('Enter')
    const offer = await window.toast(`Messenger sends webhooks to ${ours()}, and port`)
    assert.match(offer.message, /is now at https:\/\/other-name\./)
    await window.clickToastButton('Register Again')
    await waitUntil('Meta to send to the new URL', () => callback() === ours('other-name'))
    await registered()
  })

  it('says when somebody else has changed it, and what was there first can still be put back', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Stop Exposing…')
    await window.toast(`Messenger still sends webhooks to ${ours('other-name')}`)
    await window.clickToastButton('Leave It')
    const theirs = `${production}?theirs=1`
    graph.subscriptions.set('page', { callback_url: theirs, fields: ['messages'], active: true })
    await expose(['Expose'])
    const drift = await window.toast('Somebody has changed the webhook at Messenger')
    assert.ok(drift.message.includes(theirs), drift.message)
    await window.runCommand('Expose Port: Restore Webhook…')
    const consent = await window.modal()
    assert.ok(consent.detail.includes(theirs), consent.detail)
    assert.equal(callback(), theirs, 'nothing has changed yet')
    await consent.click('Overwrite')
    await waitUntil('the former callback to be back', () => callback() === production)
    await window.runCommand('Expose Port: Stop Exposing…')
  })

  it('says what Meta would say before Meta is called, with its cure', async () => {
    const { window } = desk
    await bot.stop()
    bot = await startBot(scope, desk.folder, bot.port, { VERIFY_TOKEN: 'changed', APP_SECRET: appSecret })
    await expose()
    const before = graph.requests.length
    await window.runCommand('Expose Port: Set Up Webhook…')
    await window.pick('Messenger')
    await window.quickInput(({ placeholder }) => placeholder.includes('Which one'))
    await window.pick(graph.appId)
    await window.quickInput(({ message }) => message.startsWith('At which path'))
    await window.press('Enter')
    const refusal = await window.toast('Messenger would refuse this webhook')
    assert.match(refusal.message, /1 check failed/)
    await window.screenshot('46-preflight')
    assert.equal(graph.requests.length, before, 'Meta was not asked')
  })

  it('marked secrets are in no log and no file of VS Code', async () => {
    const text = await desk.window.outputText('Expose Port')
    assert.match(text, /setting the subscription of the app|Messenger sends webhooks/)
    assert.doesNotMatch(text, /mark/)
    const { dirs } = desk.server
    for (const file of filesBelow([dirs.logs, dirs.userData, dirs.serverData]))
      assert.doesNotMatch(readFileSync(file, 'latin1'), /(secret|token|verify)-mark/, file)
  })
})

function filesBelow(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile()),
  )
}
