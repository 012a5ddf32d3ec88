import assert from 'node:assert/strict'
import { once } from 'node:events'
import { FakeClock } from '../../support/fakeClock'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { RawVisitor, startEdge, startForward, startRawApp } from './edge'

const post = 'POST / HTTP/1.1\r\nHost: x\r\n'
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`

/**
 * What comes first, what comes again and again, and how it is refused. Of some, Node keeps nothing and waits for
 * more; they end with their time.
 */
const floods: Record<string, [string, string, RegExp | 'given up']> = {
  'an endless method': ['', 'A', /^HTTP\/1.1 400 /],
  'an endless target': ['GET /', 'a', /^HTTP\/1.1 (?:400|431) /],
  'an endless field': [`${post}X-A: `, 'a', /^HTTP\/1.1 431 /],
  'an endless name': [`${post}X-`, 'a', /^HTTP\/1.1 431 /],
  'endless fields': [post, 'a: b\r\n', /^HTTP\/1.1 431 /],
  'endless empty fields': [post, 'a:\r\n', /^HTTP\/1.1 431 /],
  'endless spaces before a value': [`${post}X-A:`, ' ', 'given up'],
  'endless lines before the first': ['', '\r\n', 'given up'],
  'an endless chunk extension': [`${chunked}1;`, 'a', /^HTTP\/1.1 413 /],
  'an endless chunk size': [chunked, '0', 'given up'],
  'endless trailers': [`${chunked}0\r\n`, 'a: b\r\n', /^HTTP\/1.1 431 /],
  'an endless trailer': [`${chunked}0\r\nX-A: `, 'a', /^HTTP\/1.1 431 /],
}
/** More than fits into the ways between. */
const most = 32 * 1024 * 1024

describe('visitors who never come to an end, HTTP/1.1', function () {
  this.timeout(60_000)
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  for (const [what, [first, again, refusal]] of Object.entries(floods)) {
    it(`${what}: refused, and the connection ends`, async () => {
      const app = await startRawApp(scope, () => undefined)
      const clock = new FakeClock()
      const { port, sockets } = await startEdge(scope, startForward(scope, app, { clock }).accept)
      const visitor = RawVisitor.call(scope, port, first)
      const { socket } = visitor
      await once(socket, 'connect')
      const piece = Buffer.from(again.repeat(Math.ceil(65_536 / again.length)))
      let written = 0
      const write = () => {
        for (; !socket.writableNeedDrain && !socket.destroyed && written < most; written += piece.length)
          socket.write(piece)
      }
      socket.on('drain', write)
      write()
      if (refusal === 'given up') {
        await waitUntil('most of it to have come', () => written >= most)
        await clock.advance(200_000)
      }
      await waitUntil(
        () => `the end after ${written} bytes; it said ${visitor.text.slice(0, 200)}`,
        () => visitor.ended || visitor.closed,
      )
      if (refusal !== 'given up') {
        assert.ok(written < most)
        assert.match(visitor.text, refusal)
      }
      await waitUntil('nothing to be left', () => sockets.size === 0)
      const whole = app.connections.filter(({ text }) => text.includes('\r\n0\r\n'))
      assert.deepEqual(whole, [])
    })
  }
})
