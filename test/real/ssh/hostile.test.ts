import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Failure, isCancelled } from '../../../src/base/failure'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { startTcpApp, type TcpApp } from '../../support/apps'
import { startFaultyProxy, type Fault } from '../../support/faultyProxy'
import { startRawServer } from '../../support/rawServer'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

const signal = new AbortController().signal
const quick = { connectTimeoutMs: 400, serverAliveIntervalMs: 100, serverAliveCountMax: 2 }

describe('servers that misbehave', () => {
  let shared: Scope
  let world: World
  let scope: Scope
  let app: TcpApp

  before(async () => {
    shared = new Scope()
    world = await startWorld(shared)
  })
  after(() => shared.close())
  beforeEach(async () => {
    scope = new Scope()
    app = await startTcpApp(scope)
  })
  afterEach(() => scope.close())

  async function open(settings: Partial<SshSettings>): Promise<Tunnel> {
    const tunnels = world.tunnels(scriptedPrompts({ unknownHostKey: () => Promise.resolve(true) }))
    return tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'tcp' },
      server: world.oneUrl({ ...quick, userKnownHostsFiles: ['/dev/null'], ...settings }),
      name: 'hostile',
      signal,
    })
  }

  /** Fails unless the attempt ends in a failure. */
  async function endsInFailure(settings: Partial<SshSettings>): Promise<Failure> {
    const error: unknown = await open(settings).then(
      async (tunnel) => {
        await tunnel.stop()
        return undefined
      },
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Failure, `expected a failure, got ${String(error)}`)
    return error
  }

  const banner = 'SSH-2.0-hostile\r\n'
  const talks: [string, (socket: Socket) => void][] = [
    ['closes at once', (socket) => socket.destroy()],
    ['says nothing', () => undefined],
    ['sends garbage', (socket) => socket.write(randomBytes(100_000))],
    [
      'sends lines without end before its banner',
      (socket) => flood(socket, Buffer.from('hello\r\n'.repeat(1000))),
    ],
    ['sends one line without end', (socket) => flood(socket, Buffer.alloc(8000, 'x'))],
    ['says a banner and no more', (socket) => socket.write(banner)],
    ['speaks SSH 1', (socket) => socket.write('SSH-1.5-old\r\n')],
    [
      'sends garbage after its banner',
      (socket) => socket.write(Buffer.concat([Buffer.from(banner), randomBytes(100_000)])),
    ],
    [
      'announces a packet of 4 GB',
      (socket) => socket.write(Buffer.concat([Buffer.from(banner), Buffer.alloc(40_000, 0xff)])),
    ],
    [
      'announces an empty packet',
      (socket) => socket.write(Buffer.concat([Buffer.from(banner), Buffer.alloc(100)])),
    ],
  ]
  for (const [what, talk] of talks) {
    it(`one that ${what} ends in a failure, in bounded time and memory`, async () => {
      const before = process.memoryUsage().rss
      const failure = await endsInFailure({ port: await startRawServer(scope, talk) })
      assert.ok(['SSH handshake', 'TCP'].includes(failure.hop), failure.hop)
      const grownMb = (process.memoryUsage().rss - before) / 1e6
      assert.ok(grownMb < 150, `memory grew by ${Math.round(grownMb)} MB`)
    })
  }

  for (const kind of ['stall', 'cut', 'corrupt'] as const) {
    it(`a connection with a ${kind} at any point of the login ends in a failure, or is whole`, async () => {
      let fault: Fault = { kind, afterBytes: 0 }
      const proxy = await startFaultyProxy(scope, { targetPort: world.sshd.port, fault: () => fault })
      const ends = new Set<string>()
      // A login takes about 3,400 bytes from the server; the last offsets come after it.
      for (let afterBytes = 0; afterBytes < 4600; afterBytes += kind === 'stall' ? 307 : 61) {
        fault = { kind, afterBytes }
        const end = await open({ port: proxy.port }).then(
          async (tunnel) => {
            await tunnel.stop()
            return 'open'
          },
          (error: unknown) => {
            assert.ok(error instanceof Failure, `${kind} after ${afterBytes} bytes: ${String(error)}`)
            return error.kind
          },
        )
        ends.add(end)
      }
      assert.ok(ends.size > 1, [...ends].join())
      await waitUntil('all connections to be gone', () => proxy.openConnections() === 0)
      await waitUntil('sshd to hold no connection', () => world.sshd.sessionCount() === 0)
    })
  }
})

describe('secrets at Trace', () => {
  it('no flow writes a password, a passphrase, an answer or a key', async () => {
    const scope = new Scope()
    try {
      const world = await startWorld(scope, {
        passwordUser: { name: 'visitor', password: 'pw-MARKED-1', ask: 'both' },
      })
      const app = await startTcpApp(scope)
      const key = await world.sshd.newClientKey({ passphrase: 'pp-MARKED-2' })
      const flows: [Partial<SshSettings>, Parameters<typeof scriptedPrompts>[0]][] = [
        [
          { user: 'visitor', identityFiles: [] },
          { keyboardInteractive: () => Promise.resolve(['pw-MARKED-1']) },
        ],
        [
          { user: 'visitor', identityFiles: [] },
          {
            keyboardInteractive: () => Promise.resolve(['no-MARKED-3']),
            password: () => Promise.resolve('pw-MARKED-1'),
          },
        ],
        [{ identityFiles: [key.path] }, { passphrase: () => Promise.resolve('pp-MARKED-2') }],
        [{ identityFiles: [key.path] }, { passphrase: () => Promise.resolve('no-MARKED-4') }],
      ]
      for (const [settings, prompts] of flows) {
        await world
          .tunnels(scriptedPrompts(prompts))
          .open({
            app: { host: 'localhost', port: app.port, protocol: 'tcp' },
            server: world.namedUrls(settings),
            name: 'secret',
            signal,
          })
          .then((tunnel) => tunnel.stop())
          .catch((error: unknown) => assert.ok(error instanceof Failure || isCancelled(error), String(error)))
      }
      assert.match(world.log.text, /trace ssh2/)
      assert.doesNotMatch(world.log.text, /MARKED/)
      const secretLines = readFileSync(world.key.path, 'utf8').split('\n').slice(1, -2)
      for (const line of secretLines) assert.ok(!world.log.text.includes(line), 'a line of the private key')
    } finally {
      await scope.close()
    }
  })
})

/** Sends for as long as the other side is there. */
function flood(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}
