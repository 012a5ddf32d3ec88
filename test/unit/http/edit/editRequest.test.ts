import assert from 'node:assert/strict'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { CapturedRequest } from '../../../../src/http/capturedExchange'
import { applyEdit, editable } from '../../../../src/http/edit/editRequest'
import type { EditedRequest, RequestEdit } from '../../../../src/http/edit/requestEdit'
import { parseEdited, requestText } from '../../../../src/http/edit/requestText'
import type { Field } from '../../../../src/http/field'
import { random } from '../../servers/random'
import { body, captured } from '../captured'

const post = (changes: Partial<CapturedRequest> = {}) =>
  captured({
    method: 'POST',
    target: '/hook?a=%20',
    fields: [
      ['HOST', 'app.example.com'],
      ['content-LENGTH', '7'],
      ['X-a', '1'],
    ],
    body: body('{"a":1}'),
    ...changes,
  })

async function edited(exchange = post(), change: Partial<RequestEdit> = {}): Promise<EditedRequest> {
  const result = await applyEdit(exchange, { ...(await editable(exchange)), ...change })
  assert.ok(result.kind === 'edited', JSON.stringify(result))
  return result.request
}
async function problems(change: Partial<RequestEdit>, exchange = post()): Promise<unknown> {
  const result = await applyEdit(exchange, { ...(await editable(exchange)), ...change })
  assert.ok(result.kind === 'problems')
  return result.problems.map(({ where, message }) => [where, message])
}
const textBody = (text: string) => ({ kind: 'text', text, lineEnd: '\n' }) as const
const withField = (...fields: Field[]): Pick<RequestEdit, 'fields'> => ({
  fields: [['Host', 'app.example.com'], ...fields],
})

describe('an edited request', () => {
  it('tells the length of its new body, where that stood', async () => {
    const { fields, body: bytes } = await edited(post(), { body: textBody('{"a":"é"}') })
    assert.equal(Buffer.from(bytes).toString(), '{"a":"é"}')
    assert.deepEqual(fields, [
      ['HOST', 'app.example.com'],
      ['content-LENGTH', '10'],
      ['X-a', '1'],
    ])
  })
  it('gets a length with its first body', async () => {
    const { fields } = await edited(post({ fields: [], body: body('') }), { body: textBody('x') })
    assert.deepEqual(fields, [['Content-Length', '1']])
  })
  it('stays in chunks', async () => {
    const chunked = post({ fields: [['Transfer-Encoding', 'chunked']] })
    const { fields } = await edited(chunked, { body: textBody('x') })
    assert.deepEqual(fields, [['Transfer-Encoding', 'chunked']])
  })
  it('is packed again as it was', async () => {
    const packed = post({ fields: [['Content-Encoding', 'gzip']], body: body(gzipSync('{"a":1}')) })
    assert.deepEqual((await editable(packed)).body, textBody('{"a":1}'))
    const { body: bytes, fields } = await edited(packed, { body: textBody('{"a":2}') })
    assert.equal(gunzipSync(bytes).toString(), '{"a":2}')
    assert.deepEqual(fields.at(-1), ['Content-Length', String(bytes.length)])
  })
  it('is not packed when that field is taken away', async () => {
    const packed = post({ fields: [['Content-Encoding', 'gzip']], body: body(gzipSync('{"a":1}')) })
    const { body: bytes } = await edited(packed, { fields: [] })
    assert.equal(Buffer.from(bytes).toString(), '{"a":1}')
  })
  it('keeps CR LF', async () => {
    const lines = post({ body: body('a\r\nb') })
    assert.deepEqual((await editable(lines)).body, { kind: 'text', text: 'a\nb', lineEnd: '\r\n' })
    const change = { body: { kind: 'text', text: 'a\nc\n', lineEnd: '\r\n' } } as const
    assert.equal(Buffer.from((await edited(lines, change)).body).toString(), 'a\r\nc\r\n')
  })
  it('writes letters of fields as UTF-8, one letter a byte, and those of targets by percent', async () => {
    const { fields, target } = await edited(post(), { target: '/é', ...withField(['X', ' é ']) })
    assert.deepEqual([fields[1], target], [['X', 'Ã©'], '/%C3%A9'])
  })
  it('goes to the host it names', async () => {
    assert.equal((await edited(post(), { fields: [['host', 'b.example:1']] })).host, 'b.example:1')
    assert.equal((await edited(post(), { fields: [] })).host, 'app.example.com')
  })

  for (const [name, content] of [
    ['bytes', Buffer.from([0, 1, 255])],
    ['control characters', 'a\x1bb'],
    ['line ends of both kinds', 'a\r\nb\nc'],
    ['a lone CR', 'a\rb'],
  ] as const) {
    it(`with ${name} is edited as base64`, async () => {
      const exchange = post({ body: body(content) })
      const base64 = Buffer.from(content).toString('base64')
      assert.deepEqual((await editable(exchange)).body, { kind: 'base64', text: base64 })
      const { body: bytes } = await edited(exchange, { body: { kind: 'base64', text: 'A\nAE' } })
      assert.deepEqual(Buffer.from(bytes), Buffer.from([0, 1]))
    })
  }

  it('that was not edited is the same, byte for byte, also by way of a text', async () => {
    const next = random(11)
    const wire = (length: number) =>
      Array.from({ length }, () => next.from(['a', 'Z', ' ', '%', '"', 'é', 'Ã©', '\xff', ';', ':']))
        .join('')
        .trim()
    for (let round = 0; round < 500; round++) {
      const content = next.from([
        () => Buffer.from(wire(next.below(50))),
        () => Buffer.from(wire(next.below(50)), 'latin1'),
        () =>
          Buffer.from(
            Array.from({ length: next.below(9) }, () => next.from(['a', '\n', '\r\n', '\t', ' '])).join(''),
          ),
        () => Buffer.from(Array.from({ length: next.below(200) }, () => next.below(256))),
      ])()
      const isPacked = next.below(3) === 0
      const bytes = isPacked ? gzipSync(content, { level: next.from([1, 9]) }) : content
      const request = {
        method: next.from(['POST', 'PUT', 'PROPFIND']),
        target: `/${next.from(['', 'a?b=%c3', '\xff', 'Ã©'])}`,
        fields: [
          ['Host', 'app.example.com'],
          ...Array.from({ length: next.below(4) }, (): Field => [
            next.from(['X', 'x-Y']),
            wire(next.below(9)),
          ]),
          ...(isPacked ? [['content-encoding', 'gzip'] as const] : []),
          ['Content-Type', next.from(['text/plain', 'text/plain; charset=latin1', 'application/json'])],
          ['Content-Length', String(bytes.length)],
        ],
        body: body(bytes),
      } satisfies Partial<CapturedRequest>
      const exchange = captured(request)
      const same = await edited(exchange)
      assert.deepEqual({ ...same, body: body(same.body) }, { ...exchange.request, body: body(bytes) })
      const text = requestText(await editable(exchange))
      assert.deepEqual(await parseEdited(text.replaceAll('\n', next.from(['\n', '\r\n'])), exchange), {
        kind: 'edited',
        request: same,
      })
    }
  })
})

