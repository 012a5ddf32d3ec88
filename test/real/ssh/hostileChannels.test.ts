import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { startTcpApp, type TcpApp } from '../../support/apps'
import { startFaultyProxy } from '../../support/faultyProxy'
import { RawChannels, startLooseServer, type RawChannel } from '../../support/looseServer'
import { startRawServer } from '../../support/rawServer'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

const signal = new AbortController().signal
/** SHA-256 of `hello`, which the app answers. */
const answer = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

const ways = [
  { channels: 'own', isVerbose: false },
  { channels: 'own', isVerbose: true },
  { channels: 'ssh2', isVerbose: false },
] as const

for (const way of ways) {
  describe(`channels of servers that misbehave, with ours of ${way.channels}${way.isVerbose ? ' and a verbose log' : ''}`, () => {
    let shared: Scope
    let world: World
    let scope: Scope
    let app: TcpApp

    before(async () => {
      shared = new Scope()
      world = await startWorld(shared, way)
    })
    after(() => shared.close())
    beforeEach(async () => {
      scope = new Scope()
      app = await startTcpApp(scope)
    })
    afterEach(() => scope.close())

    async function open(settings: Partial<SshSettings>): Promise<Tunnel> {
      const tunnels = world.tunnels(scriptedPrompts({ unknownHostKey: () => Promise.resolve(true) }))
      scope.add(() => tunnels.stopAll())
      return tunnels.open({
        app: { host: 'localhost', port: app.port, protocol: 'tcp' },
        server: world.oneUrl({ userKnownHostsFiles: ['/dev/null'], ...settings }),
        name: 'hostile',
        signal,
      })
    }

    /** What is said of each time the connection is lost from now on. */
    function lossesOf(tunnel: Tunnel): string[] {
      const losses: string[] = []
      tunnel.onDidChange((state) => {
        if (state.kind === 'waiting') losses.push(state.failure.said ?? '')
      })
      return losses
    }

    /** A tunnel through a server that lets this test send what it likes. */
    async function openRaw(): Promise<{ tunnel: Tunnel; raw: RawChannels; lost: string[] }> {
      let raw: RawChannels | undefined
      const settings = await startLooseServer(scope, (connection) => {
        raw ??= new RawChannels(connection, world.tcpBind)
      })
      const tunnel = await open(settings)
      await waitUntil('the forward', () => raw !== undefined)
      return { tunnel, raw: raw!, lost: lossesOf(tunnel) }
    }

    async function serves(raw: RawChannels): Promise<RawChannel> {
      const channel = await raw.open()
      raw.protocol.channelData(channel.peerId, Buffer.from('hello'))
      raw.protocol.channelEOF(channel.peerId)
      await waitUntil(
        () => `an answer on a channel: ${JSON.stringify(channel)}`,
        () => channel.received === answer && channel.hasEof && channel.isClosed,
      )
      return channel
    }

    /** Somebody who is connected to the app, and whom the app has heard. */
    async function visitor(raw: RawChannels): Promise<RawChannel> {
      const { bytes } = app.received
      const channel = await raw.open()
      raw.protocol.channelData(channel.peerId, Buffer.from('x'))
      await waitUntil('the app to hear it', () => app.received.bytes === bytes + 1)
      return channel
    }

    type Misbehave = (raw: RawChannels) => Promise<void> | void
    const unknownId = 77_777
    const hello = Buffer.from('hello')
    const harmless: [string, Misbehave][] = [
      [
        'sends data on a channel that was never opened',
        ({ protocol }) => protocol.channelData(unknownId, hello),
      ],
      [
        'ends a channel that was never opened',
        ({ protocol }) => {
          protocol.channelEOF(unknownId)
          protocol.channelClose(unknownId)
        },
      ],
      [
        'widens the window of a channel that was never opened',
        ({ protocol }) => protocol.channelWindowAdjust(unknownId, 1e6),
      ],
      [
        'sends data after the end',
        async (raw) => {
          const { peerId } = await visitor(raw)
          raw.protocol.channelEOF(peerId)
          for (let count = 0; count < 100; count++) raw.protocol.channelData(peerId, hello)
          raw.protocol.channelClose(peerId)
        },
      ],
      [
        'sends data after it closed the channel',
        async (raw) => {
          const { peerId } = await visitor(raw)
          raw.protocol.channelClose(peerId)
          for (let count = 0; count < 100; count++) raw.protocol.channelData(peerId, hello)
        },
      ],
      ['closes without an end', async (raw) => raw.protocol.channelClose((await visitor(raw)).peerId)],
      [
        'closes twice',
        async (raw) => {
          const { peerId } = await visitor(raw)
          for (let count = 0; count < 3; count++) raw.protocol.channelClose(peerId)
        },
      ],
      [
        'ends twice',
        async (raw) => {
          const { peerId } = await visitor(raw)
          for (let count = 0; count < 3; count++) raw.protocol.channelEOF(peerId)
          raw.protocol.channelClose(peerId)
        },
      ],
      [
        'ends after it closed',
        async (raw) => {
          const { peerId } = await visitor(raw)
          raw.protocol.channelClose(peerId)
          raw.protocol.channelEOF(peerId)
          raw.protocol.channelWindowAdjust(peerId, 1000)
        },
      ],
    ]
    for (const [what, misbehave] of harmless) {
      it(`one that ${what} is served all the same`, async () => {
        const { tunnel, raw } = await openRaw()
        await misbehave(raw)
        await serves(raw)
        assert.equal(tunnel.state.kind, 'open')
        await waitUntil('the app to be left alone', () => app.openConnections() === 0)
        await tunnel.stop()
      })
    }

    it('data that come with the request for a channel are not lost', async () => {
      const { tunnel, raw } = await openRaw()
      const { peerId } = await serves(raw)
      const channel = raw.ask()
      raw.protocol.channelData(peerId + 1, hello)
      raw.protocol.channelEOF(peerId + 1)
      await waitUntil('an answer', () => channel.received === answer)
      await tunnel.stop()
    })

    it('each request that wants a reply gets one, and nothing else happens', async () => {
      const { tunnel, raw } = await openRaw()
      const channel = await visitor(raw)
      for (let count = 0; count < 5000; count++) raw.request(channel.peerId, 'no-such@example.com')
      await waitUntil('the replies', () => channel.answers === 5000)
      raw.protocol.channelClose(channel.peerId)
      raw.request(unknownId, 'no-such@example.com')
      await serves(raw)
      await tunnel.stop()
    })

    it('a flood of extended data costs no memory', async () => {
      const { tunnel, raw } = await openRaw()
      const channel = await visitor(raw)
      const before = buffered()
      for (let round = 0; round < 40; round++) {
        for (let count = 0; count < 100; count++)
          raw.protocol.channelExtData(channel.peerId, Buffer.alloc(32_000), 1)
        await sleep(10)
      }
      raw.request(channel.peerId, 'no-such@example.com')
      await waitUntil('all to have come', () => channel.answers === 1)
      const grownMb = (buffered() - before) / 1e6
      assert.ok(grownMb < 30, `memory grew by ${Math.round(grownMb)} MB`)
      assert.equal(tunnel.state.kind, 'open')
      await tunnel.stop()
    })

    for (const largestData of [0, 1]) {
      it(`a channel that takes ${largestData} bytes in a packet is refused, and others are served`, async () => {
        const { tunnel, raw } = await openRaw()
        const channel = await raw.open({ largestData })
        if (!channel.isRefused) {
          raw.protocol.channelData(channel.peerId, hello)
          raw.protocol.channelEOF(channel.peerId)
        }
        await waitUntil('the channel to end', () => channel.isRefused || channel.isClosed)
        assert.equal(channel.received, '')
        await serves(raw)
        await tunnel.stop()
      })
    }

    it('a channel with a window of 0 waits, and goes on with each byte that is allowed', async () => {
      const { tunnel, raw } = await openRaw()
      const channel = await raw.open({ window: 0 })
      raw.protocol.channelData(channel.peerId, hello)
      raw.protocol.channelEOF(channel.peerId)
      await serves(raw)
      assert.equal(channel.received, '')
      for (let count = 1; count <= answer.length; count++) {
        raw.protocol.channelWindowAdjust(channel.peerId, 1)
        await waitUntil('one more byte', () => channel.received.length === count)
      }
      await waitUntil('the end', () => channel.isClosed)
      assert.equal(channel.received, answer)
      await tunnel.stop()
    })

    it('a window of more than 2^32 - 1 bytes ends the connection, or does nothing', async () => {
      const { tunnel, raw, lost } = await openRaw()
      const channel = await visitor(raw)
      for (let count = 0; count < 3; count++) raw.protocol.channelWindowAdjust(channel.peerId, 0xffff_ffff)
      if (way.channels === 'own') {
        await waitUntil('the tunnel to drop the server', () => lost.length > 0)
        assert.match(lost[0] ?? '', /window/)
      } else {
        // ssh2's public interface does not tell of it.
        await serves(raw)
      }
      await tunnel.stop()
    })

    it('the number of no channel at all ends the connection', async () => {
      const { tunnel, raw, lost } = await openRaw()
      raw.protocol.channelData(0xffff_ffff, hello)
      await waitUntil('the tunnel to drop the server', () => lost.length > 0)
      await tunnel.stop()
    })

    it('channels that the server never closes are bounded, and let the app go', async () => {
      const { tunnel, raw } = await openRaw()
      for (let round = 0; round < 6; round++) {
        const some = Array.from({ length: 400 }, () => raw.ask())
        await waitUntil('answers', () => some.every(({ isRefused, peerId }) => isRefused || peerId !== -1))
        for (const { peerId, isRefused } of some) if (!isRefused) raw.protocol.channelEOF(peerId)
        await waitUntil('our end of each', () =>
          some.every(({ isRefused, isClosed, hasEof }) => isRefused || isClosed || hasEof),
        )
        await waitUntil('the app to be left alone', () => app.openConnections() === 0)
      }
      assert.ok(tunnel.state.kind === 'open')
      await tunnel.stop()
    })

    // ssh2's public interface has no way to let go of what it keeps.
    if (way.channels === 'own') {
      it('what the app never read is forgotten when it leaves, though the server never closes', async () => {
        const apps = new Set<Socket>()
        app = { ...app, port: await startRawServer(scope, (socket) => void apps.add(socket.pause())) }
        const { tunnel, raw } = await openRaw()
        const before = buffered()
        const chunk = Buffer.alloc(32_000)
        for (let round = 0; round < 5; round++) {
          const channels = await Promise.all(Array.from({ length: 40 }, () => raw.open()))
          for (const { peerId } of channels)
            for (let count = 0; count < 4; count++) raw.protocol.channelData(peerId, chunk)
          await waitUntil('the app to be called', () => apps.size === 40)
          for (const socket of apps) socket.resetAndDestroy()
          apps.clear()
          await waitUntil('our end of each', () => channels.every(({ isClosed }) => isClosed))
        }
        // 25 MB came. Sockets that are still closing hold theirs a little longer.
        await waitUntil('the memory to come back', () => buffered() - before < 8e6)
        await tunnel.stop()
      })
    }

    it('a byte that changed on the way ends the connection with a failure, and it comes back', async () => {
      let afterBytes = 3_000_000
      const proxy = await startFaultyProxy(scope, {
        targetPort: world.sshd.port,
        fault: () => ({ kind: 'corrupt', afterBytes }),
      })
      const tunnel = await open({ port: proxy.port })
      const lost = lossesOf(tunnel)
      afterBytes = Infinity
      const visitor = connect({ host: world.tcpBind.host, port: world.tcpBind.port })
      visitor.on('error', () => undefined).write(Buffer.alloc(8_000_000))
      await waitUntil('the tunnel to notice', () => lost.length > 0)
      assert.notEqual(lost[0], '')
      visitor.destroy()
      await waitUntil('the tunnel to come back', () => tunnel.state.kind === 'open')
      await waitUntil('the app to be left alone', () => app.openConnections() === 0)
      await tunnel.stop()
    })

    it('channels that nobody asked for are refused, and the tunnel lives', async () => {
      const answers: string[] = []
      const settings = await startLooseServer(scope, (connection) => {
        const note = (what: string) => (error: Error | undefined) =>
          answers.push(`${what}: ${error ? 'refused' : 'open'}`)
        connection.x11('127.0.0.1', 1, note('x11'))
        connection.forwardOut('127.0.0.1', 1, '127.0.0.1', 2, note('another port'))
        connection.openssh_forwardOutStreamLocal('/run/other.sock', note('another socket'))
      })
      const tunnel = await open(settings)
      await waitUntil('three answers', () => answers.length === 3)
      assert.deepEqual(answers.sort(), ['another port: refused', 'another socket: refused', 'x11: refused'])
      assert.equal(tunnel.state.kind, 'open')
      assert.equal(app.received.connections, 0)
      await tunnel.stop()
    })

    it('a flood of channels is bounded, and the tunnel lives', async () => {
      let opened = 0
      let refused = 0
      const wanted = 3000
      const settings = await startLooseServer(scope, (connection) => {
        for (let count = 0; count < wanted; count++) {
          connection.forwardOut(world.tcpBind.host, world.tcpBind.port, '127.0.0.1', 1, (error, channel) => {
            if (error) {
              refused++
              return
            }
            opened++
            channel.on('error', () => undefined)
          })
        }
      })
      const tunnel = await open(settings)
      await waitUntil('every channel to be answered', () => opened + refused === wanted, 30_000)
      assert.ok(opened > 1000, `${opened} were let in`)
      assert.ok(refused > 0, 'not all were let in')
      await tunnel.stop()
      await waitUntil('the app to be left alone', () => app.openConnections() === 0)
    })

    it('a server that sends more than the window allows is cut off', async () => {
      // An app that reads nothing.
      app = { ...app, port: await startRawServer(scope, (socket) => socket.pause()) }
      const settings = await startLooseServer(scope, (connection) => {
        connection.forwardOut(world.tcpBind.host, world.tcpBind.port, '127.0.0.1', 1, (error, channel) => {
          if (error) return
          channel.on('error', () => undefined)
          // ssh2 keeps to the window; a hostile server does not.
          Object.defineProperty((channel as unknown as { outgoing: object }).outgoing, 'window', {
            get: () => 1e9,
            set: () => undefined,
          })
          for (let count = 0; count < 2000; count++) channel.write(Buffer.alloc(100_000))
        })
      })
      const before = process.memoryUsage().rss
      const tunnel = await open(settings)
      await waitUntil('the tunnel to drop the server', () => tunnel.state.kind !== 'open')
      const grownMb = (process.memoryUsage().rss - before) / 1e6
      // The server's own 200 MB are in this process too.
      assert.ok(grownMb < 400, `memory grew by ${Math.round(grownMb)} MB`)
      await tunnel.stop()
    })
  })
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What buffers hold, in bytes. */
function buffered(): number {
  collect()
  return process.memoryUsage().arrayBuffers
}
