import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Cancelled } from '../../../src/base/failure'
import { Agent } from '../../../src/ssh/agent'
import { stringOf } from '../../../src/ssh/publicKey'
import { loadSsh2, type Ssh2 } from '../../../src/ssh/ssh2Library'
import { FakeClock } from '../../support/fakeClock'
import { asksForKeys, keysAnswer, startFakeAgent } from '../../support/fakeAgent'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { publicKeyLine } from './fixture'

let ssh2: Ssh2
before(async () => (ssh2 = await loadSsh2()))

describe('Agent', () => {
  let scope: Scope
  let clock: FakeClock
  let abort: AbortController
  beforeEach(() => {
    scope = new Scope()
    clock = new FakeClock()
    abort = new AbortController()
  })
  afterEach(() => scope.close())

  async function start(onRequest: (message: Buffer, socket: Socket) => void): Promise<Agent> {
    const path = await startFakeAgent(scope, onRequest)
    return new Agent({ ssh2, path, clock, signal: abort.signal })
  }

  const line = publicKeyLine('ed25519-a')
  const fido = `sk ${stringOf('sk-ssh-ed25519@openssh.com').toString('base64')} yubikey`

  it('tells all keys, of whatever type, also when the answer comes in pieces', async () => {
    const agent = await start((message, socket) => {
      assert.ok(asksForKeys(message))
      const answer = keysAnswer(`${line} mine`, fido)
      void (async () => {
        for (const byte of answer) {
          socket.write(Buffer.from([byte]))
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
    })
    const keys = await agent.keys()
    assert.deepEqual(
      keys.map(({ comment }) => comment),
      ['mine', 'yubikey'],
    )
    assert.equal(keys[0]?.blob.toString('base64'), line.split(' ')[1])
    assert.deepEqual(clock.pending, [])
  })

  it('holds no key', async () => {
    const agent = await start((_message, socket) => socket.write(keysAnswer()))
    assert.deepEqual(await agent.keys(), [])
  })

  const signResponse = (...strings: (Buffer | string)[]) =>
    stringOf(
      Buffer.concat([Buffer.from([14]), stringOf(Buffer.concat(strings.map((each) => stringOf(each))))]),
    )

  for (const [hash, flags] of [
    ['sha256', 2],
    ['sha512', 4],
    [undefined, 0],
  ] as const) {
    it(`signs with ${hash ?? 'the key’s own hash'}, and answers the bare signature`, async () => {
      let asked: Buffer | undefined
      const agent = await start((message, socket) => {
        asked = message
        socket.write(signResponse('ssh-ed25519', 'signature'))
      })
      assert.equal(String(await agent.sign(Buffer.from('blob'), Buffer.from('data'), hash)), 'signature')
      const expected = [Buffer.from([13]), stringOf('blob'), stringOf('data'), Buffer.from([0, 0, 0, flags])]
      assert.deepEqual(asked, Buffer.concat(expected))
    })
  }

  const faults: [what: string, answer: Buffer | undefined, reason: RegExp][] = [
    ['dies', undefined, /it ended without an answer/],
    ['refuses', stringOf(Buffer.from([5])), /its answer makes no sense/],
    ['sends half a key', stringOf(Buffer.from([12, 0, 0, 0, 1, 0, 0, 0, 9, 1])), /its answer makes no sense/],
    ['announces four gigabytes', Buffer.alloc(4, 0xff), /its answer is too large/],
  ]
  for (const [what, answer, reason] of faults) {
    it(`that ${what} is an error`, async () => {
      const agent = await start((_message, socket) => (answer ? socket.write(answer) : socket.destroy()))
      await assert.rejects(agent.keys(), reason)
      assert.deepEqual(clock.pending, [])
    })
  }

  it('that refuses to sign, or signs nonsense, is an error', async () => {
    for (const answer of [stringOf(Buffer.from([5])), stringOf(Buffer.from([14, 0])), signResponse('x')]) {
      const agent = await start((_message, socket) => socket.write(answer))
      await assert.rejects(agent.sign(Buffer.from('b'), Buffer.from('d'), undefined), /refused to sign/)
    }
  })

  it('that hangs is given up: sooner for its keys than for a signature, which its owner may have to allow', async () => {
    let asked = 0
    let closed = 0
    const agent = await start((_message, socket) => {
      asked++
      socket.on('close', () => closed++)
    })
    const limits = [
      [() => agent.keys(), 5000],
      [() => agent.sign(Buffer.from('b'), Buffer.from('d'), undefined), 60_000],
    ] as const
    for (const [index, [ask, limitMs]] of limits.entries()) {
      const answer = ask()
      answer.catch(() => undefined)
      await waitUntil('it to be asked', () => asked === index + 1)
      assert.deepEqual(clock.pending, [limitMs])
      await clock.advance(limitMs)
      await assert.rejects(answer, new RegExp(`no answer within ${limitMs / 1000} s`))
      await waitUntil('the socket to be closed', () => closed === index + 1)
    }
  })

  it('is let go when the login is cancelled, also before it is asked', async () => {
    let closed = 0
    const agent = await start((_message, socket) => {
      socket.on('close', () => closed++)
      abort.abort(new Cancelled())
    })
    await assert.rejects(agent.keys(), Cancelled)
    await assert.rejects(agent.keys(), Cancelled)
    await waitUntil('the socket to be closed', () => closed === 1)
    assert.deepEqual(clock.pending, [])
  })

  it('that is not there is an error', async () => {
    const agent = new Agent({ ssh2, path: '/nowhere/agent.sock', clock, signal: abort.signal })
    await assert.rejects(agent.keys(), /Failed to connect to agent/)
    assert.deepEqual(clock.pending, [])
  })
})
