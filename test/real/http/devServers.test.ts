import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { createServer as createVite } from 'vite'
import { freePort } from '../../support/freePort'
import { rules, startPickyApp } from '../../support/pickyApp'
import { openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { findTool } from '../../support/tools'
import { launchChromium } from '../../support/vscode/chromium'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { exposeApp, publicName, type Exposed } from './exposed'
import { openPage } from './openPage'

/** Servers that check where a request comes from, with nothing changed in their configuration. */
describe('development servers through the public URL', function () {
  this.timeout(60_000)
  const shared = new Scope()
  let world: World
  let browser: BrowserContext
  let scope: Scope

  before(async () => {
    world = await startWorld(shared)
    browser = await launchChromium(shared, { hostRules: [`MAP ${publicName} 127.0.0.1`] })
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  for (const of of Object.keys(rules) as (keyof typeof rules)[]) {
    const asVisitor = async ({ url, options }: Exposed) => {
      const origin = new URL(url).origin
      const post = { headers: { origin, referer: `${url}/form` }, body: 'a=1' }
      const page = await visit(url, options)
      const form = await visit(url, { ...options, ...post })
      const noOrigin = await visit(url, { ...options, headers: { referer: `${url}/form` }, body: 'a=1' })
      const webSocket = await openWebSocket(url, { ...options, headers: { origin } }).then(
        async (opened) => {
          const said = String(await opened.next())
          await opened.close()
          return said
        },
        () => 'refused',
      )
      return [page.status, form.status, noOrigin.status, webSocket]
    }

    it(`what ${of} checks: pages, forms and WebSockets are let in`, async () => {
      const app = await startPickyApp(scope, of)
      const exposed = await exposeApp(scope, world, { port: app.port })
      assert.deepEqual(await asVisitor(exposed), [200, 200, 200, 'welcome'])
      assert.deepEqual(app.refusals, [])
    })

    it(`what ${of} checks: a page of another origin stays refused, and so is all that is not translated`, async () => {
      const app = await startPickyApp(scope, of)
      const { url, options } = await exposeApp(scope, world, { port: app.port })
      const headers = { origin: 'https://evil.example', referer: 'https://evil.example/' }
      if (of !== 'webpack-dev-server') {
        assert.equal((await visit(url, { ...options, headers, body: 'a=1' })).status, 403)
      }
      if (of !== 'Django') await assert.rejects(openWebSocket(url, { ...options, headers }), /403/)
      const before = app.refusals.length
      assert.ok(before > 0)
      const publicly = await exposeApp(scope, world, { port: app.port, hostHeader: 'public' })
      const seen = await asVisitor(publicly)
      assert.ok(app.refusals.length > before, `without translation: ${seen.join(' ')}`)
    })
  }

  it('Vite: the page loads, and a change arrives in it without a reload', async () => {
    const root = scope.tempDir('vite')
    writeFileSync(join(root, 'index.html'), '<h1></h1><script type="module" src="/main.js"></script>')
    writeFileSync(
      join(root, 'main.js'),
      `import { text } from './text.js'
const show = (shown) => { document.querySelector('h1').textContent = shown }
show(text)
import.meta.hot.accept('./text.js', (changed) => show(changed.text))
`,
    )
    writeFileSync(join(root, 'text.js'), "export const text = 'first'\n")
    const port = await freePort()
    const vite = await createVite({
      ...{ root, configFile: false, logLevel: 'silent', cacheDir: join(root, 'cache') },
      server: { port, strictPort: true, host: '127.0.0.1' },
    })
    scope.add(() => vite.close())
    await vite.listen()
    const untouched = await exposeApp(scope, world, { port, hostHeader: 'public' })
    const refused = await visit(untouched.url, untouched.options)
    assert.equal(refused.status, 403, 'what it does with the public name')
    await untouched.tunnel.stop()

    const { url } = await exposeApp(scope, world, { port })
    const page = await openPage(scope, browser, url)
    const sockets: string[] = []
    page.on('websocket', (socket) => sockets.push(socket.url()))
    await page.reload()
    const shown = () => page.textContent('h1')
    await waitUntil('the page to show its text', async () => (await shown()) === 'first')
    await page.evaluate(() => Object.assign(globalThis, { since: 'the first load' }))
    await waitUntil('hot reload to be connected', () => sockets.length > 0)
    assert.ok(
      sockets.every((socket) => socket.startsWith(`wss://${new URL(url).host}/`)),
      `hot reload goes through the tunnel: ${sockets.join(' ')}`,
    )
    await waitUntil('Vite to see its client', () => vite.ws.clients.size > 0)
    writeFileSync(join(root, 'text.js'), "export const text = 'second'\n")
    await waitUntil('the change to arrive', async () => (await shown()) === 'second')
    assert.equal(await page.evaluate('globalThis.since'), 'the first load')
  })

  it('Django: a form of its own is posted, and its redirect stays at the public URL', async () => {
    findTool('django')
    const directory = scope.tempDir('django')
    const app = join(directory, 'app.py')
    writeFileSync(app, djangoApp)
    const port = await freePort()
    const django = await scope.spawn(
      findTool('/usr/bin/python3'),
      [app, 'runserver', '--noreload', `127.0.0.1:${port}`],
      { cwd: directory, env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' } },
    )
    await waitUntil(
      () => `Django to listen: ${django.stderr}`,
      () =>
        visit(`http://127.0.0.1:${port}/`).then(
          () => true,
          () => false,
        ),
    )
    const untouched = await exposeApp(scope, world, { port, hostHeader: 'public' })
    assert.equal(
      (await visit(untouched.url, untouched.options)).status,
      400,
      'what it does with the public name',
    )
    await untouched.tunnel.stop()

    const { url } = await exposeApp(scope, world, { port })
    const page = await openPage(scope, browser, url)
    await page.fill('input[name=word]', 'from outside')
    await page.click('button')
    await page.waitForSelector('h1')
    assert.equal(await page.textContent('h1'), 'posted: from outside')
    assert.equal(page.url(), `${url}/posted?word=from+outside`)
    assert.equal(readFileSync(app, 'utf8'), djangoApp)
  })
})

/** As `startproject` sets it up: DEBUG, no ALLOWED_HOSTS, the CSRF check; a redirect that names the whole URL. */
const djangoApp = `
import sys
from django.conf import settings
settings.configure(
    DEBUG=True, SECRET_KEY='x', ROOT_URLCONF=__name__,
    MIDDLEWARE=['django.middleware.common.CommonMiddleware', 'django.middleware.csrf.CsrfViewMiddleware'],
    TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates'}],
)
from django.http import HttpResponse, HttpResponseRedirect
from django.template import engines
from django.urls import path
from django.utils.http import urlencode

form = '<form method="post">{% csrf_token %}<input name="word"><button>Send</button></form>'

def index(request):
    if request.method == 'POST':
        target = '/posted?' + urlencode({'word': request.POST['word']})
        return HttpResponseRedirect(request.build_absolute_uri(target))
    return HttpResponse(engines['django'].from_string(form).render({}, request))

def posted(request):
    return HttpResponse('<h1>posted: ' + request.GET['word'] + '</h1>')

urlpatterns = [path('', index), path('posted', posted)]

from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
`
