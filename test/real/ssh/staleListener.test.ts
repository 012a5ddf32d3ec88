import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer, type ListenOptions, type Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../../src/base/clock'
import { Cancelled, Failure } from '../../../src/base/failure'
import type { Server } from '../../../src/servers/server'
import { TypedSecrets } from '../../../src/ssh/identities'
import { openTransport } from '../../../src/ssh/openTransport'
import { endProcess, findOwnSession } from '../../../src/ssh/ownSession'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Transport } from '../../../src/ssh/transport'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { startSwallowingProxy, type SwallowingProxy } from '../../support/swallowingProxy'
import { waitUntil } from '../../support/waitUntil'
import { loginTo, startWorld, type World } from '../../support/world'

describe('the listener that a lost session still holds', () => {
  let scope: Scope
  let world: World
  let proxy: SwallowingProxy
  let app: EchoApp
  let tunnels: Tunnels
  const signal = new AbortController().signal
  const noUnlink = 'StreamLocalBindUnlink no'

  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function start(config: readonly string[]): Promise<void> {
    world = await startWorld(scope, { config })
    proxy = await startSwallowingProxy(scope, { targetPort: world.sshd.port })
    app = await startEchoApp(scope)
    tunnels = world.tunnels()
  }

  /** Known by the name of the server itself, and found dead soon. */
  const throughProxy = (): Partial<SshSettings> => ({
    port: proxy.port,
    hostKeyAlias: `[127.0.0.1]:${world.sshd.port}`,
    serverAliveIntervalMs: 150,
    serverAliveCountMax: 2,
    connectTimeoutMs: 3000,
  })

  const expose = (server: Server, name = 'stale') =>
    tunnels.open({ app: { host: 'localhost', port: app.port, protocol: 'http' }, server, name, signal })

  async function answersAgain(tunnel: Tunnel): Promise<void> {
    await waitUntil(
      () => `the tunnel to heal: ${JSON.stringify(tunnel.state)}\n${world.log.text}`,
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
  }

  /** The path goes dark without a word, and the server still holds what it held. */
  async function loseSilently(tunnel: Tunnel): Promise<void> {
    const sessions = world.sshd.sessionCount()
    proxy.swallow()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    assert.ok(world.sshd.sessionCount() >= sessions, 'the old session is still there')
  }

  const rememberedSession = () =>
    waitUntil('the session to be known', () => /process for this connection: \d+/.test(world.log.text))

  it('is taken over with StreamLocalBindUnlink yes', async () => {
    await start([])
    const tunnel = await expose(world.namedUrls(throughProxy()))
    for (let round = 0; round < 2; round++) {
      await loseSilently(tunnel)
      await answersAgain(tunnel)
    }
    await tunnels.stopAll()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
  })

  it('is taken over by a rename without it, again and again, with nothing left beside it', async () => {
    await start([noUnlink])
    const tunnel = await expose(world.namedUrls(throughProxy()))
    for (let round = 0; round < 3; round++) {
      await waitUntil('the socket file to be known', () => world.sshd.log().includes('sftp'))
      await new Promise((resolve) => setTimeout(resolve, 100))
      await loseSilently(tunnel)
      await answersAgain(tunnel)
      assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
    }
    assert.equal(statSync(join(world.socketDirectory, 'stale.sock')).mode & 0o777, 0o660)
    await tunnels.stopAll()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
  })

  it('ends our own lost session where it holds a TCP port', async () => {
    await start([])
    const tunnel = await expose(world.oneUrl(throughProxy()))
    for (let round = 1; round <= 2; round++) {
      await waitUntil(
        'the session to be known',
        () =>
          world.log.lines.filter((line) => /process for this connection: \d+/.test(line)).length === round,
      )
      await loseSilently(tunnel)
      await answersAgain(tunnel)
      assert.equal(world.sshd.sessionCount(), 1, 'the lost session has ended')
    }
    await tunnels.stopAll()
  })

  it('ends it for a user whose session sshd runs in a process of its own', async () => {
    await start([])
    world = await startWorld(scope, { passwordUser: { name: 'visitor', password: 'correct horse' } })
    proxy = await startSwallowingProxy(scope, { targetPort: world.sshd.port })
    tunnels = world.tunnels(scriptedPrompts({ password: () => Promise.resolve('correct horse') }))
    const login = { ...throughProxy(), user: 'visitor', identityFiles: [] }
    const tunnel = await expose(world.oneUrl(login))
    await rememberedSession()
    await loseSilently(tunnel)
    await answersAgain(tunnel)
    await waitUntil('the lost session to have ended', () => world.sshd.sessionCount() === 1)
    await tunnels.stopAll()
  })

  it('asks a server that runs no commands once, and comes back when the port is free', async () => {
    await start(['MaxSessions 0'])
    const tunnel = await expose(world.oneUrl(throughProxy()))
    const failures: Failure[] = []
    tunnel.onDidChange((state) => {
      if (state.kind === 'waiting') failures.push(state.failure)
    })
    await loseSilently(tunnel)
    await waitUntil('the refusal', () => failures.some(({ kind }) => kind === 'forward-address-taken'))
    const refused = failures.find(({ kind }) => kind === 'forward-address-taken')
    assert.match(refused?.advice ?? '', /ClientAliveInterval 15.*ClientAliveCountMax 3/)
    assert.equal(tunnel.state.kind, 'waiting')
    const { accepted } = proxy
    proxy.cutSwallowed()
    await answersAgain(tunnel)
    assert.equal(proxy.accepted, accepted, 'on the same connection')
    const asked = world.log.lines.filter((line) => line.includes('process for this connection')).length
    assert.equal(asked, 1)
    await tunnels.stopAll()
  })

  it('takes the place of a socket file that a session of long ago left', async () => {
    await start([noUnlink])
    const server = world.namedUrls()
    await leaveDeadSocket(join(world.socketDirectory, 'stale.sock'))
    const tunnel = await expose(server)
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
    await tunnel.stop()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
    const again = await expose(server)
    assert.equal((await visit(again.publicUrl!, { ca: world.ca })).status, 200)
    await again.stop()
  })

  it('leaves a listener alone that is not ours when the person says so', async () => {
    await start([noUnlink])
    const path = join(world.socketDirectory, 'stale.sock')
    const other = await listen({ path })
    const inode = statSync(path).ino
    const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(false) })
    tunnels = world.tunnels(prompts)
    await assert.rejects(expose(world.namedUrls()), Cancelled)
    const publicUrl = world.nginx.url('stale.dev.localhost')
    assert.deepEqual(prompts.asked, [{ kind: 'takeOver', address: path, publicUrl, holder: undefined }])
    assert.equal(statSync(path).ino, inode)
    assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
    assert.ok(other.listening)
  })

  it('touches nothing where it cannot tell whether anybody listens', async () => {
    await start([noUnlink, 'AllowStreamLocalForwarding remote'])
    const path = join(world.socketDirectory, 'stale.sock')
    await listen({ path })
    const inode = statSync(path).ino
    await assert.rejects(expose(world.namedUrls()), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.kind, 'forward-address-taken')
      assert.match(error.advice, /StreamLocalBindUnlink yes/)
      return true
    })
    assert.equal(statSync(path).ino, inode)
    assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
  })

  it('explains StreamLocalBindUnlink where there is no SFTP', async () => {
    await start([noUnlink, 'MaxSessions 0'])
    await leaveDeadSocket(join(world.socketDirectory, 'stale.sock'))
    await assert.rejects(expose(world.namedUrls()), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.kind, 'forward-address-taken')
      assert.match(error.advice, /StreamLocalBindUnlink yes/)
      return true
    })
  })

  it('removes no file that is not a socket', async () => {
    await start([noUnlink])
    const path = join(world.socketDirectory, 'stale.sock')
    writeFileSync(path, 'precious')
    await assert.rejects(expose(world.namedUrls()), { kind: 'socket-path-taken' })
    assert.ok(existsSync(path))
    assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
  })

  it('leaves alone what took the place of ours meanwhile, and comes back when that has gone', async () => {
    await start([noUnlink])
    const path = join(world.socketDirectory, 'stale.sock')
    const tunnel = await expose(world.namedUrls(throughProxy()))
    const boundIn = Math.floor(statSync(path).mtimeMs / 1000)
    proxy.goDark()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    // SFTP tells when a socket was bound in whole seconds.
    await waitUntil('the next second', () => Math.floor(Date.now() / 1000) > boundIn)
    unlinkSync(path)
    const other = await listen({ path })
    proxy.restore()
    const said = () => (tunnel.state.kind === 'waiting' ? tunnel.state.failure.kind : '')
    await waitUntil('the refusal', () => said() === 'socket-path-taken')
    assert.deepEqual(readdirSync(world.socketDirectory), ['stale.sock'])
    await once(other.close(), 'close')
    tunnel.retryNow()
    await answersAgain(tunnel)
    await tunnels.stopAll()
  })

  it('leaves another program alone that has our port meanwhile', async () => {
    await start([])
    const tunnel = await expose(world.oneUrl(throughProxy()))
    await rememberedSession()
    proxy.goDark()
    proxy.cut()
    await waitUntil('the port to be free', async () => (await world.sshd.listeners()).length === 0)
    const other = await listen({ port: world.tcpBind.port, host: '127.0.0.1' })
    proxy.restore()
    proxy.cut()
    const said = () => (tunnel.state.kind === 'waiting' ? tunnel.state.failure.kind : '')
    await waitUntil('the refusal', () => said() === 'forward-address-taken')
    await waitUntil('the question', () => world.sshd.log().includes('Starting session: command'))
    assert.ok(other.listening)
    await once(other.close(), 'close')
    tunnel.retryNow()
    await answersAgain(tunnel)
    await tunnels.stopAll()
  })

  it('ends no process that only has the number of an old one', async () => {
    await start([])
    const [one, two] = [await login(), await login()]
    const found = await findOwnSession(one)
    assert.ok(found)
    assert.notDeepEqual(await findOwnSession(two), found)
    assert.equal(await endProcess(two, { ...found, startedAt: `${found.startedAt}1` }), false)
    assert.equal(await endProcess(two, { pid: String(process.pid), startedAt: found.startedAt }), false)
    assert.ok(one.isOpen)
    assert.equal(await endProcess(two, found), true)
    await waitUntil('the first to be closed', () => !one.isOpen)
    assert.equal(await endProcess(two, found), false)
    two.dispose()
  })

  it('does not run the command that a key has of its own', async () => {
    await start([])
    const ran = join(scope.tempDir('ran'), 'ran')
    const key = await world.sshd.newClientKey({ options: `command="touch ${ran}"` })
    for (const server of [
      world.oneUrl({ identityFiles: [key.path] }),
      world.namedUrls({ identityFiles: [key.path] }),
    ]) {
      const tunnel = await expose(server)
      await waitUntil('the tunnel to know', () => world.log.text.includes('runs a command of its own'))
      await tunnel.stop()
    }
    await tunnels.stopAll()
    assert.doesNotMatch(world.sshd.log(), /Starting session/)
    assert.ok(!existsSync(ran))
  })

  function login(): Promise<Transport> {
    return openTransport({
      settings: loginTo(world.sshd, world),
      prompts: scriptedPrompts(),
      secrets: new TypedSecrets(),
      clock: systemClock,
      log: world.log,
      signal,
      onHop: () => undefined,
      resolve: () => assert.fail('no jump host'),
    })
  }

  /** Some other program on the server. */
  async function listen(where: ListenOptions): Promise<NetServer> {
    const other = createServer((socket) => socket.on('error', () => undefined).end('mine'))
    await once(other.listen(where), 'listening')
    scope.add(() => other.close())
    return other
  }

  /** As sshd leaves it: a socket file with nobody behind it. */
  async function leaveDeadSocket(path: string): Promise<void> {
    const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    const process_ = await scope.spawn(process.execPath, ['-e', code])
    await process_.exited()
    assert.ok(existsSync(path))
  }
})
