import assert from 'node:assert/strict'
import { Failure } from '../../../../src/base/failure'
import { harLimits, readHar } from '../../../../src/http/import/readHar'

const har = (...entries: unknown[]) => JSON.stringify({ log: { version: '1.2', entries } })
const get = { method: 'GET', url: 'https://a.example/', headers: [] }
const entry = (request: object, more: object = {}) => ({
  startedDateTime: '2026-01-02T03:04:05.006Z',
  request: { ...get, ...request },
  ...more,
})
function readOne(request: object, more: object = {}): ReturnType<typeof readHar>['exchanges'][number] {
  const [exchange] = readHar(har(entry(request, more)), 'x.har').exchanges
  assert.ok(exchange)
  return exchange
}
const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString()

describe('readHar', () => {
  it('reads what Chrome writes', () => {
    const chrome = entry(
      {
        method: 'POST',
        url: 'https://a.example/api?x=1#there',
        httpVersion: 'h2',
        headers: [
          { name: ':authority', value: 'a.example' },
          { name: ':method', value: 'POST' },
          { name: 'content-length', value: '9' },
          { name: 'content-type', value: 'application/json' },
        ],
        queryString: [{ name: 'x', value: '1' }],
        cookies: [],
        headersSize: -1,
        bodySize: 9,
        postData: { mimeType: 'application/json', text: '{"a":"é"}' },
      },
      {
        _initiator: { type: 'script' },
        _priority: 'High',
        _resourceType: 'fetch',
        cache: {},
        connection: '443',
        response: {
          status: 200,
          statusText: '',
          httpVersion: 'h2',
          headers: [
            { name: 'content-encoding', value: 'br' },
            { name: 'set-cookie', value: 'a=1\nb=2' },
          ],
          cookies: [],
          content: { size: 4, mimeType: 'image/png', text: 'iVBORw==', encoding: 'base64' },
          redirectURL: '',
          headersSize: -1,
          bodySize: -1,
          _transferSize: 300,
          _error: null,
        },
        serverIPAddress: '192.0.2.1',
        time: 30.5,
        timings: { blocked: 1, dns: -1, ssl: -1, connect: -1, send: 0.5, wait: 20, receive: 9, _queued: 1 },
      },
    )
    const [exchange] = readHar(har(chrome), 'chrome.har').exchanges
    const { request, response, ...rest } = exchange!
    assert.deepEqual(
      [request.method, request.target, request.host, textOf(request.body.bytes)],
      ['POST', '/api?x=1', 'a.example', '{"a":"é"}'],
    )
    // The letter is two bytes, so the length that was written was not that of these bytes.
    assert.deepEqual(request.fields, [
      ['content-length', '10'],
      ['content-type', 'application/json'],
    ])
    assert.deepEqual(response?.fields, [
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ])
    assert.deepEqual(Array.from(response.body.bytes), [0x89, 0x50, 0x4e, 0x47])
    assert.deepEqual(rest, {
      source: { kind: 'import', file: 'chrome.har' },
      at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
      visitorAddress: '',
      protocol: 'HTTP/2',
      state: 'complete',
      firstByteMs: 20,
      endMs: 29,
      note: undefined,
      webSocket: undefined,
    })
  })

  it('reads a WebSocket of Chrome', () => {
    const { request, webSocket } = readOne(
      { url: 'wss://a.example/ws' },
      {
        _resourceType: 'websocket',
        _webSocketMessages: [
          { type: 'send', time: 1.5, opcode: 1, data: 'hi' },
          { type: 'receive', time: 2, opcode: 2, data: 'AAE=' },
          { type: 'receive', time: 3, opcode: 7, data: '' },
        ],
      },
    )
    assert.deepEqual([request.target, request.host], ['/ws', 'a.example'])
    assert.deepEqual(
      webSocket?.messages.map(({ from, kind, at, body }) => [from, kind, at, Array.from(body.bytes)]),
      [
        ['visitor', 'text', 1500, [104, 105]],
        ['app', 'binary', 2000, [0, 1]],
      ],
    )
  })

  it('reads a form of Firefox, which may have its parameters only', () => {
    const headers = [{ name: 'Content-Type', value: 'application/x-www-form-urlencoded' }]
    const params = [
      { name: 'a', value: 'b c' },
      { name: 'é', value: '&' },
    ]
    const { request } = readOne({
      method: 'POST',
      httpVersion: 'HTTP/1.1',
      headers,
      postData: { mimeType: 'application/x-www-form-urlencoded', params },
    })
    assert.equal(textOf(request.body.bytes), 'a=b+c&%C3%A9=%26')
  })

  it('reads what Fiddler writes, with its mark in front and times of its zone', () => {
    const text = har(
      entry({}, { startedDateTime: '2026-01-02T04:04:05.0061234+01:00', comment: '[#3]', response: null }),
    )
    const [exchange] = readHar(`\ufeff${text}`, 'f.har').exchanges
    assert.deepEqual(
      [exchange?.at, exchange?.note, exchange?.response, exchange?.state],
      [Date.UTC(2026, 0, 2, 3, 4, 5, 6), '[#3]', undefined, 'broken off'],
    )
  })

  it('reads bodies in base64, as ngrok has them', () => {
    const postData = { mimeType: 'x', text: '/wA=', encoding: 'base64' }
    assert.deepEqual(Array.from(readOne({ method: 'PUT', postData }).request.body.bytes), [255, 0])
  })

  it('knows of a body that is not in the file', () => {
    const { request } = readOne({ method: 'PUT', headers: [{ name: 'Content-Length', value: '5' }] })
    assert.deepEqual([request.body.bytes.length, request.body.size], [0, 5])
  })

  it('takes no field that could not be sent', () => {
    const headers = [
      { name: 'a b', value: '1' },
      { name: 'X', value: 'a\u0000b' },
      { name: 'Y', value: '€' },
    ]
    assert.deepEqual(readOne({ headers }).request.fields, [['Y', '\xe2\x82\xac']])
  })

  it('leaves out what is not http, and what is broken', () => {
    const { exchanges, leftOut } = readHar(
      har(
        entry({}),
        ...['data:text/plain,a', 'chrome-extension://a/b', 'blob:https://a/b', 'about:blank', ''].map((url) =>
          entry({ url }),
        ),
        entry({ method: 'GET /\r\nX:' }),
        entry({ url: 'https://a.example/ HTTP/1.1\r\nX: y' }),
        { request: get },
        ...[null, 7, 'x', []],
      ),
      'x.har',
    )
    assert.deepEqual([exchanges.length, leftOut], [1, 12])
  })

  it('reads no more than its limits', () => {
    const limits = { ...harLimits, mostEntries: 2, mostBodyBytes: 3 }
    const postData = { text: 'abcde' }
    const { exchanges, leftOut } = readHar(har(entry({ postData }), entry({}), entry({})), 'x.har', limits)
    assert.deepEqual([exchanges.length, leftOut], [2, 1])
    assert.deepEqual([textOf(exchanges[0]?.request.body.bytes), exchanges[0]?.request.body.size], ['abc', 5])
  })

  for (const [name, text, message] of [
    ['no JSON', '<html>', 'The file x.har is no JSON.'],
    ['other JSON', '{"log":{}}', 'The file x.har is no HAR: it has no list log.entries.'],
    ['a list', '[]', 'The file x.har is no HAR: it has no list log.entries.'],
    ['nothing to replay', har(entry({ url: 'data:,a' })), 'The file x.har has no request by http or https.'],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => readHar(text, 'x.har'),
        (error) => error instanceof Failure && error.message === message && error.advice !== '',
      )
    })
  }
  it('refuses what is too large', () => {
    assert.throws(() => readHar(har(), 'x.har', { ...harLimits, mostText: 3 }), /too large/)
  })
})
