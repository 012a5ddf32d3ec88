import assert from 'node:assert/strict'
import { FrameReader } from '../../../src/http/webSocketFrames'
import { random } from '../servers/random'

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

function read(
  chunks: readonly Uint8Array[],
  options: { isMasked?: boolean; mayBeCompressed?: boolean; mostBytes?: number } = {},
): { messages: string[]; isBroken: boolean } {
  const messages: string[] = []
  const reader = new FrameReader({
    ...{ isMasked: false, mayBeCompressed: false, mostBytes: 100, ...options },
    onMessage: ({ kind, isCompressed, body }) => {
      const cut = body.size > body.bytes.length ? ` of ${body.size}` : ''
      messages.push(`${kind}${isCompressed ? ' compressed' : ''} ${textOf(body.bytes)}${cut}`)
    },
  })
  for (const chunk of chunks) reader.add(chunk)
  return { messages, isBroken: reader.isBroken }
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('FrameReader', () => {
  const cases: [what: string, text: string, messages: string[]][] = [
    // RFC 6455 5.7
    ['a text', '\x81\x05Hello', ['text Hello']],
    ['a text in two frames', '\x01\x03Hel\x80\x02lo', ['text Hello']],
    ['a ping', '\x89\x05Hello', ['ping Hello']],
    ['control between frames', '\x01\x03Hel\x8a\x01p\x80\x02lo', ['pong p', 'text Hello']],
    ['nothing in a message', '\x82\x00\x81\x00\x89\x00', ['binary ', 'text ', 'ping ']],
    ['an empty last frame', '\x01\x01a\x80\x00', ['text a']],
    ['a length in 16 bits', `\x82\x7e\x00\x80${'x'.repeat(128)}`, [`binary ${'x'.repeat(100)} of 128`]],
    ['a length in 64 bits', '\x82\x7f\0\0\0\0\0\0\0\x01x\x88\x00', ['binary x', 'close ']],
  ]
  for (const [what, text, messages] of cases) {
    it(`reads ${what}, in pieces too`, () => {
      assert.deepEqual(read([bytes(text)]), { messages, isBroken: false })
      assert.deepEqual(read([...bytes(text)].map((byte) => Uint8Array.of(byte))).messages, messages)
    })
  }

  it('reads what a visitor has masked, and leaves the bytes as they are', () => {
    const masked = Buffer.from('818537fa213d7f9f4d5158', 'hex')
    const before = Buffer.from(masked)
    assert.deepEqual(read([masked], { isMasked: true }).messages, ['text Hello'])
    assert.deepEqual(masked, before)
    assert.deepEqual(read([masked.subarray(0, 8), masked.subarray(8)], { isMasked: true }).messages, [
      'text Hello',
    ])
  })

  it('marks what is compressed, where that was agreed on', () => {
    const text = bytes('\xc1\x01a\x41\x01b\x80\x01c')
    assert.deepEqual(read([text], { mayBeCompressed: true }).messages, [
      'text compressed a',
      'text compressed bc',
    ])
    assert.equal(read([text]).isBroken, true)
  })

  const broken: [what: string, text: string][] = [
    ['reserved bits', '\x91\x01a'],
    ['an unknown opcode', '\x83\x01a'],
    ['a mask where there must be none', '\x81\x81....a'],
    ['a long frame of control', `\x89\x7e\x00\x80${'x'.repeat(128)}`],
    ['control in pieces', '\x09\x01a'],
    ['more of nothing', '\x80\x01a'],
    ['a message within a message', '\x01\x01a\x81\x01b'],
    ['compressed control', '\xc9\x01a'],
    ['a length beyond all numbers', '\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffx'],
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
  ]
  for (const [what, text] of broken) {
    it(`stops at ${what}`, () => {
      const { messages, isBroken } = read([bytes(`\x81\x01o${text}\x81\x01x`)], { mayBeCompressed: true })
      assert.equal(isBroken, true)
      assert.deepEqual(messages, ['text o'])
    })
  }

  it('reads messages of any length, however they are cut', () => {
    const pick = random(5)
    for (const isMasked of [false, true]) {
      const sent: Buffer[] = []
      const expected: string[] = []
      for (let count = 0; count < 60; count++) {
        const body = Buffer.from(Array.from({ length: pick.below(300) }, () => pick.below(256)))
        const opcode = pick.from([1, 2])
        sent.push(frameOf(opcode, body, isMasked))
        const cut = body.length > 100 ? ` of ${body.length}` : ''
        expected.push(`${opcode === 1 ? 'text' : 'binary'} ${textOf(body.subarray(0, 100))}${cut}`)
      }
      let rest = Buffer.concat(sent)
      const chunks: Buffer[] = []
      while (rest.length > 0) {
        const size = 1 + pick.below(700)
        chunks.push(rest.subarray(0, size))
        rest = rest.subarray(size)
      }
      assert.deepEqual(read(chunks, { isMasked }), { messages: expected, isBroken: false })
    }
  })

  it('takes anything', () => {
    const pick = random(9)
    for (let round = 0; round < 3000; round++) {
      const chunk = Buffer.from(Array.from({ length: pick.below(40) }, () => pick.below(256)))
      read([chunk, chunk], { isMasked: pick.below(2) === 0, mayBeCompressed: true })
    }
  })
})

function frameOf(opcode: number, body: Buffer, isMasked: boolean): Buffer {
  const mask = Buffer.from(isMasked ? 'mask' : '')
  const length = Buffer.from(body.length < 126 ? [body.length] : [126, body.length >> 8, body.length & 255])
  length[0] = (length[0] ?? 0) | (isMasked ? 128 : 0)
  const sent = isMasked ? body.map((byte, at) => byte ^ (mask[at % 4] ?? 0)) : body
  return Buffer.concat([Buffer.of(128 | opcode), length, mask, sent])
}
