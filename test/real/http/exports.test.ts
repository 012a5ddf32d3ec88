import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import type { CapturedExchange, CapturedRequest } from '../../../src/http/capturedExchange'
import { fieldsOf, valuesOf } from '../../../src/http/exchange'
import { exportExchanges } from '../../../src/http/export/exportExchanges'
import type { Field } from '../../../src/http/field'
import { readHar } from '../../../src/http/import/readHar'
import { Scope } from '../../support/scope'
import { findTool } from '../../support/tools'
import { body, captured } from '../../unit/http/captured'
import { random, type Random } from '../../unit/servers/random'

interface Received {
  readonly method: string
  readonly target: string
  readonly protocol: string
  readonly fields: readonly Field[]
  readonly body: Buffer
}

async function startRecorder(scope: Scope): Promise<{ origin: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: target = '', httpVersion } = request
      const fields = fieldsOf(request.rawHeaders)
      received.push({ method, target, protocol: `HTTP/${httpVersion}`, fields, body: Buffer.concat(chunks) })
      response.writeHead(204, { connection: 'close' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.add(async () => {
    const closed = once(server.close(), 'close')
    server.closeAllConnections()
    await closed
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

const texts = [
  ...[
    '',
    'plain',
    "it's 'quoted' \"twice\"",
    '$HOME `id` $(id) ${x} \\n \\\\ !! !x',
    '%s %d %% \\0',
    'a=b&c=d',
  ],
  ...[
    '@/etc/passwd',
    '-d x',
    '<file',
    '#comment',
    'é€😀',
    'two\nlines\n',
    '\n\n',
    '\r\n',
    'a\tb',
    'a\0b\0',
    '\x1b[0m',
  ],
  ...['\ufeffmark', '{"a":"\\u0000"}', "'", '\\', '!', ';', '&& exit 1'],
]

/** A body with all of the kinds of bytes that a shell, printf or curl may take for something else. */
function anyBytes(next: Random): Buffer {
  return next.from([
    () => Buffer.from(next.from(texts)),
    () => Buffer.from(next.from(texts) + next.from(texts)),
    () => Buffer.from(Array.from({ length: next.below(400) }, () => next.below(256))),
    () =>
      Buffer.from(
        Array.from({ length: next.below(40) }, () => next.from([0x27, 0x5c, 0x25, 0x21, 0x0a, 0xff])),
      ),
    () => Buffer.alloc(0),
  ])()
}

function anyRequest(seed: number): CapturedExchange {
  const next = random(seed)
  const method = next.from([
    'GET',
    'POST',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'HEAD',
    'PROPFIND',
    'M-SEARCH',
  ])
  const bytes = method === 'HEAD' ? Buffer.alloc(0) : anyBytes(next)
  const protocol = next.from(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'] as const)
  const isChunked = protocol === 'HTTP/1.1' && method !== 'HEAD' && next.below(4) === 0
  const values = texts.filter((text) => /^[ -~]*$/.test(text)).concat('caf\xe9', 'Ã©', '\xff\xfe', 'a\tb')
  const fields: Field[] = [
    ['Host', 'app.example.com'],
    ...Array.from({ length: next.below(5) }, (): Field => [
      next.from([
        'X-a',
        'x-A',
        'X-UPPER',
        "!#$%&'*+.^_`|~",
        'Cookie',
        'Authorization',
        'Accept-ENCODING',
        'Referer',
      ]),
      next.from(values).trim(),
    ]),
    ...next.from<Field[]>([
      [],
      [],
      [['User-Agent', 'x']],
      [
        ['ACCEPT', '*/*'],
        ['content-TYPE', 'a/b'],
      ],
      [['Accept', '']],
    ]),
    ...(isChunked ? [['transfer-ENCODING', 'chunked'] as const] : []),
    ...(!isChunked && bytes.length > 0 ? [['content-LENGTH', String(bytes.length)] as const] : []),
    ...(next.below(3) === 0 ? [['X-Last', '1'] as const] : []),
  ]
  const target = next.from([
    ...[
      '/',
      '/a/b?c=d&e',
      "/it's?$x=`y`&(z)!",
      '/../a/./b/..',
      '/[1-3]{a,b}',
      '/%2e%2E/%c3%A9',
      '//double?//',
      '/a?b?c#d',
    ],
    ...['/a"<>\\^|', '/?', '/*', '/@:;,+~'],
  ])
  return captured({ method, target, fields, body: body(bytes) }, {}, { protocol })
}

describe('exports', () => {
  const scope = new Scope()
  let curl: string
  let origin: string
  let received: Received[]
  before(async () => {
    curl = findTool('curl')
    ;({ origin, received } = await startRecorder(scope))
  })
  after(() => scope.close())

  /** Runs the exported commands, one after another, as somebody pastes them. */
  async function run(shell: string, exchanges: readonly CapturedExchange[]): Promise<readonly Received[]> {
    const own = new Scope()
    try {
      const folder = own.tempDir('curl')
      const script = join(folder, 'script')
      const options = { secrets: 'shown', originOf: () => origin, version: '1' } as const
      writeFileSync(script, `set -e\n${await exportExchanges('curl', exchanges, options)}`)
      received.length = 0
      // Whoever runs the tests may have settings for curl.
      const env = { PATH: `${dirname(curl)}${delimiter}${process.env['PATH'] ?? ''}`, HOME: folder }
      const ran = await own.spawn(shell, [script], { cwd: folder, env })
      assert.equal(await ran.exited(), 0, ran.stderr)
      return received.slice()
    } finally {
      await own.close()
    }
  }

  function assertSame(
    came: Received | undefined,
    { request, protocol }: CapturedExchange,
    what: string,
  ): void {
    assert.ok(came, what)
    assert.deepEqual(
      [came.method, came.target, came.protocol],
      [request.method, request.target, protocol],
      what,
    )
    assert.deepEqual(came.fields[0], ['Host', new URL(origin).host])
    assert.deepEqual(came.fields.slice(1), fieldsToCome(request), what)
    assert.ok(came.body.equals(request.body.bytes), `${what}: the body`)
  }

  /** All but Host, which is that of the origin; and the length of a body that came without one. */
  function fieldsToCome({ fields, body: { bytes } }: CapturedRequest): readonly Field[] {
    const others = fields.filter(([name]) => name !== 'Host')
    const hasLength = ['content-length', 'transfer-encoding'].some(
      (name) => valuesOf(fields, name).length > 0,
    )
    return hasLength || bytes.length === 0 ? others : [...others, ['Content-Length', String(bytes.length)]]
  }

  for (const [shell, first, count] of [
    ['sh', 0, 100],
    ['bash', 1000, 60],
  ] as const) {
    it(`as cURL, run by ${shell}, send the same requests`, async () => {
      const exchanges = Array.from({ length: count }, (_, at) => anyRequest(first + at))
      const came = await run(shell, exchanges)
      for (const [at, exchange] of exchanges.entries())
        assertSame(came[at], exchange, `request ${first + at}`)
      assert.equal(came.length, exchanges.length)
    })
  }

  it('as cURL send large bodies, and bodies where curl expects none', async () => {
    const text = Buffer.from("it's\n".repeat(60_000))
    const bytes = Buffer.from(Array.from({ length: 1_200_000 }, (_, at) => (at * 7919) % 256))
    const exchanges = (['POST', 'GET', 'HEAD'] as const).flatMap((method) =>
      [text, bytes, Buffer.from('x')].map((content) =>
        captured({ method, fields: [['content-LENGTH', String(content.length)]], body: body(content) }),
      ),
    )
    // As HTTP/2 has them, and what was sent by hand.
    exchanges.push(
      captured({ method: 'POST', body: body('x') }),
      captured({ method: 'OPTIONS', target: '*' }),
    )
    exchanges.push(captured({ method: 'POST', fields: [['Content-Length', '0']] }))
    const came = await run('sh', exchanges)
    for (const [at, exchange] of exchanges.entries()) assertSame(came[at], exchange, `request ${at}`)
  })

  it('as HAR and back as cURL send the same requests', async () => {
    const exchanges = Array.from({ length: 40 }, (_, at) => anyRequest(2000 + at))
    const options = { secrets: 'shown', version: '1' } as const
    const { exchanges: read } = readHar(await exportExchanges('har', exchanges, options), 'x.har')
    const came = await run(
      'sh',
      read.map((exchange, id) => ({ ...exchange, id, tunnelId: 1 })),
    )
    for (const [at, exchange] of exchanges.entries()) assertSame(came[at], exchange, `request ${2000 + at}`)
  })
})
