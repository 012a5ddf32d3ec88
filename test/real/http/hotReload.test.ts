import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { installDevServers, type DevServers } from '../../support/devServers/install'
import { freePort } from '../../support/freePort'
import { openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { launchChromium } from '../../support/vscode/chromium'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { exposeApp, publicName } from './exposed'
import { openPage } from './openPage'

/** How long a development server may take to make a page, on a machine that is busy. */
const patience = 120_000

/** Servers from npm, with nothing in their configuration about where they are called. */
describe('hot reload through the public URL', function () {
  this.timeout(5 * patience)
  const shared = new Scope()
  let world: World
  let browser: BrowserContext
  let devServers: DevServers
  let scope: Scope

  before(async () => {
    devServers = await installDevServers()
    world = await startWorld(shared)
    browser = await launchChromium(shared, { hostRules: [`MAP ${publicName} 127.0.0.1`] })
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const toShow = (page: Page, selector: string, text: string) =>
    waitUntil(
      `${selector} to show ${text}`,
      async () => (await page.textContent(selector)) === text,
      patience,
    )

  function socketsOf(page: Page): string[] {
    const sockets: string[] = []
    page.on('websocket', (socket) => sockets.push(socket.url()))
    return sockets
  }

  async function startWebpack(webSocketURL?: string): Promise<{ port: number; change: () => void }> {
    const app = await devServers.newApp(scope, webpackApp)
    mkdirSync(join(app, 'public'))
    writeFileSync(join(app, 'public', 'index.html'), '<h1></h1><script src="/main.js"></script>')
    const port = await freePort()
    const args = [join(app, 'serve.cjs'), String(port), ...(webSocketURL === undefined ? [] : [webSocketURL])]
    await scope.spawn(process.execPath, args, { cwd: app, ready: /compiled/, readyTimeoutMs: patience })
    return { port, change: () => writeFileSync(join(app, 'text.js'), "export const text = 'second'\n") }
  }

  it('webpack-dev-server: the page loads, and a change arrives in it without a reload', async () => {
    const { port, change } = await startWebpack('auto://0.0.0.0:0/ws')
    const untouched = await exposeApp(scope, world, { port, hostHeader: 'public' })
    const refused = await visit(untouched.url, untouched.options)
    assert.equal(refused.status, 403, 'what it does with the public name')
    await untouched.tunnel.stop()

    const { url } = await exposeApp(scope, world, { port })
    const page = await openPage(scope, browser, url)
    const sockets = socketsOf(page)
    const isConnected = page.waitForEvent('console', {
      predicate: (message) => message.text().includes('Hot Module Replacement enabled'),
      timeout: patience,
    })
    await page.reload()
    await toShow(page, 'h1', 'first')
    await isConnected
    await page.evaluate(() => Object.assign(globalThis, { since: 'the first load' }))
    // The page that was loaded first may call once more.
    assert.deepEqual([...new Set(sockets)], [`wss://${new URL(url).host}/ws`])
    change()
    await toShow(page, 'h1', 'second')
    assert.equal(await page.evaluate('globalThis.since'), 'the first load')
  })

  it('webpack-dev-server as it is by itself: the page loads, and hot reload calls its own port, which is not public', async () => {
    const { port } = await startWebpack()
    const { url } = await exposeApp(scope, world, { port })
    const page = await openPage(scope, browser, url)
    const sockets = socketsOf(page)
    await page.reload()
    await toShow(page, 'h1', 'first')
    await waitUntil('hot reload to call', () => sockets.length > 0, patience)
    assert.ok(sockets[0]?.endsWith(`:${port}/ws`), sockets[0])
  })

  it('Next: the page loads, a change arrives in it without a reload, and a server action is taken', async () => {
    const app = await devServers.newApp(scope, {
      // The root is where the packages are; by itself it looks for it in all folders above.
      'next.config.mjs': `export default { turbopack: { root: ${JSON.stringify(devServers.folder)} } }\n`,
    })
    mkdirSync(join(app, 'app'))
    for (const [name, text] of Object.entries(nextApp)) writeFileSync(join(app, 'app', name), text)
    const port = await freePort()
    const next = join(devServers.folder, 'node_modules', 'next', 'dist', 'bin', 'next')
    await scope.spawn(process.execPath, [next, 'dev', '--port', String(port), '--hostname', '127.0.0.1'], {
      ...{ cwd: app, env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' } },
      ...{ ready: /Ready in/, readyTimeoutMs: patience },
    })
    const { url, options, tunnel } = await exposeApp(scope, world, { port })
    const page = await openPage(scope, browser, url)
    const sockets = socketsOf(page)
    await page.reload()
    await toShow(page, 'h1', 'first')
    await waitUntil(
      'the page to come alive',
      async () => {
        await page.click('b')
        return (await page.textContent('b')) !== '0'
      },
      patience,
    )
    await waitUntil('hot reload to call', () => sockets.length > 0, patience)
    const [hotReload = ''] = sockets
    assert.ok(hotReload.startsWith(`wss://${new URL(url).host}/`), hotReload)
    await page.evaluate(() => Object.assign(globalThis, { since: 'the first load' }))
    writeFileSync(join(app, 'app', 'text.js'), "export const text = 'second'\n")
    await toShow(page, 'h1', 'second')
    await page.fill('input[name=word]', 'from outside')
    await page.click('button')
    await toShow(page, 'p', 'from outside')
    assert.equal(page.url(), `${url}/?word=from%20outside`)
    assert.equal(await page.evaluate('globalThis.since'), 'the first load')

    await page.close()
    await tunnel.stop()
    const untouched = await exposeApp(scope, world, { port, hostHeader: 'public' })
    const call = openWebSocket(hotReload.replace(url.replace('https', 'wss'), untouched.url), {
      ...options,
      headers: { origin: untouched.url },
    })
    await assert.rejects(call, 'what it does with the public name')
  })
})

const webpackApp = {
  'index.js': `import { text } from './text.js'
const show = (shown) => { document.querySelector('h1').textContent = shown }
show(text)
module.hot.accept('./text.js', () => show(text))
`,
  'text.js': "export const text = 'first'\n",
  'serve.cjs': `const { webpack } = require('webpack')
const Server = require('webpack-dev-server')
const [port, webSocketURL] = process.argv.slice(2)
const compiler = webpack({ mode: 'development', context: __dirname, entry: './index.js' })
const client = webSocketURL === undefined ? {} : { client: { webSocketURL } }
new Server({ port, host: '127.0.0.1', ...client }, compiler).start()
`,
}

/** A page with some state, and a server action that redirects. */
const nextApp = {
  'layout.js': 'export default ({ children }) => <html><body>{children}</body></html>\n',
  'page.js': `import { redirect } from 'next/navigation'
import { Counter } from './counter'
import { text } from './text'

async function send(form) {
  'use server'
  redirect('/?word=' + encodeURIComponent(form.get('word')))
}

export default async function Page({ searchParams }) {
  const { word = 'nothing yet' } = await searchParams
  return <main>
    <h1>{text}</h1>
    <Counter />
    <p>{word}</p>
    <form action={send}><input name="word" /><button>Send</button></form>
  </main>
}
`,
  'counter.js': `'use client'
import { useState } from 'react'

export function Counter() {
  const [count, setCount] = useState(0)
  return <b onClick={() => setCount(count + 1)}>{count}</b>
}
`,
  'text.js': "export const text = 'first'\n",
}
