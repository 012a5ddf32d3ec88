import assert from 'node:assert/strict'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { decodeContent, encodeContent } from '../../../../src/http/body/contentCoding'
import { decodeBody, mostShown } from '../../../../src/http/body/decodeBody'
import { hexRows } from '../../../../src/http/body/hexDump'
import { prettyJson } from '../../../../src/http/body/prettyJson'
import type { ShownContent } from '../../../../src/http/body/shownBody'
import type { Field } from '../../../../src/http/field'
import { body } from '../captured'

const typed = (type: string): Field[] => (type === '' ? [] : [['Content-Type', type]])
const png = Buffer.from([0x89, 0x50, 0x4e, 0x47])
const parts = [
  '--x\r\nContent-Disposition: form-data; name="caption"\r\n\r\nGrüße\r\n',
  '--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n1234\r\n--x--\r\n',
].join('')

describe('decodeBody', () => {
  for (const [type, content, expected] of [
    ['text/plain', '', { kind: 'empty' }],
    ['text/plain', 'Grüße', { kind: 'text', text: 'Grüße', charset: 'utf-8' }],
    [
      'text/plain; charset=ISO-8859-1',
      Buffer.from('Grüße', 'latin1'),
      { kind: 'text', text: 'Grüße', charset: 'iso-8859-1' },
    ],
    ['text/plain; charset=nonsense', 'Grüße', { kind: 'text', text: 'Grüße', charset: 'utf-8' }],
    ['text/plain', Buffer.from('Grüße', 'latin1'), { kind: 'text', text: 'Grüße', charset: 'windows-1252' }],
    ['text/plain', Buffer.from('\ufeffa', 'utf16le'), { kind: 'text', text: 'a', charset: 'utf-16le' }],
    ['', 'plain', { kind: 'text', text: 'plain', charset: 'utf-8' }],
    [
      'application/json',
      '{"n":12345678901234567890.10}',
      { kind: 'json', text: '{\n  "n": 12345678901234567890.10\n}' },
    ],
    ['application/ld+json', '1', { kind: 'json', text: '1' }],
    ['', '[1]', { kind: 'json', text: '[\n  1\n]' }],
    ['text/plain', '{"a":1}', { kind: 'json', text: '{\n  "a": 1\n}' }],
    ['application/json', '{a}', { kind: 'text', text: '{a}', charset: 'utf-8' }],
    ['text/html', '<p>', { kind: 'text', text: '<p>', charset: 'utf-8' }],
    ['image/png', png, { kind: 'image', type: 'image/png', bytes: new Uint8Array(png) }],
    ['application/octet-stream', png, { kind: 'binary', bytes: new Uint8Array(png) }],
    ['', Buffer.from([0, 65]), { kind: 'binary', bytes: new Uint8Array([0, 65]) }],
    [
      'application/x-www-form-urlencoded',
      '?a=1+2&b=%C3%A9&b',
      {
        kind: 'form',
        fields: [
          { name: '?a', value: '1 2', file: undefined },
          { name: 'b', value: 'é', file: undefined },
          { name: 'b', value: '', file: undefined },
        ],
      },
    ],
    [
      'multipart/form-data; boundary=x',
      parts,
      {
        kind: 'form',
        fields: [
          { name: 'caption', value: 'Grüße', file: undefined },
          { name: 'photo', value: '', file: { name: 'a.png', type: 'image/png', size: 4 } },
        ],
      },
    ],
    ['multipart/form-data; boundary=y', parts, { kind: 'binary', bytes: new Uint8Array(Buffer.from(parts)) }],
  ] satisfies [string, string | Buffer, ShownContent][]) {
    it(`${type || 'no type'}: ${String(content).slice(0, 30)} as ${expected.kind}`, async () => {
      const shown = await decodeBody(typed(type), body(content), { secrets: 'shown' })
      assert.deepEqual(shown.content, expected)
      assert.deepEqual(shown.remarks, content === '{a}' ? ['This is not valid JSON.'] : [])
      assert.deepEqual(structuredClone(shown), shown)
    })
  }

  it('masks secrets unless asked for them', async () => {
    const fields: Field[] = [...typed('application/json'), ['Content-Encoding', 'gzip']]
    const packed = body(gzipSync('{"token":"abc"}'))
    assert.deepEqual((await decodeBody(fields, packed)).content, {
      kind: 'json',
      text: '{\n  "token": "•••"\n}',
    })
  })

  it('shows of a body that was cut what there is, and says so', async () => {
    for (const [type, kind] of [
      ['application/json', 'json'],
      ['text/plain', 'text'],
      ['image/png', 'image'],
    ] as const) {
      const shown = await decodeBody(typed(type), body('{"a":[1,"é', 1500))
      assert.equal(shown.content.kind, kind)
      assert.deepEqual(shown.remarks, ['Only the first 11 of 1,500 bytes were kept.'])
    }
  })

  it('does not unpack more than it shows', async () => {
    const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024, 'a'))
    const fields: Field[] = [...typed('text/plain'), ['Content-Encoding', 'gzip, gzip']]
    const shown = await decodeBody(fields, body(gzipSync(bomb)))
    assert.equal(shown.size, mostShown)
    assert.match(shown.remarks.join(), /Only the first 2,097,152 bytes/)
  })

  for (const [coding, remark] of [
    ['gzip', 'Its coding (gzip) is damaged; this is what could be read.'],
    ['br', 'Its coding (br) is damaged; this is what could be read.'],
    ['unheard-of', 'Its coding (unheard-of) cannot be read here.'],
  ] as const) {
    it(`what is not ${coding}`, async () => {
      const shown = await decodeBody([['Content-Encoding', coding]], body('not packed'))
      assert.deepEqual(shown.remarks, [remark])
    })
  }
})

