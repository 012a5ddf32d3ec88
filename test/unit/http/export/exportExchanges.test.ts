import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import type { CapturedExchange } from '../../../../src/http/capturedExchange'
import { exportExchanges } from '../../../../src/http/export/exportExchanges'
import { readHar } from '../../../../src/http/import/readHar'
import type { Field } from '../../../../src/http/field'
import { random } from '../../servers/random'
import { body, captured } from '../captured'
import { checkHar } from './harSpecification'

const version = '1.2.3'
const asText = (format: 'curl' | 'http', exchange: CapturedExchange) =>
  exportExchanges(format, [exchange], { version })
const posted = captured({
  method: 'POST',
  target: '/hook?token=abc',
  fields: [
    ['Host', 'app.example.com'],
    ['Authorization', 'Bearer abc'],
    ['Content-Type', 'application/json'],
    ['Content-Length', '33'],
  ],
  body: body('{"name":"it’s","password":"hush"}'),
})

describe('an export as cURL', () => {
  it('is a command with masked secrets, which says so', async () => {
    assert.equal(
      await asText('curl', posted),
      [
        '# Secrets are masked: put yours in the place of •••.',
        'curl --request POST \\',
        '  --http1.1 \\',
        "  --request-target '/hook?token=•••' \\",
        "  'https://app.example.com' \\",
        "  --header 'Authorization: Bearer •••' \\",
        "  --header 'Content-Type: application/json' \\",
        "  --header 'User-Agent:' \\",
        "  --header 'Accept:' \\",
        '  --data-raw \'{"name":"it’s","password":"•••"}\'',
        '',
      ].join('\n'),
    )
  })
  it('has the secrets when asked for, and goes where it is told', async () => {
    const options = { version, secrets: 'shown', originOf: () => 'http://localhost:1' } as const
    const command = await exportExchanges('curl', [posted], options)
    assert.match(command, /^curl --request POST/)
    assert.match(command, /'http:\/\/localhost:1\/hook\?token=abc'/)
    assert.match(command, /Bearer abc/)
  })
  it('says what is missing', async () => {
    const cut = captured({
      fields: [['Content-Length', '10']],
      body: body('abc', 10),
      trailers: [['X-Sum', '1']],
    })
    const command = await asText('curl', cut)
    assert.match(
      command,
      /^# The request body was cut: only the first 3 of 10 bytes were kept\.\n# Its trailers/,
    )
    assert.doesNotMatch(command, /Content-Length/)
  })
})

describe('an export as .http', () => {
  it('is a request with masked secrets, which says so', async () => {
    assert.equal(
      await asText('http', posted),
      [
        '### POST /hook?token=•••',
        '# Secrets are masked: put yours in the place of •••.',
        'POST https://app.example.com/hook?token=••• HTTP/1.1',
        'Authorization: Bearer •••',
        'Content-Type: application/json',
        '',
        '{"name":"it’s","password":"•••"}',
        '',
        '',
      ].join('\n'),
    )
  })
  for (const [content, remark] of [
    [Buffer.from([0xff, 0]), 'Its body is left out: it is not text.'],
    ['a\rb', 'Its body is left out: it has control characters.'],
    ['a\n### b', 'Its body is left out: it has a line that begins like a comment or the name of a file.'],
    ['< ./file', 'Its body is left out: it has a line that begins like a comment or the name of a file.'],
    ['{{name}}', 'Its body is left out: it has {{, which begins a variable.'],
    ['a\n', 'Its body ends in a line break, which may be lost.'],
  ] as const) {
    it(remark, async () => {
      const text = await asText('http', captured({ method: 'PUT', body: body(content) }))
      assert.ok(text.includes(`# ${remark}`), text)
      assert.equal(text.includes('left out'), !text.includes(`\n\n${content.toString()}`))
    })
  }
})

