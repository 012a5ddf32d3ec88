import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import type { Field, HttpRequest } from '../../../src/http/exchange'
import { visitorAddress } from '../../../src/http/visitorAddress'

function addressOf(fields: readonly Field[], { isEdge = false, originator = '10.0.0.1' } = {}): string {
  const visitor = { stream: new Duplex(), originator: { address: originator, port: 1 } }
  const request: HttpRequest = {
    ...{ protocol: 'HTTP/1.1', method: 'GET', target: '/', host: 'x', length: 'no body', upgrade: undefined },
    ...{ fields, body: visitor.stream, trailers: () => [] },
  }
  return visitorAddress({ visitor, request }, { isEdge })
}

describe('visitorAddress', () => {
  const cases: [what: string, fields: Field[], expected: string][] = [
    ['what the proxy wrote', [['X-Forwarded-For', '203.0.113.9']], '203.0.113.9'],
    ['what it wrote last', [['X-Forwarded-For', '6.6.6.6, 203.0.113.9']], '203.0.113.9'],
    [
      'the last of several fields',
      [
        ['X-Forwarded-For', '6.6.6.6'],
        ['x-forwarded-for', '7.7.7.7,  2001:db8::1 '],
      ],
      '2001:db8::1',
    ],
    ['an address with its port', [['X-Forwarded-For', '203.0.113.9:4711']], '203.0.113.9'],
    ['IPv6 with its port', [['X-Forwarded-For', '[2001:db8::1]:4711']], '2001:db8::1'],
    ['IPv4 in IPv6', [['X-Forwarded-For', '::FFFF:203.0.113.9']], '203.0.113.9'],
    ['X-Real-IP where there is nothing else', [['X-Real-IP', '203.0.113.9']], '203.0.113.9'],
    [
      'X-Forwarded-For before X-Real-IP',
      [
        ['X-Real-IP', '6.6.6.6'],
        ['X-Forwarded-For', '203.0.113.9'],
      ],
      '203.0.113.9',
    ],
    ['nothing without a word of the proxy', [], ''],
    ['nothing of what is no address', [['X-Forwarded-For', '203.0.113.9, unknown']], ''],
    [
      'nothing rather than the visitor’s own word',
      [
        ['X-Forwarded-For', 'unknown'],
        ['X-Real-IP', '6.6.6.6'],
      ],
      '',
    ],
    ['nothing of an empty word', [['X-Forwarded-For', '203.0.113.9,']], ''],
    ['nothing of IPv4 that is none', [['X-Forwarded-For', '::ffff:999.1.1.1']], ''],
  ]
  for (const [what, fields, expected] of cases) {
    it(`behind a proxy: ${what}`, () => assert.equal(addressOf(fields), expected))
  }

  it('at the edge is whoever connects, whatever they say', () => {
    const fields: Field[] = [['X-Forwarded-For', '6.6.6.6']]
    assert.equal(addressOf(fields, { isEdge: true, originator: '198.51.100.9' }), '198.51.100.9')
    assert.equal(addressOf(fields, { isEdge: true, originator: '::ffff:198.51.100.9' }), '198.51.100.9')
    assert.equal(addressOf(fields, { isEdge: true, originator: '' }), '')
  })
})
