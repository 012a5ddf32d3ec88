import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Cancelled } from '../../../src/base/failure'
import { Neighbours } from '../../../src/tunnels/neighbours'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

for (const unlinks of ['yes', 'no'] as const) {
  describe(`a name that another window has, with StreamLocalBindUnlink ${unlinks}`, () => {
    let scope: Scope
    let world: World
    let path: string
    let publicUrl: string
    let directory: string
    let [theirApp, ourApp]: EchoApp[] = []
    let theirs: Tunnel
    const signal = new AbortController().signal

    beforeEach(async () => {
      scope = new Scope()
      world = await startWorld(scope, { config: [`StreamLocalBindUnlink ${unlinks}`] })
      path = join(world.socketDirectory, 'bot.sock')
      publicUrl = world.nginx.url('bot.dev.localhost')
      directory = scope.tempDir('windows')
      ;[theirApp, ourApp] = [await startEchoApp(scope), await startEchoApp(scope)]
      theirs = await expose(windowOf('shop', process.ppid), theirApp)
    })
    afterEach(() => scope.close())

    /** A window by its name and the number of a process that runs; without one it tells nobody, and hears of none. */
    function windowOf(window: string, pid: number | undefined, prompts = scriptedPrompts()): Tunnels {
      if (pid === undefined) return world.tunnels(prompts)
      const neighbours = new Neighbours({ directory, window, log: world.log, pid })
      return world.tunnels(prompts, { neighbours })
    }

    const expose = (tunnels: Tunnels, app: EchoApp | undefined, from: AbortSignal = signal) =>
      tunnels.open({
        app: { host: 'localhost', port: app?.port ?? 0, protocol: 'http' },
        server: world.namedUrls(),
        name: 'bot',
        signal: from,
      })

    const isOpen = ({ state }: Tunnel) => state.kind === 'open' && state.check === 'passed'

    /** Whose app a visitor finds. */
    async function visitorFinds(): Promise<EchoApp | undefined> {
      const before = [theirApp, ourApp].map((app) => app?.requests.length)
      assert.equal((await visit(`${publicUrl}/hello`, { ca: world.ca })).status, 200)
      return [theirApp, ourApp].find((app, index) => app?.requests.length !== before[index])
    }

    it('is taken over by nobody who was not asked, and stays with a no', async () => {
      const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(false) })
      const inode = statSync(path).ino
      const ours = windowOf('blog', process.pid, prompts)
      await assert.rejects(expose(ours, ourApp), Cancelled)
      const holder = `the window "shop", for its port ${theirApp?.port} at ${publicUrl}`
      assert.deepEqual(prompts.asked, [{ kind: 'takeOver', address: path, publicUrl, holder }])
      assert.deepEqual(ours.all, [])
      assert.equal(statSync(path).ino, inode)
      assert.deepEqual(readdirSync(world.socketDirectory), ['bot.sock'])
      assert.ok(isOpen(theirs))
      assert.equal(await visitorFinds(), theirApp)
    })

    it('is asked about too where nobody knows whose it is', async () => {
      const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(false) })
      await assert.rejects(expose(windowOf('', undefined, prompts), ourApp), Cancelled)
      assert.deepEqual(prompts.asked, [{ kind: 'takeOver', address: path, publicUrl, holder: undefined }])
      assert.equal(await visitorFinds(), theirApp)
    })

    it('is ours with a yes, and stays so when the other ends', async () => {
      const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(true) })
      const ours = await expose(windowOf('blog', process.pid, prompts), ourApp)
      assert.equal(prompts.asked.length, 1)
      assert.ok(isOpen(ours), JSON.stringify(ours.state))
      assert.equal(await visitorFinds(), ourApp)
      assert.deepEqual(readdirSync(world.socketDirectory), ['bot.sock'], 'nothing is left beside it')
      assert.ok(isOpen(theirs), 'the other is not told, and not broken')

      await theirs.stop()
      assert.deepEqual(theirs.state, { kind: 'closed' })
      assert.ok(isOpen(ours))
      assert.equal(await visitorFinds(), ourApp)

      await ours.stop()
      assert.deepEqual(readdirSync(world.socketDirectory), [])
    })

    it('stays ours when both connections are lost, and the other is told who has it', async () => {
      const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(true) })
      const ours = await expose(windowOf('blog', process.pid, prompts), ourApp)
      await world.sshd.restart()
      const failure = () => (theirs.state.kind === 'failed' ? theirs.state.failure : undefined)
      await waitUntil(
        () => `the other window to give up: ${JSON.stringify([theirs.state, ours.state])}`,
        () => failure() !== undefined && isOpen(ours),
      )
      assert.equal(failure()?.kind, 'taken-over')
      assert.match(failure()?.message ?? '', /taken over by the window "blog"/)
      assert.equal(await visitorFinds(), ourApp)
    })

    it('may be taken back and forth', async () => {
      const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(true) })
      const window = windowOf('blog', process.pid, prompts)
      const ours = await expose(window, ourApp)
      await theirs.stop()
      theirs = await expose(windowOf('shop', process.ppid, prompts), theirApp)
      assert.equal(await visitorFinds(), theirApp)
      assert.equal(prompts.asked.length, 2)
      await ours.stop()
      assert.equal(await visitorFinds(), theirApp)
    })

    it('stays where it is for somebody who went while they were asked', async () => {
      const abort = new AbortController()
      const inode = statSync(path).ino
      let answer: (agreed: boolean) => void = () => undefined
      const takeOver = () => {
        setImmediate(() => abort.abort(new Cancelled()))
        return new Promise<boolean>((resolve) => (answer = resolve))
      }
      // Another tunnel keeps the connection, so that nothing ends with it.
      const window = windowOf('blog', process.pid, scriptedPrompts({ takeOver }))
      const request = {
        app: { host: 'localhost', port: ourApp?.port ?? 0, protocol: 'http' },
        signal,
      } as const
      const other = await window.open({ ...request, server: world.namedUrls(), name: 'other' })
      await assert.rejects(expose(window, ourApp, abort.signal), Cancelled)
      answer(true)
      // Had it been asked for, it would have come before this one.
      await window.open({ ...request, server: world.namedUrls(), name: 'third' })
      assert.equal(statSync(path).ino, inode)
      assert.equal(await visitorFinds(), theirApp)
      assert.ok(isOpen(other))
    })
  })
}