describe('an export as HAR', () => {
  const harText = (exchanges: readonly CapturedExchange[], secrets: 'masked' | 'shown' = 'shown') =>
    exportExchanges('har', exchanges, { version, secrets })

  it('is as the specification says, whatever the exchange', async () => {
    const exchanges = Array.from({ length: 300 }, (_, seed) => anyExchange(seed))
    checkHar(JSON.parse(await harText(exchanges)))
    checkHar(JSON.parse(await harText(exchanges, 'masked')))
    checkHar(JSON.parse(await harText([])))
  })

  it('gives the same requests and answers when it is read', async () => {
    for (let seed = 0; seed < 500; seed++) {
      const exchange = anyExchange(seed)
      const { exchanges, leftOut } = readHar(await harText([exchange]), 'a.har')
      assert.equal(leftOut, 0)
      const [read] = exchanges
      assert.deepEqual(plain(read?.request), plain(exchange.request), `request ${seed}`)
      assert.deepEqual(plain(read?.response), plain(exchange.response), `answer ${seed}`)
      assert.deepEqual(plain(read?.webSocket), plain(exchange.webSocket), `messages ${seed}`)
      const { at, firstByteMs, endMs, protocol, visitorAddress } = exchange
      assert.deepEqual(
        [read?.at, read?.firstByteMs, read?.endMs, read?.protocol, read?.visitorAddress],
        [at, firstByteMs, endMs, protocol, visitorAddress],
      )
    }
  })

  it('has answers unpacked, and says what was cut', async () => {
    const packed = gzipSync('Grüße')
    const fields: Field[] = [
      ['Content-Type', 'text/plain'],
      ['Content-Encoding', 'gzip'],
    ]
    const har: unknown = JSON.parse(
      await harText([captured({}, { fields, body: body(packed) }), captured({}, { body: body('abc', 9) })]),
    )
    const contents = checkHar(har).log.entries.map(({ response }) => response.content)
    assert.deepEqual(contents, [
      { size: 7, compression: 7 - packed.length, mimeType: 'text/plain', text: 'Grüße' },
      {
        size: 9,
        mimeType: 'x-unknown',
        text: 'abc',
        comment: 'The response body was cut: only the first 3 of 9 bytes were kept.',
        _fullSize: 9,
      },
    ])
  })

  it('has no secrets unless they are asked for, and says so', async () => {
    const text = await harText([posted], 'masked')
    assert.doesNotMatch(text, /abc|hush/)
    assert.match(text, /Secrets are masked/)
    assert.match(await harText([posted]), /hush/)
  })
})

/** Buffers and arrays of bytes are the same here. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (_, one: unknown) =>
      one instanceof Uint8Array ? Buffer.from(one).toString('latin1') : one,
    ).replaceAll(/\{"type":"Buffer","data":(\[[\d,]*\])\}/g, (_, bytes: string) =>
      JSON.stringify(Buffer.from(JSON.parse(bytes) as number[]).toString('latin1')),
    ),
  )
}

function anyExchange(seed: number): CapturedExchange {
  const next = random(seed)
  const bytes = () =>
    next.from([
      () => Buffer.alloc(0),
      () => Buffer.from('{"a":"é\u2028\\u0000"}'),
      () => Buffer.from(Array.from({ length: next.below(300) }, () => next.below(256))),
      () => Buffer.from('\ufeffwith a mark'),
    ])()
  const content = () => {
    const some = bytes()
    return { bytes: some, size: next.below(4) === 0 ? some.length + 5 : some.length }
  }
  const fields = (...more: Field[]): Field[] => [
    ...Array.from({ length: next.below(5) }, (): Field => [
      next.from(['X-A', 'x-a', 'Cookie', 'Set-Cookie', 'Location', '!#$%&']),
      next.from(['', 'a', 'a=b; c', 'é', 'Ã©', '"\t"', 'https://x/?a=%c3']),
    ]),
    ...more,
  ]
  const [asked, answered] = [content(), content()]
  const hasAnswer = next.below(8) > 0
  const messages = Array.from({ length: next.below(4) }, (_, at) => ({
    from: next.from(['visitor', 'app'] as const),
    ...next.from([
      { kind: 'text', body: body('é') } as const,
      { kind: 'binary', body: body(Buffer.from([0, 255])) } as const,
      { kind: 'ping', body: body('') } as const,
    ]),
    at: 1000 * at,
  }))
  return captured(
    {
      method: next.from(['GET', 'POST', 'HEAD', 'OPTIONS', 'PROPFIND']),
      target: next.from(['/', '/a?b=c&b&=&%', '//x', '/é', '/?token=x', '/a//../b', '*', '/a#b?c']),
      fields: fields(['Content-Length', String(asked.size)]),
      body: asked,
      trailers: next.below(4) === 0 ? [['X-Sum', '1']] : [],
    },
    {
      status: next.from([200, 204, 404, 101]),
      reason: next.from(['OK', '']),
      fields: fields(['Content-Type', next.from(['text/plain', 'text/plain; charset=latin1', 'image/png'])]),
      body: answered,
      trailers: next.below(4) === 0 ? [['X-Sum', '1']] : [],
    },
    {
      protocol: next.from(['HTTP/1.0', 'HTTP/1.1', 'HTTP/2'] as const),
      visitorAddress: next.from(['', '203.0.113.7']),
      ...(hasAnswer
        ? { firstByteMs: next.below(9), endMs: 9 + next.below(9) }
        : { response: undefined, firstByteMs: undefined, endMs: undefined }),
      webSocket: next.below(3) === 0 ? { messages, cut: 0 } : undefined,
    },
  )
}
