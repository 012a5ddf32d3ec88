import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { silentLog } from '../../../src/base/log'
import { EndTls } from '../../../src/tls/endTls'
import { startEchoApp } from '../../support/apps'
import { FakeClock } from '../../support/fakeClock'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { RawVisitor, startEdge, startForward, startRawApp, type RawApp } from './edge'
import { exposeApp } from './exposed'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const json = { headers: { accept: 'application/json' } }
const reasonOf = (body: Buffer) => (JSON.parse(String(body)) as { reason: string }).reason

describe('what visitors get when something fails', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  /** An app that takes every request and says nothing. */
  const silentApp = () => startRawApp(scope, () => undefined)
  const asked = (app: RawApp, count = 1) =>
    waitUntil('the app to be asked', () => app.connections.filter(({ text }) => text !== '').length === count)
  const leftBy = (app: RawApp) =>
    waitUntil('the app to be let go', () =>
      app.connections.every(({ ended, socket }) => ended || socket.closed),
    )

  describe('an app that is too slow for the limit set for it', () => {
    async function limited(answer: (socket: Socket, head: string) => unknown) {
      const clock = new FakeClock()
      const app = await startRawApp(scope, answer)
      const gate = { answerWithinMs: 30_000 }
      const { port } = await startEdge(scope, startForward(scope, app, { clock, gate }).accept)
      return { app, clock, port, url: `http://127.0.0.1:${port}/slow` }
    }
    /** The app's limit, besides the longer ones that a connection has. */
    const isCounting = (clock: FakeClock) =>
      waitUntil('the limit to run', () => clock.pending.includes(30_000))

    it('is let go, and the visitor gets 504', async () => {
      const { app, clock, url } = await limited(() => undefined)
      const page = visit(url)
      await asked(app)
      await isCounting(clock)
      await clock.advance(29_999)
      assert.equal(app.connections[0]?.ended, false)
      await clock.advance(1)
      const { status, body } = await page
      assert.equal(status, 504)
      assert.match(String(body), /<title>The app took too long<\/title>/)
      await leftBy(app)

      const told = visit(url, { ...json, body: 'x' })
      await asked(app, 2)
      await isCounting(clock)
      await clock.advance(30_000)
      assert.deepEqual([(await told).status, reasonOf((await told).body)], [504, 'too slow'])
    })

    it('counts from the end of the request, and again from a status of 1xx', async () => {
      const { app, clock, port } = await limited(() => undefined)
      const visitor = RawVisitor.call(
        scope,
        port,
        'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo',
      )
      await waitUntil('the half', () => app.connections[0]?.text.endsWith('bo') === true)
      await clock.advance(50_000)
      visitor.socket.write('dy')
      await waitUntil('the whole', () => app.connections[0]?.text.endsWith('body') === true)
      await isCounting(clock)
      await clock.advance(20_000)
      app.connections[0]?.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
      await waitUntil('the hint', () => visitor.text.includes('103 Early Hints'))
      await clock.advance(20_000)
      app.connections[0]?.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
      await waitUntil('the head', () => /200 OK[^]*\r\n\r\n$/.test(visitor.text))
      await clock.advance(120_000)
      app.connections[0]?.socket.write('ok')
      await waitUntil('the answer', () => visitor.text.endsWith('ok'))
    })

    it('gets 504 for a WebSocket too', async () => {
      const { app, clock, url } = await limited(() => undefined)
      const opening = assert.rejects(openWebSocket(url), /504/)
      await asked(app)
      await isCounting(clock)
      await clock.advance(30_000)
      await opening
    })
  })

  describe('a gate that is closed', () => {
    it('tells those who wait and those who come, and lets what has begun go on', async () => {
      const app = await startEchoApp(scope)
      const forwarded = startForward(scope, app)
      const { port, sockets } = await startEdge(scope, forwarded.accept)
      const url = `http://127.0.0.1:${port}`
      const events = await openSse(`${url}/sse`)
      const early = visit(`${url}/slow?ms=600000`)
      const upload = RawVisitor.call(
        scope,
        port,
        'POST /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nAccept: application/json\r\n\r\nhalf',
      )
      await waitUntil('the app to be asked', () => app.requests.length === 3)
      await forwarded.close()
      assert.equal((await early).status, 503)
      assert.match(String((await early).body), /This tunnel was closed/)
      await waitUntil('the uploader to know', () => upload.text.includes('"reason":"closed"'))
      const late = await visit(url, json)
      assert.deepEqual([late.status, reasonOf(late.body)], [503, 'closed'])
      assert.deepEqual((await visit(url, { method: 'HEAD' })).status, 503)
      await assert.rejects(openWebSocket(url), /503/)
      assert.equal(app.requests.length, 3)
      assert.equal(app.sse.left, 0)
      forwarded.dispose()
      await waitUntil('all to be gone', () => sockets.size === 0 && app.openConnections() === 0)
      events.close()
    })

    it('says so to those who speak HTTP/2', async () => {
      const ca = await createTestCa(scope)
      const certificate = new StaticCertificate(await ca.issue({ names: ['dev.localhost'] }))
      const app = await silentApp()
      const clock = new FakeClock()
      const forwarded = startForward(scope, app)
      const ended = new EndTls({ certificate, clock, log: silentLog }, forwarded.accept)
      scope.add(() => ended.dispose())
      const { port } = await startEdge(scope, ended.accept)
      const early = visit(`https://dev.localhost:${port}/`, { ca, h2: true })
      await asked(app)
      await forwarded.close()
      assert.equal((await early).status, 503)
      assert.match(String((await early).body), /This tunnel was closed/)
    })
  })

  describe('through real sshd and nginx', function () {
    this.timeout(60_000)
    const shared = new Scope()
    let world: World
    before(async () => {
      world = await startWorld(shared)
    })
    after(() => shared.close())

    it('shows who waits for an answer that the tunnel was stopped, and the app is let go', async () => {
      const app = await silentApp()
      const { url, tunnel, options } = await exposeApp(scope, world, { port: app.port })
      const page = visit(url, options)
      const told = visit(`${url}/hook`, { ...options, ...json, body: '{}' })
      await asked(app, 2)
      await tunnel.stop()
      assert.equal((await page).status, 503)
      assert.match(String((await page).body), /This tunnel was closed/)
      assert.deepEqual([(await told).status, reasonOf((await told).body)], [503, 'closed'])
      await leftBy(app)
    })

    it('answers 504 where the port has a limit, and waits where it has none', async () => {
      const app = await startRawApp(scope, (socket, head) => {
        if (head.includes('/quick')) socket.write(okay)
      })
      const { url, tunnel, options } = await exposeApp(scope, world, { port: app.port })
      tunnel.setGate({ answerWithinMs: 200 })
      const slow = await visit(url, { ...options, ...json })
      assert.deepEqual([slow.status, reasonOf(slow.body)], [504, 'too slow'])
      assert.equal((await visit(`${url}/quick`, options)).status, 200)
    })
  })
})
