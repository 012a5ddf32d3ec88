import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Client } from 'ssh2'
import { Emitter } from '../../../src/base/event'
import { toDisposable } from '../../../src/base/disposable'
import { Cancelled, Failure } from '../../../src/base/failure'
import { Connection, type ConnectionState } from '../../../src/ssh/connection'
import type { NetworkEvent } from '../../../src/ssh/networkWatch'
import type { OpenTransportOptions } from '../../../src/ssh/openTransport'
import { parseSshG, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { Transport } from '../../../src/ssh/transport'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { scriptedPrompts } from '../../support/scriptedPrompts'

/** The part of ssh2's Client that a transport uses; it answers keepalives as long as `lives`. */
class FakeClient extends EventEmitter {
  lives = true
  pings = 0
  readonly stream = new PassThrough()
  readonly _callbacks: ((error: unknown) => void)[] = []
  readonly _protocol = {
    ping: () => {
      this.pings += 1
      const answer = this._callbacks.shift()
      if (this.lives) setImmediate(() => answer?.(true))
    },
  }

  constructor() {
    super()
    this.stream.on('error', (error) => this.emit('error', error)).once('close', () => this.emit('close'))
  }

  forwardIn(_host: string, port: number, answer: (error: undefined, port: number) => void): void {
    answer(undefined, port)
  }
  exec(_command: string, answer: (error: Error) => void): void {
    answer(new Error('no'))
  }
  end(): void {
    this.stream.destroy()
  }
  /** The other side ends it. */
  lose(): void {
    this.stream.destroy()
  }
}

const settings = settingsFromOptions({ host: 'server', user: 'me', port: 22 }, parseSshG('hostname server\n'))
const failure = (kind: string, canHeal: boolean) =>
  new Failure({ kind, hop: 'TCP', message: kind, advice: 'a', canHeal })
const unreachable = failure('unreachable', true)
const refused = failure('refused', false)

function waiting({ state }: Connection): Extract<ConnectionState, { kind: 'waiting' }> | undefined {
  return state.kind === 'waiting' ? state : undefined
}

type Attempt = OpenTransportOptions & {
  succeed(): FakeClient
  fail(error: Error): void
}

function setUp() {
  const clock = new FakeClock()
  const attempts: Attempt[] = []
  const network = new Emitter<NetworkEvent>()
  const log = new CollectedLog()
  const seen = { unused: 0, holds: 0 }
  const connection = new Connection({
    settings: () => Promise.resolve(settings),
    resolve: () => assert.fail('no jump host'),
    prompts: scriptedPrompts(),
    clock,
    log,
    onUnused: () => (seen.unused += 1),
    networkWatch: {
      onDidChange: network.event,
      hold: () => {
        seen.holds += 1
        return toDisposable(() => (seen.holds -= 1))
      },
    },
    openTransport: (options) =>
      new Promise((resolve, reject) => {
        options.signal.addEventListener('abort', () => reject(new Cancelled()))
        attempts.push({
          ...options,
          fail: reject,
          succeed: () => {
            const client = new FakeClient()
            const route = { stream: client.stream, dispose: () => undefined }
            resolve(new Transport({ client: client as unknown as Client, route, settings, clock, log }))
            return client
          },
        })
      }),
  })
  const states: string[] = []
  connection.onDidChange(({ kind }) => states.at(-1) !== kind && states.push(kind))
  const never = new AbortController().signal
  /** Connected, used by one. */
  const stand = async () => {
    const use = connection.use()
    const connecting = connection.connect(never)
    await clock.advance(0)
    const client = attempts.at(-1)!.succeed()
    const transport = await connecting
    await connection.forward(transport, { kind: 'tcp', host: '127.0.0.1', port: 8080 }, () => undefined)
    states.length = 0
    return { use, client }
  }
  const next = async (ms = 0) => {
    const before = attempts.length
    await clock.advance(ms)
    assert.equal(
      attempts.length,
      before + 1,
      `one attempt within ${ms} ms, in state ${connection.state.kind}`,
    )
    return attempts.at(-1)!
  }
  return { clock, attempts, network, log, connection, states, seen, never, stand, next }
}

describe('Connection: healing', () => {
  it('tries at once when it is lost, then after waits that grow to a minute, without end', async () => {
    const { clock, connection, stand, next, states, attempts } = setUp()
    const { client } = await stand()
    await clock.advance(20_000)
    client.lose()
    await next().then((attempt) => attempt.fail(unreachable))
    for (let least = 500; least < 30_000; least *= 2) {
      await clock.advance(0)
      assert.equal(connection.state.kind, 'waiting')
      const before = attempts.length
      await clock.advance(least - 1)
      assert.equal(attempts.length, before, `not before ${least} ms`)
      await next(least + 1).then((attempt) => attempt.fail(unreachable))
    }
    for (let round = 0; round < 20; round++) await next(60_000).then((attempt) => attempt.fail(unreachable))
    const { state } = connection
    await clock.advance(0)
    assert.equal(state.kind, 'connecting')
    await next(60_000).then((attempt) => attempt.succeed())
    await clock.advance(0)
    assert.equal(connection.state.kind, 'ready')
    assert.deepEqual(states.slice(0, 4), ['waiting', 'connecting', 'waiting', 'connecting'])
    connection.dispose()
    await clock.advance(2000)
    assert.deepEqual(clock.pending, [])
  })

  it('says when it tries again, and does so at once when asked', async () => {
    const { clock, connection, stand, next } = setUp()
    const { client } = await stand()
    client.lose()
    for (let round = 0; round < 8; round++) await next(60_000).then((attempt) => attempt.fail(unreachable))
    await clock.advance(0)
    assert.equal(waiting(connection)?.failure, unreachable)
    assert.ok((waiting(connection)?.retryAt ?? 0) > clock.now() + 20_000)
    connection.retryNow()
    await next().then((attempt) => attempt.fail(unreachable))
    await clock.advance(0)
    assert.ok((waiting(connection)?.retryAt ?? Infinity) <= clock.now() + 1000, 'and counts from the start')
    connection.dispose()
  })

  it('stops with the reason where trying again cannot help, until it is asked to', async () => {
    const { clock, connection, stand, next } = setUp()
    const { client } = await stand()
    client.lose()
    await next().then((attempt) => attempt.fail(refused))
    await clock.advance(0)
    assert.deepEqual(connection.state, { kind: 'failed', failure: refused })
    await clock.advance(600_000)
    assert.deepEqual(connection.state, { kind: 'failed', failure: refused })
    connection.retryNow()
    await next().then((attempt) => attempt.succeed())
    await clock.advance(0)
    assert.equal(connection.state.kind, 'ready')
    connection.dispose()
  })

  it('stays failed for those who wait when somebody else tries in vain', async () => {
    const { clock, connection, stand, next, never } = setUp()
    const { client } = await stand()
    client.lose()
    await next().then((attempt) => attempt.fail(refused))
    await clock.advance(0)
    const other = connection.connect(never)
    await next().then((attempt) => attempt.fail(unreachable))
    await assert.rejects(other, unreachable)
    assert.deepEqual(connection.state, { kind: 'failed', failure: refused })
    connection.dispose()
  })

  it('stops when the person closes a question, and asks again only when told to', async () => {
    const { clock, connection, stand, next } = setUp()
    const { client } = await stand()
    client.lose()
    await next().then((attempt) => attempt.fail(new Cancelled()))
    await clock.advance(0)
    assert.equal(connection.state.kind === 'failed' && connection.state.failure.kind, 'question-closed')
    connection.dispose()
  })

  it('goes on after an error that nobody foresaw, and says what it was', async () => {
    const { clock, connection, stand, next, log } = setUp()
    const { client } = await stand()
    client.lose()
    await next().then((attempt) => attempt.fail(new TypeError('x is not a function')))
    await clock.advance(0)
    const { state } = connection
    assert.equal(state.kind === 'waiting' && state.failure.said, 'x is not a function')
    assert.match(log.text, /x is not a function/)
    await next(1000).then((attempt) => attempt.succeed())
    await clock.advance(0)
    assert.equal(connection.state.kind, 'ready')
    connection.dispose()
  })

  it('heals though what shows its state fails', async () => {
    const { clock, connection, stand, next, log } = setUp()
    const { client } = await stand()
    connection.onDidChange(() => assert.fail('a broken view'))
    client.lose()
    await next().then((attempt) => attempt.succeed())
    await clock.advance(0)
    assert.equal(connection.state.kind, 'ready')
    assert.match(log.text, /a broken view/)
    connection.dispose()
  })

  it('does not run in circles with a server that lets it in and out again', async () => {
    const { clock, connection, stand, next, attempts } = setUp()
    let { client } = await stand()
    for (let round = 0; round < 6; round++) {
      client.lose()
      client = (await next(60_000)).succeed()
      await clock.advance(0)
    }
    client.lose()
    const before = attempts.length
    await clock.advance(10_000)
    assert.equal(attempts.length, before, 'no forward stood, so the waits grow')
    connection.dispose()
  })

  it('tries at once again when a connection had stood for a while', async () => {
    const { clock, connection, stand, next } = setUp()
    let { client } = await stand()
    for (let round = 0; round < 3; round++) {
      await clock.advance(11_000)
      client.lose()
      client = (await next()).succeed()
    }
    connection.dispose()
  })

  it('shares the attempt of who connects meanwhile', async () => {
    const { clock, connection, stand, next, never, attempts } = setUp()
    const { client } = await stand()
    client.lose()
    for (let round = 0; round < 5; round++) await next(60_000).then((attempt) => attempt.fail(unreachable))
    await clock.advance(0)
    const other = connection.connect(never)
    const attempt = await next()
    const count = attempts.length
    attempt.succeed()
    await other
    await clock.advance(60_000)
    assert.equal(connection.state.kind, 'ready')
    assert.equal(attempts.length, count)
    connection.dispose()
  })

  it('says that it waits again when the attempt of who connects meanwhile fails', async () => {
    const { clock, connection, stand, next, never } = setUp()
    const { client } = await stand()
    client.lose()
    for (let round = 0; round < 8; round++) await next(60_000).then((attempt) => attempt.fail(unreachable))
    await clock.advance(0)
    const other = connection.connect(never)
    await next().then((attempt) => attempt.fail(unreachable))
    await assert.rejects(other, unreachable)
    await clock.advance(0)
    assert.equal(connection.state.kind, 'waiting')
    connection.dispose()
  })

  for (const when of ['waiting', 'connecting'] as const) {
    it(`ends with its last user while it is ${when}, and leaves no timer`, async () => {
      const { clock, connection, stand, next, seen, attempts } = setUp()
      const { client, use } = await stand()
      client.lose()
      const attempt = await next()
      if (when === 'waiting') {
        attempt.fail(unreachable)
        await clock.advance(0)
      }
      assert.equal(connection.state.kind, when)
      use.dispose()
      await clock.advance(0)
      assert.deepEqual([connection.state.kind, seen.unused, seen.holds], ['idle', 1, 0])
      assert.deepEqual(clock.pending, [])
      assert.ok(when === 'waiting' || attempt.signal.aborted)
      const count = attempts.length
      await clock.advance(600_000)
      assert.equal(attempts.length, count)
    })
  }

  it('is kept for a moment after its last user, and used again by who comes', async () => {
    const { clock, connection, stand, seen, never, attempts } = setUp()
    const { use } = await stand()
    use.dispose()
    await clock.advance(1000)
    const again = connection.use()
    await connection.connect(never)
    await clock.advance(60_000)
    assert.deepEqual([connection.state.kind, attempts.length, seen.unused], ['ready', 1, 0])
    again.dispose()
    await clock.advance(5000)
    assert.deepEqual([connection.state.kind, seen.unused, seen.holds], ['idle', 1, 0])
    assert.deepEqual(clock.pending, [])
  })

  it('is not brought back when it is lost while nobody uses it', async () => {
    const { clock, connection, stand, seen, attempts } = setUp()
    const { client, use } = await stand()
    use.dispose()
    client.lose()
    await clock.advance(60_000)
    assert.deepEqual([connection.state.kind, seen.unused, attempts.length], ['idle', 1, 1])
    assert.deepEqual(clock.pending, [])
  })

  for (const event of ['woke from sleep', 'network changed'] as const) {
    describe(event, () => {
      it('keeps a connection that answers', async () => {
        const { clock, connection, stand, network } = setUp()
        const { client } = await stand()
        network.fire(event)
        await clock.advance(10_000)
        assert.equal(client.pings, 1)
        assert.equal(connection.state.kind, 'ready')
        client.lives = false
        network.fire(event)
        connection.dispose()
        await clock.advance(0)
        assert.deepEqual(clock.pending, [], 'its end ends the question, too')
      })

      it('gives a connection that does not answer up within seconds, and tries at once', async () => {
        const { clock, connection, stand, network, next } = setUp()
        const { client } = await stand()
        await clock.advance(11_000)
        client.lives = false
        network.fire(event)
        network.fire(event)
        assert.equal(client.pings, 1)
        const attempt = await next(5000)
        assert.match(connection.state.kind, /connecting/)
        attempt.succeed()
        await clock.advance(0)
        assert.equal(connection.state.kind, 'ready')
        connection.dispose()
      })

      it('ends a wait, and counts from the start', async () => {
        const { clock, connection, stand, network, next } = setUp()
        const { client } = await stand()
        client.lose()
        for (let round = 0; round < 8; round++)
          await next(60_000).then((attempt) => attempt.fail(unreachable))
        await clock.advance(0)
        network.fire(event)
        await next().then((attempt) => attempt.fail(unreachable))
        await next(1000)
        connection.dispose()
      })

      it('begins an attempt anew that hangs on the old network, but not one that asks a person', async () => {
        const { clock, connection, stand, network, next, attempts } = setUp()
        const { client } = await stand()
        client.lose()
        const hanging = await next()
        hanging.onHop('TCP')
        network.fire(event)
        const fresh = await next()
        assert.ok(hanging.signal.aborted)
        fresh.onHop('authentication')
        network.fire(event)
        await clock.advance(0)
        assert.ok(!fresh.signal.aborted)
        assert.equal(attempts.at(-1), fresh)
        connection.dispose()
      })
    })
  }
})
