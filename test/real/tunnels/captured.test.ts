import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import type { ReplayRequest } from '../../../src/http/replay'
import { startEchoApp, startTcpApp, type Echo } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('what a tunnel through real sshd and nginx captures and counts', function () {
  this.timeout(60_000)
  const shared = new Scope()
  const signal = new AbortController().signal
  let world: World
  let scope: Scope

  before(async () => {
    world = await startWorld(shared)
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  const requestOf = ({ id, request }: CapturedExchange): ReplayRequest => ({
    ...request,
    source: { kind: 'replay', of: id, isEdited: false },
    body: request.body.bytes,
  })

  it('is kept and sent again, while it is open, while it is lost and after it is back, and not once it is closed', async () => {
    const app = await startEchoApp(scope)
    const tunnels = world.tunnels()
    const { exchanges } = tunnels
    const tunnel = await tunnels.open({
      ...{ app: { host: 'localhost', port: app.port, protocol: 'http' }, name: 'app', signal },
      server: world.oneUrl(),
    })
    assert.equal(exchanges.all.length, 0, 'the check of the public URL is nothing to see')
    const { ca } = world
    const url = tunnel.publicUrl ?? assert.fail()
    const headers = { 'x-forwarded-for': '6.6.6.6', authorization: 'Basic x' }
    const told = JSON.parse(String((await visit(`${url}/hook`, { ca, headers, body: 'body' })).body)) as Echo
    await waitUntil('it to be over', () => exchanges.all[0]?.state === 'complete')
    const [original] = exchanges.all
    assert.ok(original)
    const { request, response } = original
    assert.deepEqual(
      [original.tunnelId, original.visitorAddress, request.method, request.target, response?.status],
      [tunnel.id, '127.0.0.1', 'POST', '/hook', 200],
    )
    assert.equal(Buffer.from(request.body.bytes).toString(), 'body')

    const sendAgain = async () => {
      const again = exchanges.get(await tunnel.replay(requestOf(original)))
      assert.equal(again?.state, 'complete')
      const body = Buffer.from(again.response?.body.bytes ?? []).toString()
      assert.deepEqual(JSON.parse(body) as Echo, told)
    }
    await sendAgain()
    await world.sshd.stop()
    await waitUntil('the tunnel to be lost', () => tunnel.state.kind !== 'open')
    await sendAgain()
    await world.sshd.restart()
    tunnel.retryNow()
    await waitUntil('the tunnel to be back', async () => {
      tunnel.retryNow()
      return tunnel.state.kind === 'open' && (await visit(`${url}/back`, { ca })).status === 200
    })
    await sendAgain()

    const { requests, errors, bytesIn, bytesOut, latencyMs } = tunnel.numbers
    const visits = exchanges.all.filter(({ source }) => source.kind === 'visitor').length
    assert.deepEqual([requests, errors], [visits, 0], 'before and after; what was sent again is no visit')
    assert.ok(bytesIn > 200 && bytesOut > 200 && latencyMs !== undefined)

    await tunnel.stop()
    await assert.rejects(tunnel.replay(requestOf(original)), {
      kind: 'replay-not-exposed',
      message: `The request was not sent: port ${app.port} is not exposed now.`,
    })
    assert.equal(exchanges.get(original.id), original, 'a closed tunnel leaves what it has captured')
  })

  it('counts though nothing is captured, and the answers that were errors', async () => {
    const port = await freePort()
    const tunnels = world.tunnels()
    const tunnel = await tunnels.open({
      ...{ app: { host: 'localhost', port, protocol: 'http' }, name: 'app', signal },
      ...{ server: world.oneUrl(), gate: { capture: false } },
    })
    const { ca } = world
    const url = tunnel.publicUrl ?? assert.fail()
    assert.equal((await visit(url, { ca })).status, 502)
    const app = await startEchoApp(scope, { port })
    assert.equal((await visit(url, { ca })).status, 200)
    assert.deepEqual([tunnel.numbers.requests, tunnel.numbers.errors], [2, 1])
    assert.equal(tunnels.exchanges.all.length, 0)
    tunnel.setGate({})
    await visit(url, { ca })
    assert.equal(tunnels.exchanges.all.length, 1)
    const abort = new AbortController()
    const [original] = tunnels.exchanges.all
    const slow = { ...requestOf(original ?? assert.fail()), target: '/slow?ms=20000' }
    const waiting = tunnel.replay(slow)
    await waitUntil('the app to be asked', () => app.requests.some(({ url: asked }) => asked === slow.target))
    const cancelled = tunnel.replay(slow, abort.signal)
    abort.abort()
    await assert.rejects(cancelled, { name: 'AbortError' })
    void tunnel.stop()
    await assert.rejects(waiting, { kind: 'replay-not-exposed' })
    await tunnel.stop()
  })

  it('is of a plain TCP app what passes, and no request', async () => {
    const app = await startTcpApp(scope)
    const tunnels = world.tunnels()
    const { profile, ...server } = world.oneUrl()
    const bindPort = await freePort()
    const bind = { kind: 'tcp', host: '127.0.0.1', firstPort: bindPort, lastPort: bindPort } as const
    const publicUrl = `tcp://127.0.0.1:${bindPort}`
    const tunnel = await tunnels.open({
      ...{ app: { host: 'localhost', port: app.port, protocol: 'tcp' }, name: 'app', signal },
      server: { ...server, profile: { ...profile, id: 'tcp', bind, publicUrl, tls: 'none' } },
    })
    const before = tunnel.numbers
    const socket = connect(bindPort, '127.0.0.1')
    socket.resume().write('x'.repeat(1000))
    await waitUntil('what was written', () => tunnel.numbers.bytesIn === before.bytesIn + 1000)
    assert.equal(tunnel.numbers.visitorsNow, 1)
    const closed = once(socket, 'close')
    socket.end()
    await closed
    await waitUntil('the visitor to have gone', () => tunnel.numbers.visitorsNow === 0)
    // The SHA-256 in hex.
    assert.equal(tunnel.numbers.bytesOut, before.bytesOut + 64)
    assert.deepEqual([tunnel.numbers.requests, tunnels.exchanges.all.length], [0, 0])
    const request = { method: 'GET', target: '/', host: '', fields: [], body: new Uint8Array(), trailers: [] }
    await assert.rejects(tunnel.replay({ ...request, source: { kind: 'test', what: 'a test' } }), {
      kind: 'replay-not-http',
    })
    await tunnel.stop()
  })
})
