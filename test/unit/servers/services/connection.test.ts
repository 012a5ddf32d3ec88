import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Client } from 'ssh2'
import { backoffMs, sharedPace } from '../../../../src/base/backoff'
import { Cancelled, Failure } from '../../../../src/base/failure'
import { Connection } from '../../../../src/ssh/connection'
import type { openTransport } from '../../../../src/ssh/openTransport'
import { parseSshG, settingsFromOptions } from '../../../../src/ssh/sshConfig'
import { Transport } from '../../../../src/ssh/transport'
import { CollectedLog } from '../../../support/collectedLog'
import { FakeClock } from '../../../support/fakeClock'
import { scriptedPrompts } from '../../../support/scriptedPrompts'

/** The part of ssh2's Client that a connection without traffic uses. */
class FakeClient extends EventEmitter {
  readonly stream = new PassThrough()
  readonly _callbacks: ((error: unknown) => void)[] = []
  readonly _protocol = { ping: () => setImmediate(() => this._callbacks.shift()?.(true)) }

  constructor() {
    super()
    this.stream.once('close', () => this.emit('close'))
  }
  end(): void {
    this.stream.destroy()
  }
}

const settings = settingsFromOptions(
  { host: 'service', user: 'me', port: 22 },
  parseSshG('hostname service\n'),
)
const unreachable = new Failure({ kind: 'unreachable', hop: 'TCP', message: 'm', advice: 'a', canHeal: true })
const ended = new Failure({
  kind: 'service-ended',
  hop: 'connection',
  message: 'm',
  advice: 'a',
  canHeal: true,
})
const minute = 60_000

function setUp() {
  const clock = new FakeClock()
  const log = new CollectedLog()
  const clients: FakeClient[] = []
  const seen = { attempts: [] as number[], answers: true, unused: 0 }
  const open: typeof openTransport = ({ signal }) => {
    seen.attempts.push(clock.now())
    if (signal.aborted) return Promise.reject(new Cancelled())
    if (!seen.answers) return Promise.reject(unreachable)
    const client = new FakeClient()
    clients.push(client)
    const route = { stream: client.stream, dispose: () => undefined }
    return Promise.resolve(
      new Transport({ client: client as unknown as Client, route, settings, clock, log }),
    )
  }
  const connection = new Connection({
    settings: () => Promise.resolve(settings),
    resolve: () => assert.fail('no jump host'),
    prompts: scriptedPrompts(),
    clock,
    log,
    isTunnelService: true,
    onUnused: () => (seen.unused += 1),
    openTransport: open,
  })
  const stand = async () => {
    const use = connection.use()
    const connecting = connection.connect(new AbortController().signal)
    await clock.advance(0)
    await connecting
    return use
  }
  const lose = async () => {
    clients.at(-1)?.stream.destroy()
    await clock.advance(0)
  }
  /** Between the attempts since then, in milliseconds. */
  const waits = () => seen.attempts.slice(1).map((at, index) => at - (seen.attempts[index] ?? 0))
  return { clock, connection, seen, stand, lose, waits }
}

describe('a connection to a tunnel service', () => {
  it('comes back at once, then after waits from seconds to minutes', async () => {
    const { clock, seen, stand, lose, waits, connection } = setUp()
    await stand()
    await clock.advance(10 * minute)
    seen.answers = false
    await lose()
    assert.equal(seen.attempts.length, 2, 'one at once')
    await clock.advance(60 * minute)
    const [, first = 0, second = 0, ...more] = waits()
    assert.ok(first >= 2500 && first <= 5000, `${first}`)
    assert.ok(second >= 5000 && second <= 10_000, `${second}`)
    assert.ok(
      more.slice(-3).every((wait) => wait >= 150_000 && wait <= 300_000),
      more.join(),
    )
    connection.dispose()
  })

  it('is not asked again and again by one that lets us in and out', async () => {
    const { clock, seen, stand, lose, connection } = setUp()
    await stand()
    const began = clock.now()
    for (let count = 0; count < 600 && clock.now() - began < 60 * minute; count++) {
      await clock.advance(6000)
      if (connection.state.kind === 'ready') await lose()
    }
    assert.ok(seen.attempts.length < 30, `${seen.attempts.length} logins within an hour`)
    connection.dispose()
  })

  it('comes back at once each time when it stood for long, as free tunnels do that end by the hour', async () => {
    const { clock, seen, stand, lose, connection } = setUp()
    await stand()
    for (let hour = 1; hour <= 3; hour++) {
      await clock.advance(60 * minute)
      await lose()
      assert.equal(seen.attempts.length, hour + 1)
      assert.equal(connection.state.kind, 'ready')
    }
    connection.dispose()
  })

  it('is renewed at once for a person, and with patience otherwise', async () => {
    const { clock, seen, stand, connection } = setUp()
    await stand()
    assert.equal(connection.renew(ended, { isAsked: false }), true)
    await clock.advance(0)
    assert.equal(seen.attempts.length, 2, 'the first time at once')
    assert.equal(connection.renew(ended, { isAsked: false }), true)
    await clock.advance(0)
    assert.equal(connection.state.kind, 'waiting')
    await clock.advance(5000)
    assert.equal(seen.attempts.length, 3)
    assert.equal(connection.renew(ended), true)
    await clock.advance(0)
    assert.equal(seen.attempts.length, 4)
    connection.dispose()
  })

  it('closes with its tunnel', async () => {
    const { seen, stand, connection } = setUp()
    const use = await stand()
    use.dispose()
    assert.equal(seen.unused, 1)
    assert.equal(connection.state.kind, 'idle')
  })
})

describe('the pace of shared services', () => {
  const rows: [tries: number, least: number, most: number][] = [
    [0, 0, 0],
    [1, 2500, 5000],
    [2, 5000, 10_000],
    [7, 150_000, 300_000],
    [1000, 150_000, 300_000],
  ]
  for (const [tries, least, most] of rows) {
    it(`waits ${least} to ${most} ms before try ${tries}`, () => {
      assert.equal(
        backoffMs(tries, () => 0, sharedPace),
        least,
      )
      assert.equal(
        backoffMs(tries, () => 1, sharedPace),
        most,
      )
    })
  }
})
