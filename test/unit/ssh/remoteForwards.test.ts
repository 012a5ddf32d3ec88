import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { PassThrough, type Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Address } from '../../../src/base/address'
import { systemClock } from '../../../src/base/clock'
import type { Visitor } from '../../../src/base/visitor'
import { listenForChannels } from '../../../src/ssh/forwardedChannels'
import { RemoteForwards } from '../../../src/ssh/remoteForwards'
import { parseSshG, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { CollectedLog } from '../../support/collectedLog'

type Answer = (error: Error | undefined, port?: number) => void

/** The part of ssh2's Client that forwards use. The test answers its requests. */
class FakeClient extends EventEmitter {
  readonly requests: { readonly text: string; readonly answer: Answer }[] = []
  gone = false

  forwardIn(host: string, port: number, answer: Answer): void {
    this.request(`listen ${host}:${port}`, answer)
  }
  unforwardIn(host: string, port: number, answer: Answer): void {
    this.request(`unlisten ${host}:${port}`, answer)
  }
  openssh_forwardInStreamLocal(path: string, answer: Answer): void {
    this.request(`listen ${path}`, answer)
  }
  openssh_unforwardInStreamLocal(path: string, answer: Answer): void {
    this.request(`unlisten ${path}`, answer)
  }

  private request(text: string, answer: Answer): void {
    if (this.gone) throw new Error('Not connected')
    this.requests.push({ text, answer })
  }

  /** A visitor's channel, or 'rejected'. */
  visit(address: Address): Duplex | 'rejected' {
    const channel = Object.assign(new PassThrough(), { stderr: new PassThrough() })
    let result: Duplex | 'rejected' | undefined
    const accept = () => (result = channel)
    const reject = () => (result = 'rejected')
    if (address.kind === 'unix') {
      this.emit('unix connection', { socketPath: address.path }, accept, reject)
    } else {
      const details = { destIP: address.host, destPort: address.port, srcIP: '198.51.100.9', srcPort: 40_000 }
      this.emit('tcp connection', details, accept, reject)
    }
    return result ?? assert.fail('neither accepted nor rejected')
  }
}

const turn = () => new Promise(setImmediate)

describe('RemoteForwards', () => {
  let client: FakeClient
  let forwards: RemoteForwards
  let visitors: Visitor[]
  const accept = (visitor: Visitor) => void visitors.push(visitor)
  const tcp: Address = { kind: 'tcp', host: '127.0.0.1', port: 8080 }
  const unix: Address = { kind: 'unix', path: '/run/expose/a.sock' }

  beforeEach(() => {
    client = new FakeClient()
    visitors = []
    const settings = settingsFromOptions({ host: 'dev', user: 'ada' }, parseSshG(''))
    const asClient = client as unknown as Client
    forwards = new RemoteForwards(asClient, settings, new CollectedLog())
    listenForChannels(
      {
        client: asClient,
        route: { stream: new PassThrough() },
        clock: systemClock,
        onArrival: (arrival) => forwards.route(arrival),
        onViolation: assert.ifError,
      },
      'ssh2',
    )
  })

  async function open(bind: Address, port?: number) {
    const opening = forwards.open(bind, accept)
    await turn()
    client.requests.at(-1)?.answer(undefined, port)
    return opening
  }

  for (const address of [tcp, unix]) {
    it(`passes visitors of ${address.kind} on, and rejects those who come elsewhere`, async () => {
      const forward = await open(address, 8080)
      assert.deepEqual(forward.address, address)
      const channel = client.visit(address)
      await turn()
      assert.equal(visitors.length, 1)
      assert.equal(visitors[0]?.stream, channel)
      assert.equal(client.visit({ kind: 'tcp', host: '127.0.0.1', port: 8081 }), 'rejected')
      assert.equal(client.visit({ kind: 'unix', path: '/run/expose/b.sock' }), 'rejected')
      await turn()
      assert.equal(visitors.length, 1)
    })
  }

  it('says where a visitor came from', async () => {
    await open(tcp, 8080)
    client.visit(tcp)
    await turn()
    assert.deepEqual(visitors[0]?.originator, { address: '198.51.100.9', port: 40_000 })
  })

  it('has the port that the server chose', async () => {
    const forward = await open({ ...tcp, port: 0 }, 40_123)
    assert.deepEqual(forward.address, { ...tcp, port: 40_123 })
    assert.notEqual(client.visit({ ...tcp, port: 40_123 }), 'rejected')
    assert.equal(client.visit({ ...tcp, port: 0 }), 'rejected')
  })

  it('passes on a visitor who comes in the same packet as the answer', async () => {
    const opening = forwards.open(tcp, accept)
    await turn()
    client.requests[0]?.answer(undefined, 8080)
    assert.notEqual(client.visit(tcp), 'rejected')
    await opening
    await turn()
    assert.equal(visitors.length, 1)
  })

  it('asks for one at a time, so that the server’s texts belong to the one that was refused', async () => {
    const [first, second] = [forwards.open(tcp, accept), forwards.open(unix, accept)]
    await turn()
    assert.deepEqual(
      client.requests.map(({ text }) => text),
      ['listen 127.0.0.1:8080'],
    )
    forwards.serverSaid('port forwarding refused')
    client.requests[0]?.answer(new Error('Unable to bind to 127.0.0.1:8080'))
    await assert.rejects(first, { kind: 'forward-not-permitted', said: 'port forwarding refused' })
    await turn()
    client.requests[1]?.answer(new Error('Unable to bind'))
    await assert.rejects(second, { kind: 'forward-address-taken', said: undefined })
    assert.equal(client.visit(tcp), 'rejected')
  })

  it('keeps the last texts only: a server that talks without end fills no memory', async () => {
    const opening = forwards.open(tcp, accept)
    await turn()
    for (let line = 0; line < 1000; line++) forwards.serverSaid(`line ${line}.`)
    client.requests[0]?.answer(new Error('Unable to bind'))
    await assert.rejects(opening, (error: { said: string }) => {
      assert.match(error.said, /line 999\.$/)
      assert.ok(error.said.length < 500)
      return true
    })
  })

  for (const address of [tcp, unix]) {
    it(`ends the listener of ${address.kind} and its visitors, once, and resolves when the server confirmed`, async () => {
      const forward = await open(address, 8080)
      const channel = client.visit(address) as Duplex
      let ended = false
      const cancelling = forward.cancel().then(() => (ended = true))
      assert.ok(channel.destroyed)
      assert.equal(client.visit(address), 'rejected')
      await turn()
      assert.equal(ended, false)
      client.requests.at(-1)?.answer(undefined)
      await cancelling
      await forward.cancel()
      assert.deepEqual(
        client.requests.at(-1)?.text,
        `unlisten ${address.kind === 'tcp' ? '127.0.0.1:8080' : address.path}`,
      )
      assert.equal(client.requests.length, 2)
    })
  }

  it('lets an old forward’s end not touch a new one at the same address', async () => {
    const old = await open(tcp, 8080)
    const fresh = await open(tcp, 8080)
    await old.cancel()
    assert.notEqual(client.visit(tcp), 'rejected')
    assert.equal(client.requests.length, 2)
    assert.deepEqual(fresh.address, tcp)
  })

  it('takes a server that is gone, or that refuses, for one that listens no more', async () => {
    const [one, two] = [await open(tcp, 8080), await open(unix)]
    const cancelling = one.cancel()
    client.requests.at(-1)?.answer(new Error('Unable to unbind'))
    await cancelling
    client.gone = true
    await two.cancel()
  })

  it('drops all visitors when the transport ends, and lives through their errors', async () => {
    await open(tcp, 8080)
    const [one, two] = [client.visit(tcp) as Duplex, client.visit(tcp) as Duplex]
    one.destroy(new Error('read ECONNRESET'))
    await turn()
    forwards.dispose()
    assert.ok(two.destroyed)
    assert.equal(client.visit(tcp), 'rejected')
  })
})
