import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { silentLog } from '../../../src/base/log'
import { toDisposable } from '../../../src/base/disposable'
import { Exchanges } from '../../../src/http/exchanges'
import type { Accept } from '../../../src/base/visitor'
import { readServers } from '../../../src/servers/validation'
import type { Connection } from '../../../src/ssh/connection'
import type { Transport } from '../../../src/ssh/transport'
import type { PublicChecker } from '../../../src/tunnels/publicChecker'
import { Tunnel } from '../../../src/tunnels/tunnel'
import { FakeClock } from '../../support/fakeClock'
import { scriptedPrompts } from '../../support/scriptedPrompts'

describe('a tunnel that was stopped', () => {
  it('lets no visitor reach the app, though its server never confirms the end', async () => {
    const visited: Socket[] = []
    const app = createServer((socket) => visited.push(socket)).listen(0, '127.0.0.1')
    await once(app, 'listening')
    const { port } = app.address() as AddressInfo
    const clock = new FakeClock()
    const server = slowServer()
    const tunnel = tunnelTo(port, server.connection, clock)
    await tunnel.open(new AbortController().signal)

    const early = new PassThrough()
    server.visit(early)
    await once(app, 'connection')
    const stopped = tunnel.stop()
    const late = new PassThrough()
    server.visit(late)
    assert.equal(late.destroyed, true)
    await clock.advance(10_000)
    await stopped
    const later = new PassThrough()
    server.visit(later)
    assert.equal(later.destroyed, true)
    assert.equal(visited.length, 1)

    early.destroy()
    for (const socket of visited) socket.destroy()
    app.close()
    await once(app, 'close')
  })
})

/** It listens, and says nothing when it is asked to end that. */
function slowServer(): { connection: Connection; visit: (stream: PassThrough) => void } {
  let accept: Accept = () => assert.fail('nobody listens')
  const transport = { settings: { hostName: 'vps' }, isOpen: true, answersOn: () => Promise.resolve(false) }
  const connection = {
    state: { kind: 'ready', transport },
    use: () => toDisposable(() => undefined),
    onDidChange: () => toDisposable(() => undefined),
    connect: () => Promise.resolve(transport as unknown as Transport),
    closeIfUnused: () => undefined,
    forward: (_transport: Transport, address: unknown, accepts: Accept) => {
      accept = accepts
      return Promise.resolve({ address, serverMessages: [], cancel: () => new Promise(() => undefined) })
    },
  }
  return {
    connection: connection as unknown as Connection,
    visit: (stream) => accept({ stream, originator: { address: '', port: 0 } }),
  }
}

const check: PublicChecker['check'] = (_way, { expected }) => {
  expected.done()
  return Promise.resolve(undefined)
}

function tunnelTo(port: number, connection: Connection, clock: FakeClock): Tunnel {
  const [profile] = readServers({
    vps: { ssh: 'vps', bind: '/run/{name}.sock', publicUrl: 'https://{name}.dev.example.com' },
  }).profiles
  assert.ok(profile)
  return new Tunnel({
    id: 1,
    app: { host: '127.0.0.1', port, protocol: 'tcp' },
    server: { profile, settings: () => Promise.reject(new Error('not asked here')) },
    name: 'bot',
    gate: {},
    exchanges: new Exchanges(),
    expectedUrl: undefined,
    wishedPort: undefined,
    ...{ connection, clock },
    checker: { check } as unknown as PublicChecker,
    certificateFor: () => assert.fail('no certificate is needed'),
    prompts: scriptedPrompts(),
    holderOf: () => Promise.resolve(undefined),
    log: silentLog,
  })
}
