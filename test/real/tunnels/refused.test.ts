import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { Cancelled, Failure, type Hop } from '../../../src/base/failure'
import { probeLocalPort } from '../../../src/ports/probe'
import { fillIn } from '../../../src/servers/profile'
import { readServers } from '../../../src/servers/validation'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('what is refused, each with its own message and nothing half-open', () => {
  let scope: Scope
  let world: World
  let app: EchoApp

  beforeEach(async () => {
    scope = new Scope()
    world = await startWorld(scope)
    app = await startEchoApp(scope)
  })
  afterEach(() => scope.close())

  interface Attempt {
    readonly settings?: Partial<SshSettings>
    readonly prompts?: Parameters<typeof scriptedPrompts>[0]
    readonly tunnels?: Tunnels
    readonly signal?: AbortSignal
  }

  async function open({ settings = {}, prompts = {}, tunnels, signal }: Attempt = {}) {
    return (tunnels ?? world.tunnels(scriptedPrompts(prompts))).open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: world.oneUrl(settings),
      name: 'refused',
      signal: signal ?? new AbortController().signal,
    })
  }

  async function refusal(
    attempt: Attempt,
    expected: { kind: string; hop: Hop; says: RegExp },
  ): Promise<Failure> {
    const error: unknown = await open(attempt).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Failure, `expected a failure, got ${String(error)}`)
    assert.equal(error.kind, expected.kind)
    assert.equal(error.hop, expected.hop)
    assert.match(`${error.message} ${error.said ?? ''} ${error.advice}`, expected.says)
    await nothingIsOpen()
    return error
  }

  /** A server that says this and no more, or nothing at all. */
  async function listenAt(port: number, answer?: string): Promise<number> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined))
      if (answer !== undefined) socket.end(answer)
    })
    scope.add(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    await once(server.listen(port, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  }

  async function nothingIsOpen(): Promise<void> {
    await waitUntil('sshd to hold no connection', () => world.sshd.sessionCount() === 0)
    assert.deepEqual(await world.sshd.listeners(), [])
  }

  it('a wrong key', async () => {
    const wrong = await world.sshd.newClientKey({ authorized: false })
    await refusal(
      { settings: { identityFiles: [wrong.path] } },
      {
        kind: 'authentication-refused',
        hop: 'authentication',
        says: new RegExp(`Tried: ${wrong.path}.*authorized_keys`),
      },
    )
  })

  it('no key at all', async () => {
    await refusal(
      { settings: { identityFiles: ['/nowhere/id_ed25519'] } },
      { kind: 'authentication-refused', hop: 'authentication', says: /no key file or agent key was found/ },
    )
  })

  it('an unknown host key that is declined: asked with its fingerprint, and no credential is sent', async () => {
    writeFileSync(world.knownHostsFile, '')
    const asked: string[] = []
    const unknownHostKey = ({ fingerprint }: { fingerprint: string }) => {
      asked.push(fingerprint)
      return Promise.resolve(false)
    }
    await refusal(
      { prompts: { unknownHostKey } },
      { kind: 'host-key-declined', hop: 'host key', says: /You did not trust the host key/ },
    )
    assert.deepEqual(asked, [world.sshd.hostKeyFingerprint()])
    assert.doesNotMatch(world.sshd.log(), /userauth-request/)
    assert.equal(readFileSync(world.knownHostsFile, 'utf8'), '')
  })

  it('an unknown host key that is trusted is remembered, and not asked about again', async () => {
    writeFileSync(world.knownHostsFile, '# mine, without a last line break')
    let asked = 0
    const unknownHostKey = () => Promise.resolve(++asked > 0)
    for (let round = 0; round < 2; round++) {
      const tunnel = await open({ prompts: { unknownHostKey } })
      assert.equal(tunnel.state.kind, 'open')
      await tunnel.stop()
    }
    assert.equal(asked, 1)
    const file = readFileSync(world.knownHostsFile, 'utf8')
    assert.equal(
      file,
      `# mine, without a last line break\n${world.sshd.knownHostsLine.split(' ').slice(0, 3).join(' ')}\n`,
    )
  })

  it('a changed host key: both fingerprints, where the old one stands, and no credential is sent', async () => {
    const old = world.sshd.hostKeyFingerprint()
    await world.sshd.changeHostKey()
    const fresh = world.sshd.hostKeyFingerprint()
    const failure = await refusal({}, { kind: 'host-key-changed', hop: 'host key', says: /Nothing was sent/ })
    for (const text of [old, fresh, `${world.knownHostsFile}, line 1`]) {
      assert.ok(failure.said?.includes(text), `${text} in: ${failure.said ?? ''}`)
    }
    assert.match(world.sshd.log(), /kex|KEX/, 'the log would show a request')
    assert.doesNotMatch(world.sshd.log(), /userauth-request/)
    assert.equal(failure.canHeal, false)
  })

  it('forwarding disabled on the server', async () => {
    const closed = await startWorld(scope, { config: ['AllowTcpForwarding no'] })
    world = closed
    await refusal({}, { kind: 'forwarding-disabled', hop: 'remote forward', says: /AllowTcpForwarding/ })
  })

  it('an address the server does not permit', async () => {
    world = await startWorld(scope, { config: ['PermitListen 127.0.0.1:1'] })
    await refusal({}, { kind: 'forward-not-permitted', hop: 'remote forward', says: /PermitListen/ })
  })

  it('a port that something else holds there', async () => {
    await listenAt(world.tcpBind.port)
    await refusal(
      {},
      { kind: 'forward-address-taken', hop: 'remote forward', says: /cannot listen on 127.0.0.1:\d+/ },
    )
  })

  it('an address that another tunnel of this window already has', async () => {
    const tunnels = world.tunnels()
    const first = await open({ tunnels })
    await assert.rejects(open({ tunnels }), { kind: 'address-already-exposed' })
    assert.equal(first.state.kind, 'open')
    await first.stop()
    await nothingIsOpen()
  })

  it('a server that refuses, one whose name is unknown, and one that never says a word', async () => {
    const port = await freePort()
    await refusal(
      { settings: { port } },
      { kind: 'server-refused-connection', hop: 'TCP', says: new RegExp(`127.0.0.1:${port}.*sshd runs`) },
    )
    await refusal(
      { settings: { hostName: 'no-such-host.invalid' } },
      { kind: 'name-not-found', hop: 'DNS', says: /no-such-host.invalid was not found/ },
    )
    const mute = await listenAt(0)
    await refusal(
      { settings: { port: mute, connectTimeoutMs: 300 } },
      { kind: 'handshake-timed-out', hop: 'SSH handshake', says: /did not finish the SSH handshake/ },
    )
    const web = await listenAt(0, 'HTTP/1.1 400 Bad Request\r\n\r\n')
    await refusal(
      { settings: { port: web } },
      { kind: 'handshake-failed', hop: 'SSH handshake', says: /no SSH connection/ },
    )
  })

  it('a port on which nothing listens here', async () => {
    const port = await freePort()
    await assert.rejects(probeLocalPort({ host: 'localhost', port }, {}), (error: unknown) => {
      assert.ok(error instanceof Failure)
      assert.equal(error.kind, 'nothing-listens')
      assert.equal(error.hop, 'local app')
      assert.match(error.message, new RegExp(String(port)))
      return true
    })
  })

  it('settings that cannot work', () => {
    const { profiles, problems } = readServers({
      vps: { ssh: 'me@host', bind: '8080', publicUrl: 'https://x.test' },
    })
    assert.deepEqual(profiles, [])
    assert.deepEqual(problems, [
      { server: 'vps', field: 'bind', message: 'needs an address too; write "127.0.0.1:8080"' },
    ])
    const { profile } = world.namedUrls()
    assert.throws(
      () => fillIn({ ...profile, bind: { kind: 'unix', path: `/${'x'.repeat(107)}` } }, { name: 'n' }),
      {
        kind: 'socket-path-too-long',
      },
    )
  })

  it('a cancel at every hop leaves nothing', async () => {
    writeFileSync(world.knownHostsFile, '')
    const hops: Hop[] = ['DNS', 'TCP', 'SSH handshake', 'host key', 'authentication', 'remote forward']
    for (const hop of hops) {
      const abort = new AbortController()
      const tunnels = world.tunnels(scriptedPrompts({ unknownHostKey: () => Promise.resolve(true) }))
      const reached: string[] = []
      tunnels.onDidChange(([tunnel]) => {
        if (tunnel?.state.kind !== 'connecting') return
        reached.push(tunnel.state.hop)
        if (tunnel.state.hop === hop) abort.abort(new Cancelled())
      })
      await assert.rejects(
        open({ tunnels, signal: abort.signal }),
        Cancelled,
        `${hop}: ${reached.join(', ')}`,
      )
      assert.equal(reached.at(-1), hop)
      assert.deepEqual(tunnels.all, [])
      await nothingIsOpen()
    }
    const abort = new AbortController()
    const tunnels = world.tunnels()
    tunnels.onDidChange(([tunnel]) => {
      if (tunnel?.state.kind === 'open') abort.abort(new Cancelled())
    })
    await assert.rejects(open({ tunnels, signal: abort.signal }), Cancelled, 'public URL')
    await nothingIsOpen()
  })

  it('a cancel while a question is open', async () => {
    writeFileSync(world.knownHostsFile, '')
    const abort = new AbortController()
    let answer: (trusted: boolean) => void = () => undefined
    const unknownHostKey = () => {
      setImmediate(() => abort.abort(new Cancelled()))
      return new Promise<boolean>((resolve) => (answer = resolve))
    }
    await assert.rejects(open({ prompts: { unknownHostKey }, signal: abort.signal }), Cancelled)
    await nothingIsOpen()
    // The dialog is answered late, when nobody waits any more.
    answer(true)
    await new Promise((resolve) => setImmediate(resolve))
    assert.doesNotMatch(world.sshd.log(), /userauth-request/)
  })

  it('a password question that is closed is a cancel, not a failure', async () => {
    const user = world.sshd.user
    world = await startWorld(scope, { passwordUser: { name: 'visitor', password: 'correct horse' } })
    assert.ok(user)
    const settings = { user: 'visitor', identityFiles: [] }
    await assert.rejects(
      open({ settings, prompts: { password: () => Promise.resolve(undefined) } }),
      Cancelled,
    )
    await nothingIsOpen()
  })

  it('a wrong password is asked for again, the right one lets in, and none is logged', async () => {
    world = await startWorld(scope, { passwordUser: { name: 'visitor', password: 'correct horse' } })
    const answers = ['wrong horse', 'correct horse']
    const again: boolean[] = []
    const tunnels = world.tunnels(
      scriptedPrompts({
        password: (question) => {
          again.push(question.again)
          return Promise.resolve(answers.shift())
        },
      }),
    )
    const settings = { user: 'visitor', identityFiles: [] }
    const tunnel = await open({ tunnels, settings })
    assert.deepEqual(again, [false, true])
    await world.sshd.restart()
    await waitUntil('the tunnel to heal without asking again', () => tunnel.state.kind === 'open')
    assert.deepEqual(again, [false, true])
    assert.doesNotMatch(world.log.text, /correct horse|wrong horse/)
    await tunnel.stop()
    await nothingIsOpen()
  })

  it('an encrypted key: its passphrase is asked for once', async () => {
    const key = await world.sshd.newClientKey({ passphrase: 'open sesame' })
    const asked: string[] = []
    const tunnels = world.tunnels(
      scriptedPrompts({
        passphrase: ({ keyFile, again }) => {
          asked.push(`${keyFile} ${again}`)
          return Promise.resolve(asked.length === 1 ? 'wrong' : 'open sesame')
        },
      }),
    )
    const tunnel = await open({ tunnels, settings: { identityFiles: [key.path] } })
    assert.deepEqual(asked, [`${key.path} false`, `${key.path} true`])
    await tunnel.stop()
  })

  it('the agent’s keys work, and a key file that only the agent holds open needs no passphrase', async () => {
    const { execFileSync } = await import('node:child_process')
    const socket = join(scope.tempDir('agent'), 'agent.sock')
    await scope.spawn('ssh-agent', ['-D', '-a', socket], { ready: /./ })
    const others = await Promise.all(
      Array.from({ length: 8 }, () => world.sshd.newClientKey({ authorized: false })),
    )
    for (const { path } of [...others, world.key]) {
      execFileSync('ssh-add', ['-q', path], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
        stdio: 'ignore',
      })
    }
    // MaxAuthTries is 6: only because the named key is offered first, nine keys do not lock us out.
    const tunnel = await open({ settings: { identityAgent: socket, identitiesOnly: false } })
    assert.equal(tunnel.state.kind, 'open')
    assert.match(world.log.text, /offering ssh-ed25519 .*\(agent\)/)
    await tunnel.stop()
    await nothingIsOpen()
  })
})
