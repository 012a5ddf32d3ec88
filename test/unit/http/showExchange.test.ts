import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { showExchange } from '../../../src/http/showExchange'
import { summaryOf } from '../../../src/http/summaryOf'
import { body, captured } from './captured'

describe('an exchange as the inspector shows it', () => {
  const secret = captured(
    {
      target: '/hook?access_token=s3cret&page=2',
      fields: [
        ['HOST', 'app.example.com'],
        ['authorization', 'Bearer s3cret'],
        ['Content-Type', 'application/json'],
      ],
      body: body('{"password":"s3cret","big":12345678901234567890}'),
    },
    { fields: [['Set-Cookie', 'sid=s3cret; Path=/']], body: body('fine') },
  )

  it('has no secret in it, and says that there are some', async () => {
    const shown = await showExchange(secret, { secrets: 'masked', original: undefined })
    assert.equal(shown.secrets, 'masked')
    assert.doesNotMatch(JSON.stringify(shown), /s3cret/)
    assert.doesNotMatch(Buffer.from(shown.request.body.bytes).toString(), /s3cret/)
    assert.deepEqual(
      shown.request.fields.map(({ name, isMasked }) => [name, isMasked]),
      [
        ['HOST', false],
        ['authorization', true],
        ['Content-Type', false],
      ],
      'in their order and case',
    )
  })

  it('has all of it when it is asked for', async () => {
    const shown = await showExchange(secret, { secrets: 'shown', original: undefined })
    assert.equal(shown.secrets, 'shown')
    assert.equal(shown.summary.target, '/hook?access_token=s3cret&page=2')
    assert.ok(shown.request.fields.every(({ isMasked }) => !isMasked))
    assert.match(JSON.stringify(shown.request.body.content), /12345678901234567890/)
  })

  it('says that there is none', async () => {
    const { secrets } = await showExchange(captured(), { secrets: 'masked', original: undefined })
    assert.equal(secrets, 'none')
  })

  it('has bodies decoded, and says from what, and what was cut', async () => {
    const text = 'lorem ipsum '.repeat(100)
    const fields = [
      ['Content-Encoding', 'gzip'],
      ['Content-Type', 'text/plain; charset=utf-8'],
    ] as const
    const packed = captured({}, { fields, body: body(gzipSync(text)) })
    const { response } = await showExchange(packed, { secrets: 'masked', original: undefined })
    assert.deepEqual(response?.body.content, { kind: 'text', text, charset: 'utf-8' })
    assert.deepEqual(
      [response.body.encodings, response.body.mediaType, response.body.decodedSize],
      [['gzip'], 'text/plain', text.length],
    )
    const cut = captured({ body: body('beginning', 5_000_000) })
    const shown = await showExchange(cut, { secrets: 'masked', original: undefined })
    assert.match(shown.request.body.remarks.join(), /first 9 of 5,000,000 bytes/)
  })

  it('sends the beginning of a long body only', async () => {
    const long = captured({}, { body: body('x'.repeat(1_500_000)) })
    const { response } = await showExchange(long, { secrets: 'masked', original: undefined })
    assert.ok(response)
    assert.equal(response.body.bytes.length, 256 * 1024)
    assert.equal(response.body.bytes.buffer.byteLength, 256 * 1024, 'and not the memory behind it')
    assert.equal(response.body.decodedSize, 1_500_000)
  })

  it('compares a replay with its original, where both have an answer', async () => {
    const original = captured({}, { body: body('{"n":1}') }, { id: 1 })
    const source = { kind: 'replay', of: 1, isEdited: false } as const
    const replay = captured({}, { body: body('{"n":2}') }, { id: 2, source })
    const shown = await showExchange(replay, { secrets: 'masked', original })
    assert.equal(shown.comparison?.answers?.body.kind, 'text')
    const alone = await showExchange(replay, { secrets: 'masked', original: undefined })
    assert.deepEqual(alone.comparison, { of: 1, answers: undefined })
    const running = await showExchange({ ...replay, state: 'open' }, { secrets: 'masked', original })
    assert.equal(running.comparison?.answers, undefined)
  })

  it('has the latest messages of a WebSocket, masked too', async () => {
    const message = (text: string) => ({ from: 'app', kind: 'text', at: 1, body: body(text) }) as const
    const messages = Array.from({ length: 700 }, (_, index) => message(`{"token":"s3cret","n":${index}}`))
    const shown = await showExchange(captured({}, {}, { webSocket: { messages, cut: 10 } }), {
      secrets: 'masked',
      original: undefined,
    })
    assert.deepEqual([shown.messages?.messages.length, shown.messages?.cut], [500, 210])
    const last = Buffer.from(shown.messages?.messages.at(-1)?.body.bytes ?? []).toString()
    assert.match(last, /"n":699/)
    assert.doesNotMatch(last, /s3cret/)
  })
})

describe('summaryOf', () => {
  it('is what a list shows, without secrets of the query', () => {
    const exchange = captured(
      { method: 'POST', target: '/a?token=s3cret&b=1', body: body('12345') },
      { status: 201, fields: [['content-type', 'text/plain']], body: body('xy', 20) },
      { id: 7 },
    )
    const { id, method, target, status, contentType, requestBytes, responseBytes, endMs } =
      summaryOf(exchange)
    assert.deepEqual(
      { id, method, target, status, contentType, requestBytes, responseBytes, endMs },
      {
        ...{ id: 7, method: 'POST', target: '/a?token=•••&b=1', status: 201, contentType: 'text/plain' },
        ...{ requestBytes: 5, responseBytes: 20, endMs: 20 },
      },
    )
  })

  it('is of an exchange without an answer too', () => {
    const { status, isOurs, responseBytes, webSocketMessages } = summaryOf({
      ...captured(),
      response: undefined,
      webSocket: { messages: [], cut: 3 },
    })
    assert.deepEqual(
      { status, isOurs, responseBytes, webSocketMessages },
      { status: undefined, isOurs: false, responseBytes: 0, webSocketMessages: 3 },
    )
  })
})
