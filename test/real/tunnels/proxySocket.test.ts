import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../../src/base/failure'
import type { Server } from '../../../src/servers/server'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { startNginx, type Nginx } from '../../support/nginx'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

/** nginx of another user, as on every real server: only root can start it so, and these tests say so. */
describe('a socket that the reverse proxy may not open by itself', () => {
  const proxyUser = 'nobody'
  let scope: Scope
  let world: World
  let nginx: Nginx
  let app: EchoApp
  let directory: string
  let path: string
  const signal = new AbortController().signal

  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function start(options: {
    mode: number
    group?: 'proxy'
    config?: readonly string[]
  }): Promise<void> {
    world = await startWorld(scope, { config: options.config ?? [] })
    const parent = scope.tempDir('run')
    chmodSync(parent, 0o711)
    directory = join(parent, 'expose')
    path = join(directory, 'bot.sock')
    mkdirSync(directory)
    const servers = [{ kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory: directory }] as const
    nginx = await startNginx(scope, { ca: world.ca, servers, workerUser: proxyUser })
    if (options.group === 'proxy') chownSync(directory, 0, proxyGroup())
    chmodSync(directory, options.mode)
    app = await startEchoApp(scope)
  }

  const proxyGroup = () => Number(execFileSync('id', ['-g', proxyUser], { encoding: 'utf8' }))

  function server(): Server {
    const own = world.namedUrls()
    const bind = { kind: 'unix', path: join(directory, '{name}.sock') } as const
    return { ...own, profile: { ...own.profile, bind, publicUrl: nginx.url('{name}.dev.localhost') } }
  }

  /** Every check of the public URL that the person was told of. */
  const told: string[] = []
  async function expose(): Promise<Tunnel> {
    told.length = 0
    const tunnels = world.tunnels()
    tunnels.onDidChange(([tunnel]) => {
      if (tunnel?.state.kind !== 'open') return
      const { check } = tunnel.state
      told.push(check instanceof Failure ? check.kind : check)
    })
    const local = { host: 'localhost', port: app.port, protocol: 'http' } as const
    return tunnels.open({ app: local, server: server(), name: 'bot', signal })
  }

  const checkOf = ({ state }: Tunnel) => (state.kind === 'open' ? state.check : state)
  const modeOf = () => statSync(path).mode & 0o777
  const refusals = () => nginx.log().split('(13: Permission denied)').length - 1
  const wasOpened = () =>
    world.log.text.includes(`${path} on 127.0.0.1 can now be opened by its reverse proxy`)

  async function isReached(tunnel: Tunnel): Promise<void> {
    assert.equal(checkOf(tunnel), 'passed')
    assert.equal((await visit(`${tunnel.publicUrl}/hello`, { ca: world.ca })).status, 200)
  }

  it('is opened to all in a directory that keeps others out, unasked, and after each reconnect', async () => {
    await start({ mode: 0o750, group: 'proxy' })
    const tunnel = await expose()
    assert.equal(refusals(), 1, 'sshd made it for its own user alone')
    await isReached(tunnel)
    assert.deepEqual(new Set(told), new Set(['running', 'passed']), 'nobody is bothered')
    assert.equal(modeOf(), 0o666)
    assert.ok(wasOpened())

    await world.sshd.restart()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    await waitUntil('the tunnel to heal', () => checkOf(tunnel) === 'passed')
    await isReached(tunnel)
    assert.equal(modeOf(), 0o666)
    assert.equal(refusals(), 1, 'it is opened before a visitor comes')
    await tunnel.stop()
    assert.deepEqual(readdirSync(directory), [])
  })

  it('is opened to the group in a directory that anybody may enter', async () => {
    // Its set-group-ID bit gives the socket the group of the proxy.
    await start({ mode: 0o2755, group: 'proxy' })
    const tunnel = await expose()
    await isReached(tunnel)
    assert.equal(modeOf(), 0o660)
    assert.equal(refusals(), 1)
    await tunnel.stop()
  })

  it('is no further open than to its group, though that does not help the proxy', async () => {
    await start({ mode: 0o755 })
    const tunnel = await expose()
    const check = checkOf(tunnel)
    assert.ok(check instanceof Failure, JSON.stringify(check))
    assert.equal(check.kind, 'proxy-cannot-reach-forward')
    assert.match(check.advice, /"StreamLocalBindMask 0117".*a directory of its group/)
    assert.equal(modeOf(), 0o660)
    // As the advice says; the warning goes by itself.
    chownSync(path, 0, proxyGroup())
    tunnel.retryNow()
    await waitUntil('the warning to go', () => checkOf(tunnel) === 'passed')
    await isReached(tunnel)
    await tunnel.stop()
  })

  it('stays closed where the server has no SFTP, and the advice says what to do there', async () => {
    await start({ mode: 0o2750, group: 'proxy', config: ['MaxSessions 0'] })
    const tunnel = await expose()
    const check = checkOf(tunnel)
    assert.ok(check instanceof Failure, JSON.stringify(check))
    assert.equal(check.kind, 'proxy-cannot-reach-forward')
    assert.equal(check.said, 'HTTP 502')
    assert.match(check.advice, /pass this name to unix:.*bot\.sock.*"StreamLocalBindMask 0117"/)
    assert.equal(modeOf(), 0o600)
    assert.ok(!wasOpened())
    await tunnel.stop()

    await world.sshd.reload(['MaxSessions 0', 'StreamLocalBindUnlink yes', 'StreamLocalBindMask 0117'])
    await waitUntil('the session with the old configuration to end', () => world.sshd.sessionCount() === 0)
    const next = await expose()
    await isReached(next)
    await next.stop()
  })

  it('is left alone where sshd makes it as it must be', async () => {
    await start({ mode: 0o2750, group: 'proxy', config: ['StreamLocalBindMask 0117'] })
    const tunnel = await expose()
    await isReached(tunnel)
    assert.equal(modeOf(), 0o660)
    assert.equal(refusals(), 0)
    assert.ok(!wasOpened())
    await tunnel.stop()
  })

  it('takes the place of a stale file without StreamLocalBindUnlink, open to the proxy at once', async () => {
    await start({ mode: 0o750, group: 'proxy', config: ['StreamLocalBindUnlink no'] })
    const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    await (await scope.spawn(process.execPath, ['-e', code])).exited()
    assert.ok(existsSync(path))
    const tunnel = await expose()
    await isReached(tunnel)
    assert.equal(modeOf(), 0o666)
    assert.equal(refusals(), 0)
    assert.deepEqual(readdirSync(directory), ['bot.sock'])
    await tunnel.stop()
    assert.deepEqual(readdirSync(directory), [])
  })
})
