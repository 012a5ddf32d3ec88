import assert from 'node:assert/strict'
import type { Visitor } from '../../../src/base/visitor'
import { nonceHeader } from '../../../src/tunnels/nonce'
import { NonceStage } from '../../../src/tunnels/nonceStage'
import { FakeClock } from '../../support/fakeClock'
import { helloBytes } from '../tls/hello'
import { Collected, settle, visitorPair } from './streams'

const requestWith = (nonce: string, path = '/') =>
  `GET ${path} HTTP/1.1\r\nHost: dev.example.com\r\n${nonceHeader}: ${nonce}\r\n\r\n`

describe('NonceStage', () => {
  let passed: { visitor: Visitor; read: Collected }[]
  let stage: NonceStage
  let clock: FakeClock
  beforeEach(() => {
    passed = []
    clock = new FakeClock()
    stage = new NonceStage((visitor) => {
      visitor.stream.on('error', () => undefined)
      passed.push({ visitor, read: new Collected(visitor.stream) })
    }, clock)
  })

  /** Somebody who has come to the public URL. */
  function visit() {
    const { visitor, outside } = visitorPair()
    stage.accept(visitor)
    return { visitor, outside, answer: new Collected(outside) }
  }

  it('touches nobody while nothing is expected', async () => {
    const { visitor, outside } = visit()
    assert.equal(passed[0]?.visitor, visitor)
    outside.write('x')
    await settle()
    assert.equal(passed[0].read.text, 'x')
  })

  it('answers who brings the nonce, and the app never sees it', async () => {
    const expected = stage.expect()
    assert.equal(expected.arrived(), false)
    const { visitor, outside, answer } = visit()
    outside.write(requestWith(expected.nonce))
    await settle()
    assert.equal(expected.arrived(), true)
    assert.match(answer.text, /^HTTP\/1\.1 204 /)
    assert.match(answer.text, new RegExp(`^${nonceHeader}: ${expected.nonce}\\r$`, 'm'))
    assert.ok(answer.text.endsWith('\r\n\r\n'))
    assert.ok(answer.ended)
    assert.deepEqual(passed, [])
    outside.end('more that nobody reads')
    await settle()
    assert.ok(visitor.stream.destroyed, 'the channel is let go')
    assert.deepEqual(passed, [])
    expected.done()
  })

  const ways: [string, (nonce: string) => string][] = [
    [
      'behind other headers',
      (nonce) => `GET /a HTTP/1.1\r\nHost: x\r\nX: y\r\n${nonceHeader}: ${nonce}\r\nZ: z\r\n\r\n`,
    ],
    [
      'with another case and spaces',
      (nonce) => `GET / HTTP/1.1\r\n${nonceHeader.toUpperCase()}: \t${nonce} \r\n\r\n`,
    ],
    ['without a space', (nonce) => `GET / HTTP/1.1\r\n${nonceHeader}:${nonce}\r\n\r\n`],
    [
      'by HTTP/1.0, as nginx passes it',
      (nonce) => `GET / HTTP/1.0\r\nConnection: close\r\n${nonceHeader}: ${nonce}\r\n\r\n`,
    ],
    ['with another method and a body', (nonce) => `POST / HTTP/1.1\r\n${nonceHeader}: ${nonce}\r\n\r\nbody`],
  ]
  for (const [what, request] of ways) {
    it(`knows the nonce ${what}`, async () => {
      const expected = stage.expect()
      const { outside, answer } = visit()
      outside.write(request(expected.nonce))
      await settle()
      assert.ok(expected.arrived())
      assert.match(answer.text, /^HTTP\/1\.1 204 /)
      assert.deepEqual(passed, [])
    })
  }

  it('knows the nonce wherever the request is cut in two', async () => {
    const length = requestWith('0'.repeat(32)).length
    for (let at = 1; at < length; at++) {
      const expected = stage.expect()
      const { outside, answer } = visit()
      outside.write(requestWith(expected.nonce).slice(0, at))
      await settle()
      outside.write(requestWith(expected.nonce).slice(at))
      await settle()
      assert.ok(expected.arrived(), `cut at ${at}`)
      assert.match(answer.text, /^HTTP\/1\.1 204 /)
      expected.done()
    }
    assert.deepEqual(passed, [])
  })

  const others: [string, string][] = [
    ['a request without a nonce', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a request with a body', 'POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nb\r\n\r'],
    [
      'two requests, the second with the nonce',
      'GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nx-expose-port-check: NONCE\r\n\r\n',
    ],
    ['a nonce in the body', 'POST / HTTP/1.1\r\n\r\nx-expose-port-check: NONCE\r\n\r\n'],
    ['a nonce in the path', 'GET /?x-expose-port-check:NONCE HTTP/1.1\r\n\r\n'],
    ['a nonce in another header', 'GET / HTTP/1.1\r\nx-other: x-expose-port-check: NONCE\r\n\r\n'],
    ['a longer header name', 'GET / HTTP/1.1\r\nmy-x-expose-port-check: NONCE\r\n\r\n'],
    ['another nonce', `GET / HTTP/1.1\r\nx-expose-port-check: ${'0'.repeat(32)}\r\n\r\n`],
    ['a nonce with something after it', 'GET / HTTP/1.1\r\nx-expose-port-check: NONCE0\r\n\r\n'],
    ['an empty nonce', 'GET / HTTP/1.1\r\nx-expose-port-check:\r\n\r\n'],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u0012\u0004'],
    ['something that begins like TLS', '\u0016\u0003\u0001\0\0bytes'],
    ['a line that begins like the check', 'EXPOSE-PORT-CHECKS are fine'],
    ['a check without a nonce', 'EXPOSE-PORT-CHECK \r\n'],
    ['a check with another nonce', `EXPOSE-PORT-CHECK ${'0'.repeat(32)}\r\n`],
    ['a check with something after it', 'EXPOSE-PORT-CHECK NONCE \r\n'],
    ['a check in capitals', `EXPOSE-PORT-CHECK ${'A'.repeat(32)}\r\n`],
    ['a check further on', 'X\r\nEXPOSE-PORT-CHECK NONCE\r\n'],
    ['an SSH client', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a database', '\0\0\0\u0008\u0004\u00d2\u0016\u002f'],
    ['Redis', '*1\r\n$4\r\nPING\r\n'],
    ['one byte', '\0'],
    ['small letters', 'get / HTTP/1.1\r\n\r\n'],
    ['a word without a space', 'GARBAGEWITHOUTEND\n'],
    ['a head past 16 KiB', `GET / HTTP/1.1\r\nCookie: ${'c'.repeat(17_000)}`],
  ]
  for (const [what, text] of others) {
    it(`passes on every byte of ${what}, at once and wherever it is cut`, async () => {
      const expected = stage.expect()
      const bytes = Buffer.from(text.replaceAll('NONCE', expected.nonce), 'latin1')
      const cuts = bytes.length < 200 ? Array.from({ length: bytes.length }, (_, at) => at) : [0, 10, 16_500]
      for (const at of cuts) {
        const { outside } = visit()
        if (at > 0) {
          outside.write(bytes.subarray(0, at))
          await settle()
        }
        outside.write(bytes.subarray(at))
        await settle()
        const [app] = passed.splice(0)
        assert.ok(app, `cut at ${at}: was passed on`)
        assert.deepEqual(app.read.bytes, bytes, `cut at ${at}`)
        outside.write('later')
        await settle()
        assert.deepEqual(app.read.bytes, Buffer.concat([bytes, Buffer.from('later')]))
      }
      assert.equal(expected.arrived(), false)
    })
  }

  it('passes on a visitor who comes byte by byte', async () => {
    stage.expect()
    const text = 'POST /a HTTP/1.1\r\nHost: x\r\n\r\nbody'
    const { outside } = visit()
    for (const byte of Buffer.from(text)) {
      outside.write(Buffer.from([byte]))
      await settle()
    }
    assert.equal(passed[0]?.read.text, text)
  })

  for (const recordSize of [16_384, 20]) {
    it(`sees the nonce in a TLS hello in records of up to ${recordSize}, and passes the visitor on untouched`, async () => {
      const expected = stage.expect()
      const hello = helloBytes({ alpn: ['h2', 'http/1.1', `expose-port-${expected.nonce}`], recordSize })
      for (let at = 0; at < hello.length; at += 10) {
        const other = stage.expect()
        const again = helloBytes({ alpn: ['h2', 'http/1.1', `expose-port-${other.nonce}`], recordSize })
        const { visitor, outside, answer } = visit()
        outside.write(again.subarray(0, at))
        await settle()
        assert.equal(other.arrived(), false, `cut at ${at}`)
        outside.write(again.subarray(at))
        await settle()
        assert.equal(other.arrived(), true, `cut at ${at}`)
        const [app] = passed.splice(0)
        assert.equal(app?.visitor.stream, visitor.stream)
        assert.deepEqual(app.read.bytes, again)
        visitor.stream.write('ServerHello')
        await settle()
        assert.equal(answer.text, 'ServerHello')
      }
      assert.equal(expected.arrived(), false)
    })
  }

  it('passes on a TLS hello with another nonce, or none', async () => {
    const expected = stage.expect()
    for (const alpn of [
      ['h2'],
      [`expose-port-${'0'.repeat(32)}`],
      [`expose-port-${expected.nonce}x`],
      ['expose-port-'],
    ]) {
      const hello = helloBytes({ serverName: `expose-port-${expected.nonce}`, alpn })
      visit().outside.write(hello)
      await settle()
      assert.deepEqual(passed.splice(0)[0]?.read.bytes, hello)
    }
    assert.equal(expected.arrived(), false)
  })

  it('answers the line, wherever it is cut, and the app never sees it', async () => {
    const length = `EXPOSE-PORT-CHECK ${'0'.repeat(32)}\r\n`.length
    for (let at = 0; at < length; at++) {
      const expected = stage.expect()
      const line = `EXPOSE-PORT-CHECK ${expected.nonce}\r\n`
      const { outside, answer, visitor } = visit()
      outside.write(line.slice(0, at))
      await settle()
      outside.write(line.slice(at))
      await settle()
      assert.ok(expected.arrived(), `cut at ${at}`)
      assert.equal(answer.text, `EXPOSE-PORT-CHECK ${expected.nonce} OK\r\n`)
      assert.ok(answer.ended)
      outside.end()
      await settle()
      assert.ok(visitor.stream.destroyed)
      expected.done()
    }
    assert.deepEqual(passed, [])
  })

  it('lets who says nothing through after a second, for the app may have to speak first', async () => {
    const expected = stage.expect()
    const silent = visit()
    const slow = visit()
    await clock.advance(900)
    slow.outside.write('GET / HT')
    await settle()
    assert.equal(passed.length, 0)
    await clock.advance(100)
    assert.deepEqual(
      passed.map(({ visitor }) => visitor.stream),
      [silent.visitor.stream],
    )
    passed[0]?.visitor.stream.write('220 mail.example.com')
    silent.outside.write(requestWith(expected.nonce))
    await settle()
    assert.equal(silent.answer.text, '220 mail.example.com')
    assert.equal(passed[0]?.read.text, requestWith(expected.nonce), 'nobody looks at it any more')
    await clock.advance(900)
    assert.equal(passed[1]?.read.text, 'GET / HT')
    assert.deepEqual(clock.pending, [])
  })

  const ends: [string, string][] = [
    ['nothing', ''],
    ['half a head', 'GET / HTTP/1.1\r\nHos'],
    ['a word that may begin a request', 'PING'],
    ['a whole request', 'GET / HTTP/1.1\r\n\r\n'],
    ['bytes', '\0\u0001'],
  ]
  for (const [what, text] of ends) {
    for (const atOnce of [true, false]) {
      it(`passes on who sends ${what} and ends ${atOnce ? 'at once' : 'later'}, and their answer back`, async () => {
        stage.expect()
        const { visitor, outside, answer } = visit()
        if (atOnce) outside.end(text)
        else {
          outside.write(text === '' ? Buffer.alloc(0) : text)
          await settle()
          outside.end()
        }
        await settle()
        const [app] = passed
        assert.ok(app)
        assert.equal(app.read.text, text)
        assert.ok(app.visitor.stream.readableEnded)
        app.visitor.stream.write('the ')
        app.visitor.stream.end('answer')
        await settle()
        assert.equal(answer.text, 'the answer')
        assert.ok(answer.ended)
        assert.equal(app.visitor.originator, visitor.originator)
      })
    }
  }

  it('lets go of the channel when the app drops a visitor who had ended', async () => {
    stage.expect()
    const { visitor, outside } = visit()
    outside.end('PING')
    await settle()
    passed[0]?.visitor.stream.destroy()
    await settle()
    assert.ok(visitor.stream.destroyed)
  })

  it('tells the app when the channel of a visitor who had ended closes', async () => {
    stage.expect()
    const { visitor, outside } = visit()
    outside.end('PING')
    await settle()
    visitor.stream.destroy()
    await settle()
    assert.ok(passed[0]?.read.closed)
  })

  it('forgets a visitor who leaves before it is known what they want', async () => {
    const expected = stage.expect()
    const { visitor, outside } = visit()
    outside.write('GET /')
    await settle()
    visitor.stream.destroy(new Error('read ECONNRESET'))
    await settle()
    expected.done()
    await settle()
    assert.deepEqual(passed, [])
  })

  it('lets those through who wait for the app to speak first, once the check is done', async () => {
    const expected = stage.expect()
    const silent = visit()
    const halfway = visit()
    halfway.outside.write('GET / HTTP/1.1\r\nHos')
    await settle()
    assert.equal(passed.length, 0)
    expected.done()
    await settle()
    assert.deepEqual(
      passed.map(({ visitor }) => visitor),
      [silent.visitor, halfway.visitor],
    )
    passed[0]?.visitor.stream.write('220 mail.example.com')
    halfway.outside.write('t: x\r\n\r\n')
    silent.outside.write('HELO')
    await settle()
    assert.equal(silent.answer.text, '220 mail.example.com')
    assert.equal(passed[0]?.read.text, 'HELO')
    assert.equal(passed[1]?.read.text, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const { visitor } = visit()
    assert.equal(passed[2]?.visitor, visitor, 'nobody is looked at any more')
  })

  it('keeps looking while another check runs', async () => {
    const [one, two] = [stage.expect(), stage.expect()]
    assert.notEqual(one.nonce, two.nonce)
    const { outside, answer } = visit()
    one.done()
    outside.write(requestWith(two.nonce))
    await settle()
    assert.match(answer.text, /^HTTP\/1\.1 204 /)
    assert.equal(two.arrived(), true)
    assert.deepEqual(passed, [])
  })

  it('answers a nonce once: who repeats it reaches the app', async () => {
    const expected = stage.expect()
    const other = stage.expect()
    for (const { outside } of [visit(), visit()]) {
      outside.write(requestWith(expected.nonce))
      await settle()
    }
    assert.equal(passed.length, 1)
    other.done()
  })

  it('makes nonces that nobody can guess', () => {
    const nonces = Array.from({ length: 100 }, () => stage.expect().nonce)
    assert.equal(new Set(nonces).size, 100)
    for (const nonce of nonces) assert.match(nonce, /^[0-9a-f]{32}$/)
  })
})
