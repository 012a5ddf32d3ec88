import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import axe from 'axe-core'
import type { FrameLocator, Locator } from 'playwright-core'
import { WebSocketServer, type RawData } from 'ws'
import { openWebSocket, visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { waitUntil } from '../support/waitUntil'
import { sitDown, statusItem, type Desk } from './desk'

interface Received {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

describe('the request inspector in a window of VS Code', function () {
  this.timeout(180_000)
  let scope: Scope
  let desk: Desk
  let url: string
  let port: number
  const received: Received[] = []
  const secret = 'the app secret'
  const event = JSON.stringify({
    object: 'page',
    entry: [{ id: '1', messaging: [{ message: { text: 'hi' } }] }],
  })
  const sign = (body: string) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

  before(async () => {
    scope = new Scope()
    desk = await sitDown(scope, { version: '1.139', servers: ({ oneUrl }) => ({ 'my-vps': oneUrl }) })
    url = desk.world.nginx.url('dev.localhost')
    port = await startApp()
  })
  after(() => scope.close())

  /** Keeps what comes to the byte, and counts in its answers. */
  async function startApp(): Promise<number> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url: target = '', rawHeaders } = request
        // The look at what the app speaks, before it is exposed.
        if (method !== 'OPTIONS')
          received.push({ method, url: target, rawHeaders, body: Buffer.concat(chunks) })
        const status = target.startsWith('/missing') ? 404 : 200
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ ok: status === 200, count: received.length }))
      })
    })
    const webSockets = new WebSocketServer({ server })
    webSockets.on('connection', (socket) =>
      socket.on('message', (data: RawData) => socket.send(data, { binary: false })),
    )
    scope.add(() => {
      for (const socket of webSockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  const page = (): FrameLocator => desk.window.webview()
  const rows = (): Locator => page().locator('.row')
  const button = (name: string): Locator => page().getByRole('button', { name, exact: true })
  const latest = (): Received => received.at(-1) ?? assert.fail('the app has received nothing')

  /** How many the page says there are. */
  const listed = async (): Promise<number> => Number.parseInt(await page().locator('.count').innerText(), 10)

  async function postWebhook(): Promise<void> {
    const headers = {
      'Content-Type': 'application/json',
      'X-Hub-Signature-256': sign(event),
      Authorization: 'Bearer s3cret-t0ken-of-a-person',
      'User-Agent': 'facebookexternalua',
    }
    const { status } = await visit(`${url}/webhook`, { ca: desk.world.ca, body: event, headers })
    assert.equal(status, 200)
  }

  it('says what to do while nothing is exposed', async () => {
    const { window } = desk
    await window.runCommand('Expose Port: Show Requests')
    await page().getByText('Nothing is exposed').waitFor()
    await window.screenshot('14-inspector-nothing-exposed')
    await button('Expose Port').click()
    await window.quickInput(({ placeholder }) => placeholder.includes('Which port'))
    await window.type(String(port))
    await window.pick(String(port))
    await (await window.modal()).click('Expose')
    await (await window.modal()).click('Trust and Remember')
    await window.statusItem(statusItem, ({ ariaLabel }) => ariaLabel.startsWith(`Public URL ${url}`))
    await page().getByText('Waiting for the first request').waitFor()
    await page().locator('code', { hasText: url }).waitFor()
    await window.screenshot('15-inspector-waiting')
  })

  it('lists three webhooks as they come, the newest first', async () => {
    const { ca } = desk.world
    await postWebhook()
    await visit(`${url}/missing?access_token=s3cret-in-a-query`, { ca })
    await visit(`${url}/form`, {
      ca,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'name=Ada+Lovelace&note=%C3%A4%26b',
    })
    await rows().nth(2).waitFor()
    assert.deepEqual(await page().locator('.row .path .target').allInnerTexts(), [
      '/form',
      '/missing?access_token=•••',
      '/webhook',
    ])
    assert.deepEqual(await page().locator('.row .status').allInnerTexts(), ['200', '404', '200'])
    await page().locator('.numbers', { hasText: '3 requests' }).waitFor()
    await desk.window.screenshot('16-inspector-list')
  })

  it('opens one with the keyboard: fields as sent, secrets masked until asked, the body laid out', async () => {
    await page().locator('#list').focus()
    await desk.window.press('End')
    await page().getByRole('tab', { name: 'Request' }).waitFor()
    const panel = page().locator('#detail-panel')
    await panel.getByText('facebookexternalua').waitFor()
    assert.equal(await panel.locator('dt', { hasText: 'X-Hub-Signature-256' }).count(), 1)
    assert.doesNotMatch(await panel.innerText(), /s3cret/)
    assert.match(await panel.innerText(), /Bearer •••/)
    assert.match(await panel.locator('pre').innerText(), /"messaging": \[\n/)
    await button('Show secrets').click()
    await panel.getByText('Bearer s3cret-t0ken-of-a-person').waitFor()
    await button('Hide secrets').click()
    await panel.getByText('Bearer •••').waitFor()
    await page().getByRole('tab', { name: 'Response' }).click()
    await panel.getByText('"count": 1').waitFor()
  })

  it('replays it, again and again, and shows the answer beside the original’s', async () => {
    const original = received[0] ?? assert.fail()
    for (const count of [4, 5]) {
      await button('Replay').click()
      await waitUntil('the replay at the app', () => received.length === count)
      assert.deepEqual(latest(), original, 'the same bytes')
      await page().getByRole('tab', { name: 'Compare', selected: true }).waitFor()
      await page()
        .locator('.difference .added', { hasText: `"count": ${count}` })
        .waitFor()
    }
    await desk.window.screenshot('17-inspector-compare')
  })

  it('edits it, and signs it anew with a secret that is asked for once', async () => {
    const { window } = desk
    const edited = event.replace('hi', 'edited')
    for (const isFirst of [true, false]) {
      const before = received.length
      await button('Edit and Replay').click()
      const form = page().getByRole('form', { name: 'Edit and replay' })
      assert.equal(await form.getByRole('textbox', { name: 'Body' }).inputValue(), isFirst ? event : edited)
      await form.getByRole('textbox', { name: 'Body' }).fill(edited)
      await form.getByLabel('Path and query').fill('/webhook?edited=1')
      if (isFirst) await window.screenshot('18-inspector-edit')
      await form.getByRole('button', { name: 'Replay', exact: true }).click()
      if (isFirst) {
        await window.quickInput(({ title }) => title.includes('X-Hub-Signature-256'))
        await window.type('a wrong secret')
        await window.see('that it does not fit', ({ quickInput }) =>
          quickInput?.message.includes('not made with this secret') === true ? true : undefined,
        )
        await window.type(secret)
        await window.press('Enter')
      }
      await waitUntil('the edited request at the app', () => received.length === before + 1)
      const { url: target, rawHeaders, body } = latest()
      assert.deepEqual([target, body.toString()], ['/webhook?edited=1', edited])
      assert.ok(rawHeaders.includes(sign(edited)), rawHeaders.join())
      assert.ok(rawHeaders.includes('Bearer s3cret-t0ken-of-a-person'), 'what was masked is sent as it was')
      await page().locator('.detail .note', { hasText: 'edited and replayed' }).waitFor()
    }
  })

  it('says what is wrong with an edit, where it stands', async () => {
    await button('Edit and Replay').click()
    const form = page().getByRole('form', { name: 'Edit and replay' })
    await form.getByLabel('Path and query').fill('no path')
    await form.getByRole('button', { name: 'Replay', exact: true }).click()
    await form.getByRole('alert').getByText('Path: must be a path that begins with /').waitFor()
    await desk.window.press('Escape')
    await form.waitFor({ state: 'detached' })
  })

  it('copies it as cURL, which a real curl sends: the same bytes at the app', async () => {
    const { window, world } = desk
    await page().locator('.row').last().click()
    await page().locator('#detail-panel').getByText('facebookexternalua').waitFor()
    await button('Copy as cURL').click()
    await window.toast('Copied as cURL. Its secrets are masked.')
    assert.doesNotMatch(await window.readClipboard(), /s3cret/)
    await window.clickToastButton('Copy with Secrets')
    await waitUntil('the command on the clipboard', async () =>
      (await window.readClipboard()).includes('s3cret'),
    )
    const command = await window.readClipboard()
    const before = received.length
    const env = { ...process.env, CURL_CA_BUNDLE: world.ca.certPath }
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env })
    assert.match(stdout, /"ok":true/)
    assert.equal(received.length, before + 1)
    await waitUntil('it in the list', async () => (await listed()) === received.length)
    const { method, url: target, body } = received[0] ?? assert.fail()
    const sent = latest()
    assert.deepEqual([sent.method, sent.url, sent.body], [method, target, body])
    const pairs = (headers: readonly string[]) =>
      headers
        .flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${headers[index + 1]}`] : []))
        // nginx adds the visitor to it each time.
        .filter((line) => !line.startsWith('X-Forwarded-For'))
        .sort()
    assert.deepEqual(pairs(sent.rawHeaders), pairs(received[0]?.rawHeaders ?? []))
  })

  it('saves what is listed as HAR, with secrets masked', async () => {
    const { window, folder } = desk
    await page().getByRole('button', { name: 'Save what is listed as HAR…' }).click()
    await window.pick('Secrets masked')
    const file = join(folder, 'requests.har')
    await window.quickInput(({ value }) => value.includes('requests.har'))
    await window.press('Enter')
    await window.toast('requests are saved in')
    const text = readFileSync(file, 'utf8')
    assert.doesNotMatch(text, /s3cret/)
    const har = JSON.parse(text) as { log: { version: string; entries: { request: { url: string } }[] } }
    assert.equal(har.log.version, '1.2')
    assert.ok(har.log.entries.some(({ request }) => request.url === `${url}/form`))
    assert.equal(har.log.entries.length, await listed())
  })

  it('imports that HAR, and an imported request can be replayed', async () => {
    const { window, folder } = desk
    const before = await listed()
    await button('Import HAR…').click()
    await window.quickInput(({ title }) => title.includes('Import HAR'))
    await window.type(join(folder, 'requests.har'))
    // The dialog looks into the folder first, and takes no answer meanwhile.
    await window.pick('requests.har')
    await waitUntil('the requests of the file', async () => (await listed()) === 2 * before)
    const form = page().locator('.row', { hasText: '/form' }).first()
    await form.click()
    await page().locator('.detail .note', { hasText: 'from requests.har' }).waitFor()
    const sent = received.length
    await button('Replay').click()
    await waitUntil('the imported request at the app', () => received.length === sent + 1)
    assert.equal(latest().body.toString(), 'name=Ada+Lovelace&note=%C3%A4%26b')
  })

  it('narrows the list down by words, status and method, and says when nothing passes', async () => {
    const filter = page().getByRole('textbox', { name: 'Filter requests' })
    await page().locator('#list').focus()
    await desk.window.press('/')
    await filter.fill('form -replay')
    await waitUntil('two rows', async () => (await rows().count()) === 2)
    await desk.window.screenshot('18-inspector-filter')
    await filter.fill('nowhere')
    await page().getByText('No request passes the filter.').waitFor()
    await button('Clear the filter').click()
    await button('4xx').click()
    await waitUntil('two rows', async () => (await rows().count()) === 2)
    await button('4xx').click()
  })

  it('lists the messages of a WebSocket while it is open', async () => {
    const { ca } = desk.world
    const socket = await openWebSocket(`${url.replace('https:', 'wss:')}/ws`, { ca })
    socket.send('hello')
    assert.equal((await socket.next()).toString(), 'hello')
    await page().locator('.row .target', { hasText: '/ws' }).click()
    await page().getByRole('tab', { name: 'Messages' }).click()
    const messages = page().locator('.message-text')
    await waitUntil('two messages', async () => (await messages.count()) === 2)
    socket.send('and more')
    await waitUntil('four messages', async () => (await messages.count()) === 4)
    assert.deepEqual(await messages.allInnerTexts(), ['hello', 'hello', 'and more', 'and more'])
    await desk.window.screenshot('19-inspector-websocket')
    await socket.close()
  })

  it('keeps its selection while it is hidden, and what came meanwhile is there', async () => {
    const { window } = desk
    await page().locator('.row .target', { hasText: '/form' }).last().click()
    await page().locator('#detail-panel').getByText('Ada Lovelace').waitFor()
    await window.runCommand('File: New Untitled Text File')
    await window.page.locator('.tab', { hasText: 'Untitled' }).waitFor()
    await postWebhook()
    await window.runCommand('Expose Port: Show Requests')
    await page().locator('#detail-panel').getByText('Ada Lovelace').waitFor()
    assert.equal(await page().locator('.row .target').first().innerText(), '/webhook')
  })

  for (const [theme, kind] of [
    ['Light Modern', 'vscode-light'],
    ['Dark Modern', 'vscode-dark'],
    ['Dark High Contrast', 'vscode-high-contrast'],
  ] as const) {
    it(`is readable and has names for everything in ${theme}`, async () => {
      const { window } = desk
      await window.runCommand('Preferences: Color Theme')
      await window.pick(theme)
      await page().locator(`body.${kind}`).waitFor()
      await page().locator('#list').focus()
      await window.screenshot(`20-inspector-${kind}`)
      const found = await seriousViolations()
      assert.deepEqual(found, [])
    })
  }

  /** What axe-core finds in the page as it is now. */
  async function seriousViolations(): Promise<string[]> {
    const body = await page().locator('body').elementHandle()
    const frame = await body.ownerFrame()
    assert.ok(frame)
    await frame.evaluate(axe.source)
    const { violations } = await frame.evaluate<{ violations: axe.Result[] }>('axe.run(document)')
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
  }

  it('stands in the panel too', async () => {
    const { window } = desk
    await window.runCommand('View: Close All Editors')
    await window.runCommand('Requests: Focus on Requests View')
    await rows().first().waitFor()
    await rows().first().click()
    await page().locator('#detail-panel').waitFor()
    await window.screenshot('21-inspector-panel')
  })

  it('pauses, and clears', async () => {
    const { ca } = desk.world
    await button('Pause capturing').click()
    await page().getByText('Capturing is paused.').waitFor()
    const before = await listed()
    await visit(`${url}/unseen`, { ca })
    assert.equal(latest().url, '/unseen')
    await button('Resume').click()
    await page().getByText('Capturing is paused.').waitFor({ state: 'hidden' })
    await visit(`${url}/seen`, { ca })
    await page().locator('.row .target', { hasText: '/seen' }).waitFor()
    assert.equal(await listed(), before + 1)
    await button('Clear').click()
    await page().getByText('Waiting for the first request').waitFor()
  })
})
