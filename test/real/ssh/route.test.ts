import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { Failure } from '../../../src/base/failure'
import type { SshSettings } from '../../../src/ssh/settings'
import { startEchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { startSshd, type ClientKey, type Sshd } from '../../support/sshd'
import { findTool } from '../../support/tools'
import { waitUntil } from '../../support/waitUntil'
import { loginTo, startWorld, type World } from '../../support/world'

describe('the way to the server that ssh_config asks for', () => {
  let scope: Scope
  let world: World
  let jumps: { sshd: Sshd; key: ClientKey }[]
  const signal = new AbortController().signal

  beforeEach(async () => {
    scope = new Scope()
    world = await startWorld(scope)
    jumps = []
    for (let count = 0; count < 2; count++) {
      const sshd = await startSshd(scope)
      jumps.push({ sshd, key: await sshd.newClientKey() })
    }
    writeFileSync(
      world.knownHostsFile,
      [world.sshd, ...jumps.map(({ sshd }) => sshd)].map((sshd) => `${sshd.knownHostsLine}\n`).join(''),
    )
  })
  afterEach(() => scope.close())

  /** Opens a tunnel through jump hosts named jump0, jump1. */
  async function open(
    settings: Partial<SshSettings>,
    options: {
      jump?: (index: number) => Partial<SshSettings>
      prompts?: Parameters<typeof scriptedPrompts>[0]
    } = {},
  ) {
    const app = await startEchoApp(scope)
    const server = world.namedUrls(settings)
    const resolve = ({ host }: { host: string }) => {
      const index = Number(host.replace('jump', ''))
      const { sshd, key } = jumps[index]!
      const login = loginTo(sshd, { key, knownHostsFile: world.knownHostsFile })
      return Promise.resolve({ ...login, ...options.jump?.(index) })
    }
    const tunnels = world.tunnels(scriptedPrompts(options.prompts ?? {}))
    return tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: { ...server, resolve },
      name: 'far',
      signal,
    })
  }

  async function nothingIsOpen() {
    for (const sshd of [world.sshd, ...jumps.map((jump) => jump.sshd)]) {
      await waitUntil(
        () => `the sshd of ${sshd.port} to hold no connection:\n${sshd.log()}`,
        () => sshd.sessionCount() === 0,
      )
    }
  }

  it('passes two jump hosts, and closes all of them with the tunnel', async () => {
    const tunnel = await open({ proxyJump: ['jump0', 'jump1'] })
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    const size = 5_000_000
    assert.equal((await visit(`${tunnel.publicUrl}/bytes?n=${size}`, { ca: world.ca })).body.length, size)
    for (const { sshd } of jumps) assert.equal(sshd.sessionCount(), 1)
    assert.match(jumps[1]!.sshd.log(), new RegExp(`direct-tcpip.*|port ${world.sshd.port}`))
    await tunnel.stop()
    await nothingIsOpen()
  })

  it('comes back when a jump host was restarted', async () => {
    const tunnel = await open({ proxyJump: ['jump0'] })
    await jumps[0]!.sshd.restart()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    await waitUntil(
      'the tunnel to heal',
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    await tunnel.stop()
    await nothingIsOpen()
  })

  it('checks the host key of each hop on its own', async () => {
    writeFileSync(world.knownHostsFile, '')
    const asked: string[] = []
    const unknownHostKey = ({ destination, fingerprint }: { destination: string; fingerprint: string }) => {
      asked.push(`${destination} ${fingerprint}`)
      return Promise.resolve(true)
    }
    const tunnel = await open({ proxyJump: ['jump0', 'jump1'] }, { prompts: { unknownHostKey } })
    assert.deepEqual(
      asked,
      [jumps[0]!.sshd, jumps[1]!.sshd, world.sshd].map(
        (sshd) => `127.0.0.1:${sshd.port} ${sshd.hostKeyFingerprint()}`,
      ),
    )
    assert.equal(readFileSync(world.knownHostsFile, 'utf8').trim().split('\n').length, 3)
    await tunnel.stop()
    await nothingIsOpen()
  })

  it('sends no credential to anybody when a jump host shows another key', async () => {
    await jumps[1]!.sshd.changeHostKey()
    await assert.rejects(open({ proxyJump: ['jump0', 'jump1'] }), { kind: 'host-key-changed' })
    assert.doesNotMatch(jumps[1]!.sshd.log().split('Server listening').at(-1) ?? '', /userauth-request/)
    assert.doesNotMatch(world.sshd.log(), /userauth-request/)
    await nothingIsOpen()
  })

  it('says what a jump host refuses', async () => {
    await assert.rejects(open({ proxyJump: ['jump0'], port: 1 }), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.kind, 'jump-refused')
      assert.match(error.message, /did not connect to 127\.0\.0\.1:1/)
      return true
    })
    await assert.rejects(open({ proxyJump: ['jump0'] }, { jump: () => ({ identityFiles: [] }) }), {
      kind: 'authentication-refused',
    })
    await assert.rejects(open({ proxyJump: ['jump0'] }, { jump: () => ({ proxyJump: ['jump0'] }) }), {
      kind: 'jump-hosts-in-circles',
    })
    await assert.rejects(open({ proxyJump: ['user@'] }), { kind: 'jump-host-unreadable' })
    await nothingIsOpen()
  })

  it('speaks through a ProxyCommand, which ends with the tunnel', async () => {
    const jump = jumps[0]!
    const args = jump.sshd.clientArgs(jump.key)
    const command = [findTool('ssh'), '-W', `127.0.0.1:${world.sshd.port}`, ...args].join(' ')
    const tunnel = await open({ proxyCommand: command })
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
    await jump.sshd.restart()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    await waitUntil(
      'the tunnel to heal',
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    await tunnel.stop()
    await nothingIsOpen()
  })

  it('says what a ProxyCommand that fails said', async () => {
    await assert.rejects(open({ proxyCommand: 'echo no way >&2; exit 3' }), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.kind, 'proxy-command-failed')
      assert.match(error.said ?? '', /no way/)
      return true
    })
    await assert.rejects(open({ proxyCommand: '/no/such/program' }), { kind: 'proxy-command-failed' })
    await nothingIsOpen()
  })

  it('finds a frozen target behind a jump host by keepalive', async () => {
    const tunnel = await open({
      proxyJump: ['jump0'],
      serverAliveIntervalMs: 150,
      serverAliveCountMax: 2,
      connectTimeoutMs: 1000,
    })
    world.sshd.freeze()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind === 'waiting')
    world.sshd.thaw()
    await waitUntil(
      'the tunnel to heal',
      () => tunnel.state.kind === 'open' && tunnel.state.check === 'passed',
    )
    await tunnel.stop()
    await nothingIsOpen()
  })
})
