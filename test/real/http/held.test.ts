import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { CapturedExchange } from '../../../src/http/capturedExchange'
import { usualHold, type HoldOptions } from '../../../src/http/hold'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { visit, type VisitOptions } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'
import { RawVisitor, startEdge, startForward, type Forwarded } from './edge'
import { exposeApp } from './exposed'

const secret = 'of the sender and the app'
const signatureOf = (body: Buffer) => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
const signed = (body: Buffer): VisitOptions => ({
  body,
  headers: { 'x-hub-signature-256': signatureOf(body) },
})
const reasonOf = (body: Buffer) => (JSON.parse(String(body)) as { reason: string }).reason

interface Hook {
  readonly target: string
  readonly body: Buffer
  readonly isSigned: boolean
}

/** An app that takes webhooks on a port; it may be started when visitors have called already. */
class Bot {
  readonly hooks: Hook[] = []
  readonly sockets = new Set<Socket>()
  /** How many it was answering at once, at most. */
  most = 0
  private now = 0

  static async start(
    scope: Scope,
    port: number,
    answer: (response: ServerResponse, hook: Hook) => unknown = (response) => response.end('thanks'),
  ): Promise<Bot> {
    const bot = new Bot()
    const server = createServer((request, response) => void bot.take(request, response, answer))
    server.on('connection', (socket: Socket) => {
      bot.sockets.add(socket)
      socket.once('close', () => bot.sockets.delete(socket))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    scope.add(async () => {
      const closed = once(server.close(), 'close')
      server.closeAllConnections()
      await closed
    })
    return bot
  }

  private async take(
    request: IncomingMessage,
    response: ServerResponse,
    answer: (response: ServerResponse, hook: Hook) => unknown,
  ): Promise<void> {
    this.most = Math.max(this.most, ++this.now)
    response.once('close', () => this.now--)
    const pieces: Buffer[] = []
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
    const body = Buffer.concat(pieces)
    const isSigned = request.headers['x-hub-signature-256'] === signatureOf(body)
    const hook = { target: request.url ?? '', body, isSigned }
    this.hooks.push(hook)
    answer(response, hook)
  }
}

describe('requests that are held while the app is down', () => {
  let scope: Scope
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  interface Gate extends Forwarded {
    readonly url: string
    readonly edgePort: number
    readonly appPort: number
    readonly clock: FakeClock
    /** The captured exchanges, oldest first, as soon as they are as many. */
    captured(count: number): Promise<readonly CapturedExchange[]>
  }

  async function gateWith(hold: Partial<HoldOptions> = {}): Promise<Gate> {
    const clock = new FakeClock()
    const appPort = await freePort()
    const gate = { hold: { ...usualHold, ...hold } }
    const forwarded = startForward(scope, { port: appPort }, { clock, gate })
    const { port: edgePort } = await startEdge(scope, forwarded.accept)
    const captured = async (count: number) => {
      await waitUntil(
        () => `${count} exchanges to have ended: ${JSON.stringify(forwarded.exchanges.all)}`,
        () => {
          const { all } = forwarded.exchanges
          return all.length === count && all.every(({ state }) => state !== 'open')
        },
      )
      return forwarded.exchanges.all
    }
    return { ...forwarded, clock, appPort, edgePort, captured, url: `http://127.0.0.1:${edgePort}` }
  }

  const isHeld = ({ held }: Pick<Forwarded, 'held'>, count = 1) =>
    waitUntil(
      () => `${count} to be held: ${held()}`,
      () => held() === count,
    )
  /** Tells the gate until it is so: a try may be under way that began before the app did. */
  const isBack = (gate: Gate, isSo: () => boolean) =>
    waitUntil('the app to get what is held', () => {
      gate.appAnswers()
      return isSo()
    })
  /** What the list says of an exchange, the oldest being 0; it may come a moment later. */
  const noted = ({ exchanges }: Gate, at: number, note: RegExp) =>
    waitUntil(
      () => `${String(note)}: ${exchanges.all[at]?.note ?? ''}`,
      () => note.test(exchanges.all[at]?.note ?? ''),
    )
  const sendAndBeTold = async (gate: Gate, body: string, count: number, path = '/hook') => {
    const told = visit(`${gate.url}${path}`, { body, headers: { accept: 'application/json' } })
    await isHeld(gate, count)
    await gate.clock.advance(3000)
    const { status, body: text } = await told
    assert.deepEqual([status, reasonOf(text)], [200, 'held'])
  }

  it('get the app’s own answer where it is back within the moment', async () => {
    const gate = await gateWith()
    const answer = visit(`${gate.url}/hook`, signed(Buffer.from('{}')))
    await isHeld(gate)
    const bot = await Bot.start(scope, gate.appPort)
    // Nobody watches the port here.
    await gate.clock.advance(500)
    assert.deepEqual([(await answer).status, String((await answer).body)], [200, 'thanks'])
    assert.deepEqual(
      bot.hooks.map(({ isSigned }) => isSigned),
      [true],
    )
    assert.equal(gate.held(), 0)
    const [only] = await gate.captured(1)
    assert.equal(only?.response?.isOurs, false)
    await noted(gate, 0, /^Held: nothing answers on the port\.$/)
  })

  it('are answered 200 after it, and delivered when the app is back: the same bytes, in their order', async () => {
    const gate = await gateWith()
    for (let count = 1; count <= 3; count++) await sendAndBeTold(gate, `${count}`, count, `/hook?${count}`)
    const bot = await Bot.start(scope, gate.appPort)
    await isBack(gate, () => gate.held() === 0)
    assert.deepEqual(
      bot.hooks.map(({ target, body }) => `${target} ${String(body)}`),
      ['/hook?1 1', '/hook?2 2', '/hook?3 3'],
    )
    assert.equal(bot.most, 1)
    const all = await gate.captured(6)
    const [first, , , delivery] = all
    assert.deepEqual([first?.response?.status, first?.response?.isOurs], [200, true])
    assert.deepEqual(delivery?.source, { kind: 'replay', of: first?.id, isEdited: false })
    assert.deepEqual(
      [delivery.response?.isOurs, Buffer.from(delivery.response?.body.bytes ?? []).toString()],
      [false, 'thanks'],
    )
    assert.equal(Buffer.from(delivery.request.body.bytes).toString(), '1')
    for (const at of [0, 3]) await noted(gate, at, /^Held, and delivered after \d+ s\.$/)
  })

  it('come behind those that wait already, also when the app is back', async () => {
    const gate = await gateWith()
    await sendAndBeTold(gate, 'old', 1)
    const waiting: ServerResponse[] = []
    const bot = await Bot.start(scope, gate.appPort, (response) => waiting.push(response))
    await isBack(gate, () => bot.hooks.length === 1)
    const young = visit(`${gate.url}/hook`, { body: 'young' })
    await isHeld(gate, 2)
    waiting[0]?.end()
    await waitUntil('the second', () => bot.hooks.some(({ body }) => String(body) === 'young'))
    for (const response of waiting) response.end('late')
    await young
    assert.deepEqual(
      bot.hooks.map(({ body }) => String(body)),
      ['old', 'young'],
    )
  })

  it('pass at once while the app is there, side by side', async () => {
    const gate = await gateWith()
    const waiting: ServerResponse[] = []
    const bot = await Bot.start(scope, gate.appPort, (response) => {
      if (waiting.push(response) === 3) for (const each of waiting) each.end('together')
    })
    const bodies = [randomBytes(200_000), Buffer.alloc(0), randomBytes(3)]
    const answers = await Promise.all(bodies.map((body) => visit(gate.url, signed(body))))
    assert.deepEqual(
      answers.map(({ body }) => String(body)),
      Array(3).fill('together'),
    )
    assert.equal(bot.hooks.filter(({ isSigned }) => isSigned).length, 3)
    assert.equal(gate.held(), 0)
  })

  it('are none but those that change something, are short, and stand on the paths', async () => {
    const gate = await gateWith({ paths: ['/hooks', '/hooks/*'] })
    for (const [path, options] of [
      ['/hooks', {}],
      ['/hooksy', { body: 'x' }],
      ['/hooks', { body: Buffer.alloc(1024 * 1024 + 1) }],
    ] as const) {
      assert.equal((await visit(`${gate.url}${path}`, options)).status, 502, path)
    }
    const chunks = RawVisitor.call(
      scope,
      gate.edgePort,
      'POST /hooks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const chunk = Buffer.alloc(600_000, 'a').toString()
    for (let sent = 0; sent < 2; sent++) chunks.socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    chunks.socket.write('0\r\n\r\n')
    await waitUntil('the long one to be refused', () => chunks.text.startsWith('HTTP/1.1 502 '))
    assert.equal(gate.held(), 0)
    await sendAndBeTold(gate, 'x', 1, '/hooks/a?b')
  })

  it('that are too long pass byte for byte, and so do those that wait for 100 Continue', async () => {
    const gate = await gateWith()
    const bot = await Bot.start(scope, gate.appPort)
    const long = Buffer.concat([Buffer.from('x'), randomBytes(3_000_000)])
    const chunked = RawVisitor.call(
      scope,
      gate.edgePort,
      `POST /long HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: ${signatureOf(long)}\r\n\r\n`,
    )
    chunked.socket.write(`${long.length.toString(16)}\r\n`)
    chunked.socket.write(long)
    chunked.socket.write('\r\n0\r\n\r\n')
    await waitUntil('its answer', () => chunked.text.includes('thanks'))
    const patient = RawVisitor.call(
      scope,
      gate.edgePort,
      'POST /short HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n',
    )
    await waitUntil('the question', () => patient.text === 'HTTP/1.1 100 Continue\r\n\r\n')
    patient.socket.write('body')
    await waitUntil(
      'the answer',
      () => patient.text.endsWith('thanks\r\n0\r\n\r\n') || patient.text.endsWith('thanks'),
    )
    assert.deepEqual(
      bot.hooks.map(({ target, body, isSigned }) => [target, body.length, isSigned]),
      [
        ['/long', long.length, true],
        ['/short', 4, false],
      ],
    )
  })

  it('are refused with 503 and a time when there is no room for more', async () => {
    const gate = await gateWith({ atMost: 2 })
    await sendAndBeTold(gate, '1', 1)
    await sendAndBeTold(gate, '2', 2)
    const full = await visit(gate.url, { body: '3', headers: { accept: 'application/json' } })
    assert.deepEqual([full.status, reasonOf(full.body), full.headers['retry-after']], [503, 'full', '60'])
    assert.equal(gate.held(), 2)
  })

  it('are dropped when they have waited for too long, and the list says so', async () => {
    const gate = await gateWith({ forMs: 60_000 })
    await sendAndBeTold(gate, 'old', 1)
    await gate.clock.advance(30_000)
    await sendAndBeTold(gate, 'young', 2)
    await gate.clock.advance(30_000)
    await isHeld(gate, 1)
    const bot = await Bot.start(scope, gate.appPort)
    await isBack(gate, () => bot.hooks.length === 1)
    assert.equal(String(bot.hooks[0]?.body), 'young')
    await noted(gate, 0, /^Dropped: the app was not back within 60 s\.$/)
  })

  it('are sent once, also to an app that breaks off in the middle', async () => {
    const gate = await gateWith()
    await sendAndBeTold(gate, 'one', 1)
    await sendAndBeTold(gate, 'two', 2)
    const bot = await Bot.start(scope, gate.appPort, (response, { body }) =>
      String(body) === 'one' ? response.socket?.resetAndDestroy() : response.end(),
    )
    await isBack(gate, () => bot.hooks.length === 2)
    await gate.clock.advance(60_000)
    assert.deepEqual(
      bot.hooks.map(({ body }) => String(body)),
      ['one', 'two'],
    )
    const broken = (await gate.captured(4)).find(({ source }) => source.kind === 'replay')
    assert.deepEqual([broken?.response?.status, broken?.response?.isOurs], [502, true])
  })

  it('are not taken back from an app at a breakpoint when the visitor leaves, and its answer is kept', async () => {
    const gate = await gateWith()
    const waiting: ServerResponse[] = []
    const bot = await Bot.start(scope, gate.appPort, (response) => waiting.push(response))
    const impatient = RawVisitor.call(
      scope,
      gate.edgePort,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi',
    )
    await waitUntil('it to come', () => bot.hooks.length === 1)
    impatient.socket.destroy()
    await waitUntil('a further exchange', () => gate.exchanges.all.length === 2)
    assert.equal(bot.sockets.size, 1)
    waiting[0]?.end('after all')
    const [first, second] = await gate.captured(2)
    assert.equal(first?.state, 'visitor left')
    assert.equal(Buffer.from(second?.response?.body.bytes ?? []).toString(), 'after all')
    await noted(gate, 1, /^The visitor left before the app had answered\.$/)
  })

  it('are delivered although the visitor has not waited', async () => {
    const gate = await gateWith()
    const leaving = RawVisitor.call(
      scope,
      gate.edgePort,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi',
    )
    await isHeld(gate)
    leaving.socket.destroy()
    await waitUntil('them to be gone', () => gate.exchanges.all[0]?.state === 'visitor left')
    const bot = await Bot.start(scope, gate.appPort)
    await isBack(gate, () => bot.hooks.length === 1)
    await isHeld(gate, 0)
  })

  it('let the app go when a visitor leaves in the middle of its answer', async () => {
    const gate = await gateWith()
    const bot = await Bot.start(scope, gate.appPort, (response) => response.write('half'))
    const leaving = RawVisitor.call(
      scope,
      gate.edgePort,
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi',
    )
    await waitUntil('the half', () => leaving.text.includes('half'))
    leaving.socket.destroy()
    await waitUntil('the app to be let go', () => bot.sockets.size === 0)
  })

  it('are dropped with the gate, and who waits is told', async () => {
    const gate = await gateWith()
    await sendAndBeTold(gate, 'told', 1)
    const waiting = visit(gate.url, { body: 'waiting' })
    await isHeld(gate, 2)
    await gate.close()
    assert.equal((await waiting).status, 503)
    assert.match(String((await waiting).body), /This tunnel was closed/)
    assert.equal(gate.held(), 0)
    const bot = await Bot.start(scope, gate.appPort)
    gate.appAnswers()
    await gate.clock.advance(60_000)
    assert.equal((await visit(gate.url, { body: 'late' })).status, 503)
    assert.deepEqual(bot.hooks, [])
    await noted(gate, 0, /^Dropped: the tunnel was closed\.$/)
    assert.match(gate.log.text, /2 held requests were dropped/)
  })

  describe('through real sshd and nginx', function () {
    this.timeout(60_000)
    const shared = new Scope()
    let world: World
    before(async () => {
      world = await startWorld(shared)
    })
    after(() => shared.close())

    it('arrive when the app is back: ten, signed, in their order', async () => {
      const port = await freePort()
      const { url, tunnel, options } = await exposeApp(scope, world, { port })
      tunnel.setGate({ hold: { ...usualHold, answerAfterMs: 50 } })
      const bodies = Array.from({ length: 10 }, (_, at) =>
        Buffer.concat([Buffer.from([at]), randomBytes(at * 5000)]),
      )
      for (const [at, body] of bodies.entries()) {
        const told = await visit(`${url}/webhook`, { ...options, ...signed(body) })
        assert.equal(told.status, 200)
        assert.equal(tunnel.held, at + 1)
      }
      const bot = await Bot.start(scope, port)
      tunnel.setAppAnswers(true)
      await waitUntil('all to come', () => tunnel.held === 0)
      assert.deepEqual(
        bot.hooks.map(({ body }) => body.equals(bodies[body[0] ?? 0] ?? Buffer.alloc(0)) && body[0]),
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      )
      assert.ok(bot.hooks.every(({ isSigned, target }) => isSigned && target === '/webhook'))
      assert.equal(bot.most, 1)
    })

    it('get the app’s answer from one that is back in a moment, with nobody to tell of it', async () => {
      const port = await freePort()
      const { url, tunnel, options } = await exposeApp(scope, world, { port })
      tunnel.setGate({ hold: { ...usualHold, answerAfterMs: 20_000 } })
      const answer = visit(url, { ...options, body: 'x' })
      await waitUntil('it to be held', () => tunnel.held === 1)
      await Bot.start(scope, port)
      assert.equal(String((await answer).body), 'thanks')
    })
  })
})
