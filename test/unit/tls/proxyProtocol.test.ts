import assert from 'node:assert/strict'
import type { Visitor } from '../../../src/base/visitor'
import { parseProxyHeader, readProxyProtocol } from '../../../src/tls/proxyProtocol'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { Collected, settle, visitorPair } from '../tunnels/streams'

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

function version2(command: number, family: number, addresses: Buffer, more = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt8(0x20 | command, 0)
  head.writeUInt8(family, 1)
  head.writeUInt16BE(addresses.length + more.length, 2)
  return Buffer.concat([signature, head, addresses, more])
}
const inet4 = Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0xc8, 0x22, 0x01, 0xbb])
const inet6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0xc8, 0x22, 0x01, 0xbb]),
])
const mapped = Buffer.concat([
  Buffer.from('00000000000000000000ffffcb007107', 'hex'),
  Buffer.from('00000000000000000000ffffc0000201', 'hex'),
  Buffer.from([0xc8, 0x22, 0x01, 0xbb]),
])
const tlv = Buffer.from([0x04, 0, 3, 1, 2, 3])

const valid: [string, Buffer, Visitor['originator'] | undefined][] = [
  ['TCP4', v1('TCP4 203.0.113.7 192.0.2.1 51234 443'), { address: '203.0.113.7', port: 51_234 }],
  ['TCP6', v1('TCP6 2001:db8::7 2001:db8::1 51234 443'), { address: '2001:db8::7', port: 51_234 }],
  ['UNKNOWN', v1('UNKNOWN'), undefined],
  ['UNKNOWN with addresses', v1('UNKNOWN ffff::1 ffff::2 1 2'), undefined],
  ['the longest', v1(`UNKNOWN ${'f'.repeat(91)}`), undefined],
  ['v2 IPv4', version2(1, 0x11, inet4), { address: '203.0.113.7', port: 51_234 }],
  ['v2 IPv6', version2(1, 0x21, inet6), { address: '2001:db8::7', port: 51_234 }],
  ['v2 IPv4 in IPv6', version2(1, 0x21, mapped), { address: '203.0.113.7', port: 51_234 }],
  ['v2 with more behind it', version2(1, 0x11, inet4, tlv), { address: '203.0.113.7', port: 51_234 }],
  ['v2 LOCAL', version2(0, 0, Buffer.alloc(0)), undefined],
  ['v2 LOCAL with addresses', version2(0, 0x11, inet4), undefined],
  ['v2 of unknown family', version2(1, 0, Buffer.alloc(5)), undefined],
  ['v2 unix', version2(1, 0x31, Buffer.alloc(216)), undefined],
]
const invalid: [string, Buffer][] = [
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['TLS', Buffer.from([22, 3, 1, 2, 0, 1])],
  ['a POST that looks alike', Buffer.from('PROXIED')],
  ['an address that is none', v1('TCP4 203.0.113.300 192.0.2.1 51234 443')],
  ['a family that does not fit', v1('TCP4 2001:db8::7 2001:db8::1 51234 443')],
  ['another family', v1('UDP4 203.0.113.7 192.0.2.1 51234 443')],
  ['a port past the last', v1('TCP4 203.0.113.7 192.0.2.1 65536 443')],
  ['a port that is none', v1('TCP4 203.0.113.7 192.0.2.1 -1 443')],
  ['too few parts', v1('TCP4 203.0.113.7 192.0.2.1 51234')],
  ['too many parts', v1('TCP4 203.0.113.7 192.0.2.1 51234 443 9')],
  ['two spaces', v1('TCP4  203.0.113.7 192.0.2.1 51234 443')],
  ['no line break within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(93)}\r\n`)],
  ['v2 of another version', Buffer.concat([signature, Buffer.from([0x11, 0x11, 0, 12]), inet4])],
  ['v2 with another command', version2(2, 0x11, inet4)],
  ['v2 too short for IPv4', version2(1, 0x11, inet4.subarray(1))],
  ['v2 too short for IPv6', version2(1, 0x21, inet6.subarray(1))],
  ['v2 too short for unix', version2(1, 0x31, Buffer.alloc(215))],
  ['v2 UDP', version2(1, 0x12, inet4)],
  ['v2 that never ends', version2(1, 0x11, inet4, Buffer.alloc(5000)).subarray(0, 16)],
]

function v1(text: string): Buffer {
  return Buffer.from(`PROXY ${text}\r\n`)
}

describe('parseProxyHeader', () => {
  for (const [what, bytes, source] of valid) {
    it(`reads ${what}, and waits for its end`, () => {
      for (const rest of ['', 'rest\r\n']) {
        const header = parseProxyHeader(Buffer.concat([bytes, Buffer.from(rest)]))
        assert.deepEqual(header, { length: bytes.length, source })
      }
      for (let at = 0; at < bytes.length; at++) {
        assert.equal(parseProxyHeader(bytes.subarray(0, at)), 'unfinished', `cut at ${at}`)
      }
    })
  }
  for (const [what, bytes] of invalid) {
    it(`refuses ${what}`, () => assert.equal(parseProxyHeader(bytes), 'invalid'))
  }
})

describe('readProxyProtocol', () => {
  let clock: FakeClock
  let log: CollectedLog
  let passed: { visitor: Visitor; read: Collected }[]
  beforeEach(() => {
    clock = new FakeClock()
    log = new CollectedLog()
    passed = []
  })
  function visit() {
    const { visitor, outside } = visitorPair()
    readProxyProtocol((next) => passed.push({ visitor: next, read: new Collected(next.stream) }), {
      log,
      clock,
    })(visitor)
    return { visitor, outside }
  }

  for (const [what, bytes, source] of valid) {
    it(`passes who comes with ${what}, byte by byte`, async () => {
      const { visitor, outside } = visit()
      for (const byte of bytes) outside.write(Buffer.from([byte]))
      outside.write('rest')
      await settle()
      assert.equal(passed[0]?.read.text, 'rest')
      assert.deepEqual(passed[0].visitor.originator, source ?? visitor.originator)
      assert.deepEqual(clock.pending, [])
    })
  }

  for (const [what, bytes] of invalid) {
    it(`turns away who comes with ${what}`, async () => {
      const { visitor, outside } = visit()
      outside.write(bytes)
      await settle()
      assert.ok(visitor.stream.destroyed)
      assert.deepEqual(passed, [])
      assert.match(log.text, /^warn .*no PROXY protocol header/m)
    })
  }

  it('passes who ends with the header, and what they sent', async () => {
    const { outside } = visit()
    outside.end(Buffer.concat([v1('UNKNOWN'), Buffer.from('all')]))
    await settle()
    assert.deepEqual([passed[0]?.read.text, passed[0]?.read.ended], ['all', true])
  })

  it('turns away who ends before it, or takes too long', async () => {
    const [short, slow] = [visit(), visit()]
    short.outside.end('PROXY TCP4')
    slow.outside.write('PROXY TCP4')
    await settle()
    assert.deepEqual([short.visitor.stream.destroyed, slow.visitor.stream.destroyed], [true, false])
    await clock.advance(10_000)
    assert.ok(slow.visitor.stream.destroyed)
    assert.deepEqual(passed, [])
  })

  it('forgets who leaves before it', async () => {
    const { visitor, outside } = visit()
    outside.write('PROXY')
    await settle()
    visitor.stream.destroy()
    await settle()
    assert.deepEqual([passed.length, clock.pending.length, log.lines.length], [0, 0, 0])
  })
})
