import assert from 'node:assert/strict'
import type { ExchangeStage } from '../../../src/http/exchange'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld } from '../../support/world'
import { RawVisitor, startEdge, startForward, startRawApp, type RawApp } from './edge'
import { exposeApp } from './exposed'
import { last, lastSeen, shapes, type Shape } from './smugglingShapes'
import { strictRequests } from './strictRequests'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('requests that can be read in two ways', function () {
  this.timeout(60_000)
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  /** All that the app has been sent since this was last called, read strictly. */
  function reader(app: RawApp): () => string[] {
    let known = 0
    return () => {
      const all = app.connections.flatMap(({ text }) => strictRequests(text))
      const fresh = all.slice(known).map(({ what }) => what)
      known = all.length
      return fresh
    }
  }

  /** Each connection brings one request to the app, so that they stay in their order. */
  const startApp = () => startRawApp(scope, (socket, _head, number) => number === 0 && socket.end(okay))

  async function send(port: number, what: string, sent: string): Promise<RawVisitor> {
    const visitor = RawVisitor.call(scope, port, sent + last)
    await waitUntil(
      () => `the end for ${what}: ${JSON.stringify(visitor.text)}`,
      () => visitor.ended || visitor.closed,
    )
    visitor.socket.destroy()
    return visitor
  }

  function check([what, , passed]: Shape, { text }: RawVisitor, seenByApp: readonly string[]): void {
    if (passed.includes(lastSeen)) {
      assert.deepEqual([...seenByApp].sort(), [...passed].sort(), what)
      assert.match(text, /ok$/, what)
    } else {
      // One that broke off may not have come so far.
      assert.ok(
        seenByApp.every((seen) => passed.includes(seen)),
        `${what}: ${seenByApp.join()}`,
      )
      assert.match(text, /(?:^|ok)(?:HTTP\/1\.1 (?:4\d\d|501) [^]*)?$/, what)
    }
  }

  it('are refused or passed as one thing, and the app sees what the gate has passed', async () => {
    const app = await startApp()
    const exchanges: string[] = []
    const { port } = await startEdge(scope, startForward(scope, app, { before: [noting(exchanges)] }).accept)
    const seenByApp = reader(app)
    for (const shape of shapes) {
      const [what, sent, passed] = shape
      exchanges.length = 0
      const visitor = await send(port, what, sent)
      assert.deepEqual(exchanges, passed, what)
      check(shape, visitor, seenByApp())
    }
  })

  it('so, too, through real sshd', async () => {
    const world = await startWorld(scope)
    const app = await startApp()
    const { bindPort } = await exposeApp(scope, world, { port: app.port })
    const seenByApp = reader(app)
    for (const shape of shapes) check(shape, await send(bindPort, shape[0], shape[1]), seenByApp())
  })

  it('2000 requests with random faults: no app sees more than the gate has passed, nor anything ambiguous', async () => {
    const app = await startApp()
    const exchanges: string[] = []
    const forwarded = startForward(scope, app, { before: [noting(exchanges)] })
    const { port, sockets } = await startEdge(scope, forwarded.accept)
    const next = seededRandom(4)
    for (let round = 0; round < 10; round++) {
      const faulty = Array.from({ length: 200 }, () => withFaults(next))
      await Promise.all(faulty.map((sent) => sendAndLeave(port, sent)))
      await waitUntil('all to be let go', () => sockets.size === 0)
    }
    const seen = app.connections.flatMap(({ text }) => strictRequests(text)).map(({ what }) => what)
    const left = [...exchanges]
    for (const one of seen) {
      const at = left.indexOf(one)
      assert.ok(at >= 0, `the app saw ${one}, which the gate has not passed`)
      left.splice(at, 1)
    }
    assert.ok(exchanges.length > 500 && seen.length > 50, `${seen.length} of ${exchanges.length} seen`)
  })

  /** Leaves once nothing more comes; who leaves earlier is a case, too. */
  async function sendAndLeave(port: number, sent: string): Promise<void> {
    const visitor = RawVisitor.call(scope, port, sent)
    const { socket } = visitor
    let text = ''
    for (let quiet = 0; quiet < 4 && !visitor.ended && !visitor.closed; quiet++) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      if (text !== visitor.text) quiet = 0
      text = visitor.text
    }
    socket.destroy()
  }
})

function noting(exchanges: string[]): ExchangeStage {
  return (exchange, next) => {
    exchanges.push(`${exchange.request.method} ${exchange.request.target}`)
    next(exchange)
  }
}

/** Numbers below the one given, the same ones each time. */
function seededRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below
}

/** One of the shapes, or two, with bytes that matter to readers of HTTP put in, left out or doubled. */
function withFaults(next: (below: number) => number): string {
  const pick = <T>(list: readonly T[], none: T): T => list[next(list.length)] ?? none
  const shape = () =>
    pick(
      shapes.map(([, sent]) => sent),
      '',
    )
  let text = `${shape()}${next(2) === 0 ? shape() : ''}${last}`
  for (let faults = next(3); faults > 0; faults--) {
    const at = next(text.length)
    const put = [pick(faultyBytes, ''), text.slice(at, at + next(20)), ''][next(3)] ?? ''
    text = text.slice(0, at) + put + text.slice(at + next(2))
  }
  return text
}

const faultyBytes = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ';',
  ',',
  '0',
  '\x0b',
  '\xff',
  'Content-Length: 1\r\n',
]
