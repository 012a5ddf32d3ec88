import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { isRunning, processTree } from '../support/processTree.mjs'
import { visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { launchChromium } from '../support/vscode/chromium'
import { waitUntil } from '../support/waitUntil'

describe('npm start', function () {
  this.timeout(240_000)

  const root = join(__dirname, '../..')
  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  const ways = [
    { what: 'with sshd and nginx', flags: [], programs: /sshd|nginx/ },
    { what: 'with nothing but the extension', flags: ['--built-in'], programs: undefined },
  ]
  for (const { what, flags, programs } of ways) {
    it(`shows VS Code and a bot ${what}, and leaves nothing after Ctrl-C`, async () => {
      const args = [join(root, 'test/start.mjs'), '--browser', ...flags]
      const start = await scope.spawn(process.execPath, args, {
        cwd: root,
        ready: /Ctrl-C ends all of it/,
        readyTimeoutMs: 200_000,
      })
      const [vsCode = '', bot = ''] = start.stdout.match(/http:\/\/127\.0\.0\.1:\S+/g) ?? []
      assert.equal((await visit(vsCode)).status, 200)
      assert.match(String((await visit(bot)).body), /The sample bot is up/)

      const url = await exposeInBrowser(vsCode, new URL(bot).port)
      const question = '/webhook?hub.mode=subscribe&hub.verify_token=expose-port&hub.challenge=it+works'
      const agent = new Agent({ rejectUnauthorized: false })
      assert.equal(String((await visit(url + question, { agent })).body), 'it works')
      agent.destroy()

      const tree = processTree(start.pid)
      const commands = tree.map(commandOf).join('\n')
      if (programs === undefined) assert.doesNotMatch(commands, /sshd|nginx/)
      else assert.match(commands, programs)
      const folders = new Set((start.stdout + commands).match(/\/tmp\/[\w-]+-\w{6}(?=\/)/g))
      assert.ok(folders.size >= 2, 'the workspace, and the folders of VS Code')
      assert.ok([...folders].every((folder) => existsSync(folder)))

      start.signal('SIGINT')
      assert.equal(await start.exited(), 130)
      // The watchdog goes when it has seen that the others went.
      await waitUntil('its processes to be gone', () => !tree.some(isRunning))
      assert.deepEqual(
        [...folders].filter((folder) => existsSync(folder)),
        [],
      )
    })
  }
})

/** Does what the text of `npm start` says, and answers the public URL. */
async function exposeInBrowser(vsCode: string, port: string): Promise<string> {
  const scope = new Scope()
  try {
    const context = await launchChromium(scope)
    context.setDefaultTimeout(30_000)
    const page = await context.newPage()
    await page.goto(vsCode)
    const input = page.locator('.quick-input-widget input.input')
    const rows = page.locator('.quick-input-list .monaco-list-row')
    await page.locator('.statusbar-item').first().waitFor()
    const command = rows.filter({ hasText: 'Expose Port: Expose Port' }).first()
    // The palette does not notice commands that come while it is open.
    await waitUntil(
      'the command in the Command Palette',
      async () => {
        await page.keyboard.press('Escape')
        await page.keyboard.press('F1')
        await input.fill('>Expose Port: Expose Port', { timeout: 2000 }).catch(() => undefined)
        await command.waitFor({ timeout: 2000 }).catch(() => undefined)
        return command.isVisible()
      },
      60_000,
    )
    await command.click()
    await page.getByPlaceholder('Which port should be public?').waitFor()
    await input.fill(port)
    await rows.filter({ hasText: port }).first().click()
    const onThisMachine = rows.filter({ hasText: 'Try it on this machine only' })
    const expose = page.locator('.dialog-buttons .monaco-button').getByText('Expose', { exact: true })
    await onThisMachine.or(expose).first().waitFor()
    if (await onThisMachine.isVisible()) await onThisMachine.click()
    await expose.click()
    const item = page.locator('[id="expose-port.expose-port.publicUrl"]', { hasText: 'https://' })
    await item.locator('a[aria-label^="Public URL"]').waitFor()
    return /https:\S+/.exec((await item.textContent()) ?? '')?.[0] ?? ''
  } finally {
    await scope.close()
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
