import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import { FakeClock } from '../../support/fakeClock'
import { Scope } from '../../support/scope'
import { waitUntil } from '../../support/waitUntil'
import { RawVisitor, startEdge, startForward, startRawApp } from './edge'

const okay = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('visitors who take their time, HTTP/1.1', function () {
  this.timeout(30_000)
  let scope: Scope
  let clock: FakeClock
  beforeEach(() => {
    scope = new Scope()
    clock = new FakeClock()
  })
  afterEach(() => scope.close())

  async function start(answer: Parameters<typeof startRawApp>[1] = () => undefined) {
    const app = await startRawApp(scope, answer)
    const { port, sockets } = await startEdge(scope, startForward(scope, app, { clock }).accept)
    const call = (text: string) => RawVisitor.call(scope, port, text)
    return { app, call, sockets }
  }
  type Started = Awaited<ReturnType<typeof start>>

  const asked = ({ app }: Started, text: string) =>
    waitUntil('the app to be asked', () => app.connections.some((one) => one.text.includes(text)))
  const gone = (visitor: RawVisitor) => waitUntil('the visitor to be given up', () => visitor.ended)

  /** Long enough for whoever is to be given up, with time for what comes and goes meanwhile. */
  async function letMinutesPass(each: (minute: number) => Promise<void> | void = () => undefined) {
    for (let minute = 0; minute < 5; minute++) {
      await each(minute)
      await clock.advance(60_000)
    }
  }

  it('1000 heads that never end are given up, however many bytes still come, in little memory', async () => {
    const started = await start()
    const { app, call, sockets } = started
    const before = heapUsed()
    const visitors = Array.from({ length: 1000 }, () => call('GET / HTTP/1.1\r\nHost: x\r\nX-A: '))
    await waitUntil('all to be there', () => sockets.size === 1000)
    for (let round = 0; round < 7; round++) {
      for (const { socket } of visitors) socket.write('a')
      await clock.advance(10_000)
    }
    assert.equal(sockets.size, 1000, 'not before their time')
    const grown = (heapUsed() - before) / 1e6
    assert.ok(grown < 100, `1000 visitors took ${Math.round(grown)} MB, their own ends in this process too`)
    await clock.advance(5000)
    await waitUntil('all to be gone', () => sockets.size === 0)
    assert.deepEqual([app.connections.length, clock.pending.length], [0, 0])
  })

  it('a body that does not go on is given up, and the app is told', async () => {
    const started = await start()
    const known = started.call('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf')
    const chunked = started.call(
      'POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    )
    await waitUntil('both halves', () => started.app.connections.filter(endsInHalf).length === 2)
    await letMinutesPass()
    await gone(known)
    await gone(chunked)
    await waitUntil('the app to see it', () => started.app.connections.every(({ ended }) => ended))
  })
  const endsInHalf = ({ text }: { text: string }) => /half(?:\r\n)?$/.test(text)

  it('a body that goes on slowly may', async () => {
    const started = await start()
    const visitor = started.call('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n')
    await asked(started, '\r\n\r\n')
    await letMinutesPass((minute) => {
      visitor.socket.write(String(minute))
      return asked(started, `\r\n\r\n${'01234'.slice(0, minute + 1)}`)
    })
    visitor.socket.write('!')
    await asked(started, '01234!')
    started.app.connections[0]?.socket.write(okay)
    await waitUntil('the answer', () => visitor.text.endsWith('ok'))
  })

  it('a body that the app does not take is not the visitor’s fault', async () => {
    let paused: Socket | undefined
    const started = await start((socket) => (paused = socket.removeAllListeners('data').pause()))
    const visitor = started.call('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n')
    await waitUntil('the app to be asked', () => paused !== undefined)
    const chunk = Buffer.alloc(1_000_000)
    for (let sent = 0; sent < 50; sent++) visitor.socket.write(chunk)
    await untilStill(() => visitor.socket.writableLength)
    await letMinutesPass()
    assert.equal(visitor.ended, false)
    paused?.resume()
    await waitUntil('the whole body', () => visitor.socket.writableLength === 0)
    paused?.write(okay)
    await waitUntil('the answer', () => visitor.text.endsWith('ok'))
  })

  it('who waits to be asked for the body may wait as long as the app; who was asked may not', async () => {
    const started = await start()
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n'
    const visitor = started.call(head)
    await asked(started, '\r\n\r\n')
    await letMinutesPass()
    assert.equal(visitor.ended, false)
    started.app.connections[0]?.socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    await waitUntil('to be asked', () => visitor.text.includes('100 Continue'))
    await letMinutesPass()
    await gone(visitor)
  })

  it('an app may take its time, also for answers that others wait behind', async () => {
    const started = await start()
    const visitor = started.call(
      'GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok',
    )
    await asked(started, '/1')
    await asked(started, '\r\n\r\nok')
    const second = started.app.connections.find(({ text }) => text.includes('/2'))
    second?.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${'2'.repeat(200_000)}`)
    await letMinutesPass()
    assert.equal(visitor.ended, false)
    started.app.connections.find(({ text }) => text.includes('/1'))?.socket.write(okay)
    await waitUntil('both answers', () => visitor.text.endsWith('2'.repeat(200_000)))
  })

  it('an answer that begins before the body has ended may go on, and so may the body', async () => {
    const started = await start((socket, _head, number) => {
      if (number === 0) socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    })
    const visitor = started.call('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    await waitUntil('the answer to begin', () => visitor.text.endsWith('\r\n\r\n'))
    await letMinutesPass()
    visitor.socket.write('2\r\nab\r\n0\r\n\r\n')
    await asked(started, '2\r\nab\r\n0\r\n\r\n')
    started.app.connections[0]?.socket.write('2\r\nok\r\n0\r\n\r\n')
    await waitUntil('its end', () => visitor.text.endsWith('0\r\n\r\n'))
  })

  /** Until the ways between are full, and nothing goes any more. */
  async function untilStill(pending: () => number): Promise<void> {
    let before = -1
    await waitUntil('nothing to go any more', async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      const isStill = pending() === before
      before = pending()
      return isStill
    })
  }

  it('who takes nothing of an answer is given up; who takes some is not', async () => {
    const large = Buffer.alloc(40_000_000)
    const endless: Socket[] = []
    const started = await start((socket, head) => {
      const length = head.includes('/endless') ? 80_000_000 : large.length
      if (length > large.length) endless.push(socket)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`)
      socket.write(large)
    })
    const ask = (path: string) => {
      const visitor = started.call(`GET /${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      visitor.socket.setEncoding('latin1').pause()
      return visitor
    }
    const [never, slow] = [ask('endless'), ask('slow')]
    await waitUntil('both to be asked for', () => started.app.connections.length === 2)
    await untilStill(() => started.app.connections[0]?.socket.writableLength ?? 0)
    await letMinutesPass(async () => {
      const before = slow.text.length
      slow.socket.resume()
      await waitUntil('some to be taken', () => slow.text.length > before + 5_000_000)
      slow.socket.pause()
    })
    await waitUntil('the first to be given up at the app', () => endless[0]?.closed === true)
    slow.socket.resume()
    await waitUntil('the second to have all', () => slow.text.length > large.length)
    never.socket.resume()
    await waitUntil('the first to see it', () => never.closed || never.ended)
    assert.ok(never.text.length < 80_000_000)
  })

  it('who takes nothing of the last bytes of an answer is given up', async () => {
    const length = 40_000
    const app = await startRawApp(scope, (socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${'a'.repeat(length)}`),
    )
    // With no socket in between that would take them.
    const [stream, outside] = duplexPair()
    startForward(scope, app, { clock }).accept({ stream, originator: { address: '', port: 0 } })
    outside.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitUntil('the app to have answered', () => app.connections[0]?.socket.bytesWritten !== undefined)
    await untilStill(() => stream.writableLength)
    assert.ok(stream.writableLength > 0)
    await letMinutesPass()
    await waitUntil('the visitor to be given up', () => stream.destroyed)
    assert.deepEqual(clock.pending, [])
  })

  it('nothing is left of those who leave, wherever they do', async () => {
    const started = await start()
    const text =
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 9\r\n\r\n'
    for (const leave of ['end', 'resetAndDestroy'] as const) {
      for (let cut = 0; cut < text.length; cut++) {
        const visitor = started.call(text.slice(0, cut))
        visitor.socket.once('connect', () => setImmediate(() => visitor.socket[leave]()))
      }
      await waitUntil('all to be gone', () => started.sockets.size === 0)
    }
    assert.deepEqual(clock.pending, [])
    const { connections } = started.app
    await waitUntil('the app to see them go', () =>
      connections.every(({ ended, socket }) => ended || socket.closed),
    )
    const whole = connections.filter(({ text: came }) => came.includes('\r\n0\r\n'))
    assert.deepEqual(whole, [], 'nobody’s part was taken for a whole')
  })
})

function heapUsed(): number {
  globalThis.gc?.()
  const { heapUsed: used, external } = process.memoryUsage()
  return used + external
}