describe('decodeContent', () => {
  const text = Buffer.from(Array.from({ length: 3000 }, (_, at) => `line ${(at * 7919) % 1000}`).join('\n'))
  for (const [coding, packed] of [
    ['gzip', gzipSync(text)],
    ['X-GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', text],
    ['br, gzip', gzipSync(brotliCompressSync(text))],
  ] as const) {
    it(`${coding}, and as far as it goes`, async () => {
      const fields: Field[] = [['content-encoding', coding]]
      assert.deepEqual(await decodeContent(fields, packed, 1e6), { bytes: text, lacks: undefined })
      const cut = await decodeContent(fields, packed.subarray(0, packed.length / 2), 1e6)
      assert.ok(cut.bytes.length > 100 && text.subarray(0, cut.bytes.length).equals(cut.bytes))
      const limited = await decodeContent(fields, packed, 1000)
      assert.deepEqual(limited, { bytes: text.subarray(0, 1000), lacks: 'the limit was reached' })
    })
  }
  it('packs again what it has unpacked', async () => {
    for (const coding of ['gzip', 'deflate', 'br', 'deflate, gzip', 'identity']) {
      const fields: Field[] = [['Content-Encoding', coding]]
      const packed = await encodeContent(fields, text)
      assert.deepEqual((await decodeContent(fields, packed!, 1e6)).bytes, text)
    }
    assert.equal(await encodeContent([['Content-Encoding', 'unheard-of']], text), undefined)
  })
})

describe('prettyJson', () => {
  it('leaves what is nested so deep that indents would fill memory', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000)
    assert.equal(prettyJson(deep), deep)
  })
})

describe('hexRows', () => {
  it('shows the rows that are asked for', () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, at) => at + 30)
    assert.deepEqual(hexRows(bytes, 1, 5), [
      {
        offset: '00000010',
        hex: '2e 2f 30 31 32 33 34 35  36 37 38 39 3a 3b 3c 3d',
        text: './0123456789:;<=',
      },
      { offset: '00000020', hex: '3e 3f 40 41 42 43 44 45', text: '>?@ABCDE' },
    ])
    assert.equal(hexRows(bytes, 0, 1)[0]?.text, '.. !"#$%&\'()*+,-')
  })
})