describe('what cannot be sent', () => {
  for (const [name, change, expected] of [
    [
      'a method with a space',
      { method: 'GET IT' },
      [['method', 'must be a word such as GET or POST, without spaces']],
    ],
    ['CONNECT', { method: 'CONNECT' }, [['method', 'CONNECT asks a proxy, not an app']]],
    [
      'a whole URL',
      { target: 'https://x/' },
      [['target', 'must be a path that begins with /, with its query']],
    ],
    ['a space', { target: '/a b' }, [['target', 'must have no spaces: write %20 instead']]],
    ['a fragment', { target: '/a#b' }, [['target', 'must have no #: write %23 instead']]],
    [
      'a name',
      withField(['a b', '']),
      [[{ field: 1 }, 'the name of a field has letters, digits and dashes, not "a b"']],
    ],
    [
      'a line break',
      withField(['A', 'b\r\nC: d']),
      [[{ field: 1 }, 'the value of A must have no line breaks or control characters']],
    ],
    ['two hosts', withField(['host', 'b']), [[{ field: 1 }, 'there must be one Host only']]],
    [
      'a host',
      { fields: [['Host', 'a/b']] },
      [[{ field: 0 }, 'Host must be a name or an address, with a port if need be']],
    ],
    [
      'a coding',
      withField(['Transfer-Encoding', 'gzip']),
      [[{ field: 1 }, 'Transfer-Encoding can only be chunked']],
    ],
    [
      'two lengths',
      withField(['Transfer-Encoding', 'chunked'], ['Content-Length', '1']),
      [[{ field: 2 }, 'remove it, or Transfer-Encoding: a body has one length']],
    ],
    [
      'base64',
      { body: { kind: 'base64', text: 'AAé' } },
      [['body', 'must be base64: letters, digits, + and /, four for three bytes']],
    ],
    [
      'a letter',
      { ...withField(['Content-Type', 'text/plain; charset=latin1']), body: textBody('€') },
      [['body', 'has letters that the charset of its Content-Type lacks; write charset=utf-8 there']],
    ],
    [
      'a packing',
      withField(['Content-Encoding', 'unheard-of']),
      [['body', 'cannot be packed as its Content-Encoding says; remove that field']],
    ],
  ] satisfies [string, Partial<RequestEdit>, unknown][]) {
    it(name, async () => assert.deepEqual(await problems(change), expected))
  }

  it('is told by its line in a text', async () => {
    const text = '# a\n# Body: text\n\nGET /a b\nHost: x\nno field\nA: b\n\nbody'
    assert.deepEqual(await parseEdited(text, post()), {
      kind: 'problems',
      problems: [{ line: 6, message: 'must be a field, "Name: value"; the body comes after an empty line' }],
    })
    const other = '# Body: base64\nGET /a b\nA b: 1\nHost: x\n\né'
    const result = await parseEdited(other, post())
    assert.ok(result.kind === 'problems')
    assert.deepEqual(
      result.problems.map(({ line }) => line),
      [2, 3, 6],
    )
  })
  it('an empty text', async () => {
    const result = await parseEdited('', post())
    assert.equal(result.kind, 'problems')
  })
})
