import assert from 'node:assert/strict'
import { execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createServer, type AddressInfo, type ListenOptions, type Server } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../../../src/base/clock'
import { silentLog } from '../../../src/base/log'
import type { ListeningPort } from '../../../src/ports/listeningPort'
import { portSourceFor } from '../../../src/ports/sources'
import { PortWatcher } from '../../../src/ports/watcher'
import { Scope } from '../../support/scope'
import { findTool } from '../../support/tools'
import { waitUntil } from '../../support/waitUntil'
import { lookBesideSs, socketsOfSs } from './ss'

const KINDS: ListenOptions[] = [
  { host: '127.0.0.1' },
  { host: '127.0.0.2' },
  { host: '0.0.0.0' },
  { host: '::1' },
  { host: '::' },
  { host: '::', ipv6Only: true },
  { host: '::ffff:127.0.0.1' },
]

async function close(...servers: readonly Server[]): Promise<void> {
  const listening = servers.filter((server) => server.listening)
  await Promise.all(listening.map((server) => once(server.close(), 'close')))
}

describe('PortWatcher on Linux', function () {
  this.timeout(120_000)
  let scope: Scope
  let watcher: PortWatcher

  before(() =>
    assert.equal(process.platform, 'linux', 'these tests compare with ss; thisMachine.test.ts is for all'),
  )

  beforeEach(() => {
    scope = new Scope()
    watcher = new PortWatcher({
      source: portSourceFor('linux', silentLog),
      clock: systemClock,
      log: silentLog,
    })
    scope.add(() => watcher.dispose())
  })
  afterEach(() => scope.close())

  async function open(
    options: ListenOptions = { host: '127.0.0.1' },
  ): Promise<{ server: Server; port: number }> {
    const server = createServer().listen({ port: 0, ...options })
    scope.add(() => close(server))
    await once(server, 'listening')
    return { server, port: (server.address() as AddressInfo).port }
  }

  const find = (ports: readonly ListeningPort[], port: number) => ports.find((found) => found.port === port)

  /** Where somebody else has the same port on another address, the entry may name them. */
  function assertOurs(ports: readonly ListeningPort[], port: number): void {
    const found = find(ports, port)
    if (found?.addresses.length === 1) assert.equal(found.process?.pid, process.pid)
    else assert.ok(found)
  }

  async function assertEqualsSs(): Promise<readonly ListeningPort[]> {
    const { seen, printed, ports } = await lookBesideSs(() => watcher.refresh())
    assert.deepEqual(seen, printed)
    return ports
  }

  it('equals what ss prints for every kind of address, and names this process', async () => {
    const opened = await Promise.all(KINDS.map((kind) => open(kind)))
    const ports = await assertEqualsSs()
    const expected = ['127.0.0.1', '127.0.0.2', '0.0.0.0', '::1', '::', '::', '127.0.0.1']
    for (const [index, { port }] of opened.entries()) {
      assert.ok(find(ports, port)?.addresses.includes(expected[index]!))
      assertOurs(ports, port)
    }
  })

  it('equals what ss prints after every one of 80 random steps', async () => {
    const listening: Server[] = []
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    for (let step = 0; step < 80; step++) {
      const change = 1 + random(4)
      for (let time = 0; time < change; time++) {
        if (listening.length > 0 && random(5) < 2)
          await close(...listening.splice(random(listening.length), 1))
        else listening.push((await open(KINDS[random(KINDS.length)])).server)
      }
      await assertEqualsSs()
    }
  })

  it('equals what ss prints while it polls, with its bookmarks in place', async () => {
    const hold = watcher.hold()
    for (let look = 0; look < 4; look++) await watcher.refresh()
    await waitUntil('the bookmarks to be placed', async () => (await selfConnections()).length > 0)
    const first = await open()
    await assertEqualsSs()
    const others = await Promise.all(KINDS.map((kind) => open(kind)))
    await assertEqualsSs()
    await close(first.server)
    await assertEqualsSs()
    await close(...others.map(({ server }) => server))
    await assertEqualsSs()
    hold.dispose()
    watcher.dispose()
    await waitUntil('the bookmarks to be gone', async () => (await selfConnections()).length === 0)
  })

  it('sees 500 ports that open at once, and that they close at once', async () => {
    const opened = await Promise.all(
      Array.from({ length: 500 }, (_, index) => open(KINDS[index % KINDS.length])),
    )
    const ports = await assertEqualsSs()
    for (const { port } of opened) assertOurs(ports, port)
    await close(...opened.map(({ server }) => server))
    const left = await assertEqualsSs()
    assert.ok(left.every(({ process: owner }) => owner?.pid !== process.pid))
  })

  it('sees a port that listens for a moment only, and that it is gone', async () => {
    for (let time = 0; time < 20; time++) {
      const { server, port } = await open(KINDS[time % KINDS.length])
      assert.ok(find(await watcher.refresh(), port))
      await close(server)
      assert.ok(!find(await watcher.refresh(), port))
    }
    await assertEqualsSs()
  })

  it('tells by itself what opened and what closed while it is held', async () => {
    const events: string[] = []
    watcher.onDidChange(({ opened, closed }) => {
      events.push(...opened.map(({ port }) => `+${port}`), ...closed.map(({ port }) => `-${port}`))
    })
    const hold = watcher.hold()
    await waitUntil('the first look', () => watcher.ports.length > 0)
    const { server, port } = await open()
    await waitUntil('the port to be reported', () => events.includes(`+${port}`))
    await close(server)
    await waitUntil('the port to be gone', () => events.includes(`-${port}`))
    hold.dispose()
  })

  it("tells name, command and folder of another process's port", async () => {
    const folder = realpathSync(scope.tempDir('shop front'))
    const code = `const s = require('net').createServer().listen(0, '::1', () => console.log('port', s.address().port))`
    const app = await scope.spawn(process.execPath, ['-e', code, 'a b'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] },
      ready: /port \d+/,
    })
    const port = Number(/port (\d+)/.exec(app.stdout)?.[1])
    assert.deepEqual(find(await watcher.refresh(), port), {
      port,
      addresses: ['::1'],
      process: { pid: app.pid, name: 'node', command: `${process.execPath} -e ${code} a b`, folder },
    })
    await app.stop()
    assert.equal(find(await watcher.refresh(), port), undefined)
  })

  it('names a program that has run for long and opens its first port, besides its files and instead of one', async () => {
    const code = `const file = require('fs').openSync(process.execPath)
      process.stdin.once('data', (text) => {
        if (String(text) === 'instead') require('fs').closeSync(file)
        const server = require('net').createServer().listen(0, '127.0.0.1', () => console.log('port', server.address().port))
      })
      console.log('ready')`
    for (const how of ['besides', 'instead']) {
      const app = await scope.spawn(process.execPath, ['-e', code], { stdin: 'pipe', ready: /ready/ })
      const younger = await scope.spawn(process.execPath, ['-e', code], { stdin: 'pipe', ready: /ready/ })
      await watcher.refresh()
      app.child.stdin?.write(how)
      await app.waitUntilReady(/port \d+/)
      const port = Number(/port (\d+)/.exec(app.stdout)?.[1])
      assert.equal(find(await watcher.refresh(), port)?.process?.pid, app.pid)
      await younger.stop()
    }
  })

  it('names the parent of a worker that holds the same socket', async () => {
    const { server, port } = await open()
    const worker = fork(join(__dirname, 'holdSocket.cjs'), { execArgv: [] })
    scope.add(() => worker.kill())
    worker.send('socket', server)
    await once(worker, 'message')
    assert.equal(find(await watcher.refresh(), port)?.process?.pid, process.pid)
  })

  it('lists a port whose process it may not read, without a name', async () => {
    if (process.getuid?.() !== 0) {
      // Without root the system's own ports are such ports; with it we look as somebody else.
      await assertEqualsSs()
      return
    }
    const { port } = await open()
    const script = ['--import', 'tsx', join(__dirname, 'listAsNobody.ts')]
    const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, ...script]
    const env = { PATH: process.env['PATH'], TSX_DISABLE_CACHE: '1', TMPDIR: '/tmp' }
    const { stdout } = await promisify(execFile)('setpriv', asNobody, { env })
    const ports = JSON.parse(stdout) as ListeningPort[]
    assert.deepEqual(find(ports, port), { port, addresses: ['127.0.0.1'] })
  })

  it('stays out of the list itself', async () => {
    const before = await socketsOfSs()
    const hold = watcher.hold()
    for (let look = 0; look < 5; look++) await watcher.refresh()
    const own = (await watcher.refresh()).filter(({ process: owner }) => owner?.pid === process.pid)
    assert.deepEqual(
      own.filter(({ port }) => !before.some((socket) => socket.endsWith(` ${port}`))),
      [],
    )
    hold.dispose()
  })
})

/** Our connections of a socket with itself, which only bookmarks are. */
async function selfConnections(): Promise<string[]> {
  const { stdout } = await promisify(execFile)(findTool('ss'), ['-tnpH', 'state', 'established'])
  return stdout.split('\n').filter((line) => {
    const [, , from, to, owner] = line.trim().split(/\s+/)
    return from !== undefined && from === to && owner?.includes(`pid=${process.pid},`)
  })
}
