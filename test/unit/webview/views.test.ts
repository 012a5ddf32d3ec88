import assert from 'node:assert/strict'
import type { EventLabel } from '../../../src/http/capturedExchange'
import { bodyViews, jsonTokens } from '../../../src/webview/bodyViews'
import { eventText, marksOf, spokenRow, timeText } from '../../../src/webview/describe'
import { hexDump } from '../../../src/webview/hexDump'
import { addUp } from '../../../src/webview/numbers'
import { barAt, timeStrip } from '../../../src/webview/timeStrip'
import { summary } from './summary'

describe('what the inspector says of an exchange', () => {
  it('in one sentence for who cannot see the row', () => {
    const one = summary({ method: 'POST', target: '/hook', endMs: 12, responseBytes: 1200, at: 1000 })
    assert.equal(spokenRow(one, 61_000), 'POST /hook, 200, 12 ms, 1.2 kB, 1 minute ago')
    const running = summary({ state: 'open', status: undefined, endMs: undefined, at: 1000 })
    assert.equal(spokenRow(running, 1000), 'GET /, no answer yet, 0 B, just now')
  })

  it('by marks, for what did not come from a visitor or not from the app', () => {
    const texts = marksOf(
      summary({
        source: { kind: 'replay', of: 1, isEdited: true },
        isOurs: true,
        webSocketMessages: 2,
        state: 'broken off',
      }),
    ).map(({ text }) => text)
    assert.deepEqual(texts, [
      'edited and replayed',
      'answered by Expose Port, not by the app',
      'WebSocket, 2 messages',
      'the answer broke off',
    ])
    assert.deepEqual(marksOf(summary()), [])
  })

  it('of a webhook: who, what, whether it is authentic, and whether the answer came in time', () => {
    const time = (ms: number) => ({ ms, slowMs: 5000, limitMs: 20_000 })
    const event = {
      provider: 'Messenger',
      who: '7',
      what: 'read',
      signature: 'verified',
      time: time(40),
    } as const
    assert.match(spokenRow(summary({ event }), 0), /^GET \/, read · 7, 200/)
    const texts = (of: EventLabel) => marksOf(summary({ event: of })).map(({ text }) => text)
    assert.deepEqual(texts(event), ['its signature is verified'])
    assert.deepEqual(texts({ ...event, signature: 'wrong', time: time(5000) }), [
      'its signature is wrong',
      'answered after 5 s, slow: Messenger wants it within 5 s and gives up after 20 s',
    ])
    assert.match(timeText(time(20_000), 'Messenger'), /too late/)
    assert.deepEqual(texts({ ...event, signature: 'missing', time: undefined }), ['it has no signature'])
    assert.equal(eventText({ who: '', what: 'no event' }), 'no event')
  })
})

describe('the ways to look at a body', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)
  const kinds = (of: Parameters<typeof bodyViews>[0]) => bodyViews(of).map(({ kind }) => kind)

  it('begin with what it is, and end in its bytes', () => {
    const text = bytes('{"a":1}')
    assert.deepEqual(kinds({ content: { kind: 'json', text: '{\n  "a": 1\n}' }, bytes: text }), [
      'json',
      'raw',
      'hex',
    ])
    assert.deepEqual(kinds({ content: { kind: 'text', text: 'é', charset: 'x' }, bytes: bytes('é') }), [
      'text',
      'hex',
    ])
    assert.deepEqual(kinds({ content: { kind: 'form', fields: [] }, bytes: bytes('a=b') }), [
      'form',
      'raw',
      'hex',
    ])
    const binary = Uint8Array.of(0, 1, 2)
    assert.deepEqual(kinds({ content: { kind: 'binary', bytes: binary }, bytes: binary }), ['hex'])
    const image = { kind: 'image', type: 'image/png', bytes: binary } as const
    assert.deepEqual(kinds({ content: image, bytes: binary }), ['image', 'hex'])
    assert.deepEqual(kinds({ content: { kind: 'empty' }, bytes: new Uint8Array() }), [])
  })

  it('colour JSON without changing a letter of it', () => {
    const text = '{"na\\"me": ["text", -1.5e3, true, null], "cut": "of'
    const tokens = jsonTokens(text)
    assert.equal(tokens.map((token) => token.text).join(''), text)
    assert.deepEqual(
      tokens.filter(({ kind }) => kind !== 'other').map(({ kind, text: piece }) => [kind, piece]),
      [
        ['name', '"na\\"me"'],
        ['string', '"text"'],
        ['number', '-1.5e3'],
        ['literal', 'true'],
        ['literal', 'null'],
        ['name', '"cut"'],
      ],
    )
  })

  it('write bytes as hexdump -C does', () => {
    const dump = hexDump(bytes('Hello, world! \x00\x01 more'))
    assert.equal(
      dump,
      [
        '00000000  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 20 00 01  Hello, world! ..',
        `00000010  20 6d 6f 72 65${' '.repeat(36)} more`,
      ].join('\n'),
    )
  })
})

describe('the time strip', () => {
  const at = (seconds: number, ms: number | undefined, status?: number) =>
    summary({
      id: seconds,
      at: seconds * 1000,
      firstByteMs: ms,
      status: ms === undefined ? undefined : (status ?? 200),
    })

  it('draws each exchange where and as high as it was', () => {
    const strip = timeStrip([at(120, 1000, 500), at(60, 10), at(0, undefined)])
    assert.ok(strip)
    assert.deepEqual(
      strip.bars.map(({ x, status }) => [x, status]),
      [
        [1, '5xx'],
        [0.5, '2xx'],
        [0, 'none'],
      ],
    )
    const [tall = 0, low = 0, none = 0] = strip.bars.map(({ height }) => height)
    assert.ok(tall === 1 && low > 0.3 && low < 0.4 && none > 0)
    assert.equal(
      strip.text,
      '3 requests, 2 failed; the first byte came after 10 ms in the middle, 1 s at most',
    )
  })

  it('finds the one that a click means', () => {
    const strip = timeStrip([at(120, 1), at(60, 1), at(0, 1)]) ?? assert.fail()
    assert.equal(barAt(strip, 0.49, 0.02)?.id, 60)
    assert.equal(barAt(strip, 0.3, 0.02), undefined)
  })

  it('is not there without requests, and has room for old ones that were imported', () => {
    assert.equal(timeStrip([]), undefined)
    const strip = timeStrip([at(10, 1), at(500, 1)]) ?? assert.fail()
    assert.ok(strip.bars.every(({ x }) => x >= 0 && x <= 1))
  })
})

describe('the numbers of several tunnels', () => {
  const numbers = {
    ...{ visitorsNow: 1, requests: 2, errors: 3, bytesIn: 4, bytesOut: 5 },
    latencyMs: { p50: 1, p95: 2, p99: 3 },
  }
  it('are added up, but for percentiles', () => {
    assert.deepEqual(addUp([{ numbers }]), numbers)
    assert.deepEqual(addUp([{ numbers }, { numbers: undefined }, { numbers }]), {
      ...{ visitorsNow: 2, requests: 4, errors: 6, bytesIn: 8, bytesOut: 10, latencyMs: undefined },
    })
    assert.equal(addUp([]), undefined)
  })
})
