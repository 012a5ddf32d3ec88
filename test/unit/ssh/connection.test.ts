import assert from 'node:assert/strict'
import { Cancelled, Failure } from '../../../src/base/failure'
import { Connection, type ConnectionState } from '../../../src/ssh/connection'
import { Connections } from '../../../src/ssh/connections'
import type { SshSettings } from '../../../src/ssh/settings'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { scriptedPrompts } from '../../support/scriptedPrompts'

/** What can be seen without a server: attempts that end before they dial. test/real/ssh has the rest. */
describe('Connection', () => {
  const failure = new Failure({ kind: 'gate', hop: 'settings', message: 'm', advice: 'a', canHeal: true })
  const idle = new AbortController().signal

  /** Each attempt first asks for its settings, and there the test holds it. */
  function setUp(): {
    connection: Connection
    attempts: { fail(error: Error): void }[]
    states: string[]
    unused: () => number
  } {
    const attempts: { fail(error: Error): void }[] = []
    let unused = 0
    const connection = new Connection({
      settings: () => new Promise<SshSettings>((_resolve, reject) => attempts.push({ fail: reject })),
      resolve: () => assert.fail('no jump host'),
      prompts: scriptedPrompts(),
      clock: new FakeClock(),
      log: new CollectedLog(),
      onUnused: () => (unused += 1),
    })
    const states: string[] = []
    connection.onDidChange((state: ConnectionState) => states.push(state.kind))
    return { connection, attempts, states, unused: () => unused }
  }

  it('makes one attempt for all who connect at the same time, and tells all of them why it failed', async () => {
    const { connection, attempts, states } = setUp()
    const both = [connection.connect(idle), connection.connect(idle)]
    attempts[0]?.fail(failure)
    for (const one of both) await assert.rejects(one, failure)
    assert.equal(attempts.length, 1)
    assert.deepEqual(states, ['connecting', 'idle'])
  })

  it('tries anew when it is asked again after a failure', async () => {
    const { connection, attempts } = setUp()
    for (const round of [0, 1]) {
      const connecting = connection.connect(idle)
      attempts[round]?.fail(failure)
      await assert.rejects(connecting, failure)
    }
    assert.equal(attempts.length, 2)
  })

  it('lets one of two callers cancel without ending the attempt of the other', async () => {
    const { connection, attempts } = setUp()
    const abort = new AbortController()
    const [one, two] = [connection.connect(abort.signal), connection.connect(idle)]
    abort.abort()
    await assert.rejects(one, Cancelled)
    attempts[0]?.fail(failure)
    await assert.rejects(two, failure)
  })

  it('says Cancelled to who cancels, whatever the reason of the signal', async () => {
    const { connection, attempts, states } = setUp()
    const abort = new AbortController()
    const connecting = connection.connect(abort.signal)
    abort.abort(new Error('the user pressed Escape'))
    await assert.rejects(connecting, Cancelled)
    attempts[0]?.fail(failure)
    await new Promise(setImmediate)
    assert.equal(connection.state.kind, 'idle')
    assert.deepEqual(states, ['connecting', 'idle'])
  })

  it('does not even wait for a signal that was aborted before', async () => {
    const { connection, attempts } = setUp()
    await assert.rejects(connection.connect(AbortSignal.abort()), Cancelled)
    attempts[0]?.fail(failure)
  })

  it('makes a new attempt for who comes after all others have cancelled, while the old one still ends', async () => {
    const { connection, attempts, states } = setUp()
    const abort = new AbortController()
    const first = connection.connect(abort.signal)
    abort.abort()
    await assert.rejects(first, Cancelled)

    const second = connection.connect(idle)
    assert.equal(attempts.length, 2)
    attempts[0]?.fail(new Cancelled())
    await new Promise(setImmediate)
    assert.equal(connection.state.kind, 'connecting', 'the end of the old attempt does not show')
    attempts[1]?.fail(failure)
    await assert.rejects(second, failure)
    assert.equal(states.at(-1), 'idle')
  })

  it('closes when its last user lets go, each counted once', () => {
    const { connection, unused } = setUp()
    const [one, two] = [connection.use(), connection.use()]
    one.dispose()
    one.dispose()
    assert.equal(unused(), 0)
    two.dispose()
    assert.equal(unused(), 1)
    assert.equal(connection.state.kind, 'idle')
  })
})

describe('Connections', () => {
  it('has one connection for each server, until nobody uses it', () => {
    const connections = new Connections()
    const options = {
      settings: () => Promise.reject(new Error('not asked')),
      resolve: () => Promise.reject(new Error('not asked')),
      prompts: scriptedPrompts(),
      clock: new FakeClock(),
      log: new CollectedLog(),
    }
    const one = connections.get('a', options)
    assert.equal(connections.get('a', options), one)
    assert.notEqual(connections.get('b', options), one)
    assert.equal(connections.size, 2)
    one.use().dispose()
    assert.equal(connections.size, 1)
    assert.notEqual(connections.get('a', options), one)
    one.use().dispose()
    assert.equal(connections.size, 2, 'the end of an old one does not take the new one away')
  })
})
