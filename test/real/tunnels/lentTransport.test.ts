import assert from 'node:assert/strict'
import type { Hop } from '../../../src/base/failure'
import { startEchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('a connection that is lent to look at a server', () => {
  let scope: Scope
  let world: World
  beforeEach(async () => {
    scope = new Scope()
    world = await startWorld(scope)
  })
  afterEach(() => scope.close())

  const never = new AbortController().signal
  const logins = () => world.sshd.log().match(/Accepted publickey/g)?.length ?? 0

  it('is the one that a tunnel then has: it is not logged in to a second time', async () => {
    const tunnels = world.tunnels()
    const server = world.namedUrls()
    const hops: Hop[] = []
    const lent = await tunnels.connect(server, { signal: never, onHop: (hop) => hops.push(hop) })
    assert.match(await lent.transport.run('echo looking'), /looking/)
    assert.ok(hops.includes('authentication'), hops.join())
    const app = await startEchoApp(scope)
    const tunnel = await tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      ...{ server, name: 'looked-at', signal: never },
    })
    lent.dispose()
    assert.equal((await visit(tunnel.publicUrl ?? '', { ca: world.ca })).status, 200)
    assert.equal(logins(), 1)
  })

  it('ends when nobody has it any more', async () => {
    const tunnels = world.tunnels()
    const lent = await tunnels.connect(world.namedUrls(), { signal: never, onHop: () => undefined })
    lent.dispose()
    await waitUntil('the connection to end', () => world.sshd.sessionCount() === 0)
  })

  it('is another one when it is asked for anew: sshd goes by what it has read since', async () => {
    const tunnels = world.tunnels()
    const connect = (anew: boolean) =>
      tunnels.connect(world.namedUrls(), { anew, signal: never, onHop: () => undefined })
    const first = await connect(false)
    first.dispose()
    const same = await connect(false)
    assert.equal(same.transport, first.transport)
    same.dispose()
    const other = await connect(true)
    assert.notEqual(other.transport, first.transport)
    other.dispose()
    assert.equal(logins(), 2)
  })

  it('leaves nothing behind when it is cancelled, or cannot be made', async () => {
    const tunnels = world.tunnels()
    const cancelled = AbortSignal.abort()
    await assert.rejects(tunnels.connect(world.namedUrls(), { signal: cancelled, onHop: () => undefined }), {
      name: 'Cancelled',
    })
    await world.sshd.stop()
    await assert.rejects(tunnels.connect(world.namedUrls(), { signal: never, onHop: () => undefined }), {
      name: 'Failure',
      hop: 'TCP',
    })
  })
})
