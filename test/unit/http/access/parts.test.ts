import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { isAddressRule, refuseAddress } from '../../../../src/http/access/addressRules'
import type { Refusal } from '../../../../src/http/access/decideAccess'
import { linkParameter } from '../../../../src/http/access/linkParameter'
import { isOpenPattern } from '../../../../src/http/access/openPaths'
import { refusalAnswer } from '../../../../src/http/access/refusal'
import { gatePage } from '../../../../src/http/gatePage'
import { maskParameters } from '../../../../src/http/mask/maskParameters'
import { checkToken, linkUrl, makeToken, newLinkKey, takeToken } from '../../../../src/http/access/shareLink'
import { lyingFields, sourceSeen, toldAddress } from '../../../../src/http/access/toldAddress'
import { WrongPasswords } from '../../../../src/http/access/wrongPasswords'
import type { Field, HttpRequest } from '../../../../src/http/exchange'
import { FakeClock } from '../../../support/fakeClock'

describe('address rules', () => {
  for (const rule of [
    '203.0.113.9',
    '203.0.113.0/24',
    '0.0.0.0/0',
    '10.1.2.3/8',
    '::1',
    '2001:db8::/32',
    '::/0',
    'fe80::1/128',
  ])
    it(`take ${rule}`, () => assert.equal(isAddressRule(rule), true))
  for (const rule of [
    ...[
      '',
      'localhost',
      '203.0.113',
      '203.0.113.256',
      '203.0.113.0/33',
      '203.0.113.0/',
      '203.0.113.0/-1',
      '203.0.113.0/08',
    ],
    ...[
      '203.0.113.0/24/1',
      '203.0.113.*',
      ' 203.0.113.9',
      '::1/129',
      'fe80::1%eth0',
      '[::1]',
      '::ffff:203.0.113.9',
      '1',
      '*',
    ],
  ])
    it(`do not take ${JSON.stringify(rule)}`, () => assert.equal(isAddressRule(rule), false))

  const rows: [rule: string, address: string, isIn: boolean][] = [
    ['203.0.113.0/24', '203.0.113.255', true],
    ['203.0.113.0/24', '203.0.114.0', false],
    ['203.0.113.77/24', '203.0.113.1', true],
    ['203.0.113.9', '203.0.113.9', true],
    ['203.0.113.9', '203.0.113.90', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['2001:db8::/32', '2001:DB8:0:0::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:0b01:0203', false],
  ]
  for (const [rule, address, isIn] of rows) {
    it(`${address} is ${isIn ? '' : 'not '}in ${rule}`, () => {
      assert.equal(refuseAddress({ allow: [rule] }, address) === undefined, isIn)
      assert.equal(refuseAddress({ deny: [rule] }, address) === undefined, !isIn)
    })
  }
})

describe('open paths in the settings', () => {
  for (const path of ['/webhook', '/hooks/*', '/', '/a/b.c/*', '/a/'])
    it(`may be ${path}`, () => assert.equal(isOpenPattern(path), true))
  for (const path of [
    '',
    'webhook',
    '*',
    '/*',
    '/a*',
    '/*/b',
    '/a/*/b',
    '//a',
    '/a/../b',
    '/a%20b',
    '/a?b',
    '/a;b',
    '/a b',
  ])
    it(`may not be ${JSON.stringify(path)}`, () => assert.equal(isOpenPattern(path), false))
})

describe('tokens of shared links', () => {
  const now = 1_700_000_000_000
  const signer = { key: newLinkKey(), subject: '3000' }
  const token = makeToken(signer, { expiresAt: now + 10_000 })

  it('are right until they expire', () => {
    assert.deepEqual(checkToken(token, signer, now), { is: 'right', expiresAt: now + 10_000 })
    assert.equal(checkToken(token, signer, now + 9_999).is, 'right')
    assert.equal(checkToken(token, signer, now + 10_000).is, 'expired')
  })

  it('are worth nothing with another key, for another port, or with any letter changed', () => {
    assert.equal(checkToken(token, { ...signer, key: newLinkKey() }, now).is, 'forged')
    assert.equal(checkToken(token, { ...signer, subject: '30000' }, now).is, 'forged')
    for (let at = 0; at < token.length; at++) {
      const other = token.slice(0, at) + (token[at] === 'b' ? 'c' : 'b') + token.slice(at + 1)
      // The last letter of Base64 has bits that say nothing, but no second form is taken.
      assert.equal(checkToken(other, signer, now).is, 'forged', other)
    }
    for (const text of [
      '',
      '.',
      '...',
      `${token} `,
      token.slice(0, -1),
      `${token}=`,
      '1.zzzzzzzzz.AAAAAAAAAAAA.',
      'x'.repeat(9999),
    ])
      assert.equal(checkToken(text, signer, now).is, 'forged', text)
  })

  it('are masked like other secrets', () =>
    assert.doesNotMatch(maskParameters(`a=1&${linkParameter}=${token}`), new RegExp(token.slice(-20))))

  it('are each another', () =>
    assert.notEqual(makeToken(signer, { expiresAt: now }), makeToken(signer, { expiresAt: now })))

  it('go into the URL and out of the target again', () => {
    const { pathname, search } = new URL(linkUrl('https://a.example/?x=1', token))
    assert.deepEqual(takeToken(pathname + search), { target: '/?x=1', tokens: [token] })
    for (const target of [
      '/',
      '/?',
      '/??a',
      '/a?b=expose-port-link',
      '/expose-port-link=1',
      '/?xexpose-port-link=1&&',
    ])
      assert.deepEqual(takeToken(target), { target, tokens: [] })
  })
})

describe('WrongPasswords', () => {
  const setUp = () => {
    const clock = new FakeClock()
    return { clock, tries: new WrongPasswords(clock) }
  }
  const guess = (tries: WrongPasswords, address: string, count: number, from = 0) => {
    for (let at = from; at < from + count; at++) tries.add(address, `Basic ${at}`)
  }

  it('lets an address try some at once, and then one now and then', async () => {
    const { clock, tries } = setUp()
    guess(tries, '203.0.113.9', 9)
    assert.equal(tries.waitMs('203.0.113.9'), 0)
    guess(tries, '203.0.113.9', 1, 9)
    assert.equal(tries.waitMs('203.0.113.9'), 6000)
    assert.equal(tries.waitMs('203.0.113.10'), 0, 'others are not slowed')
    await clock.advance(6000)
    assert.equal(tries.waitMs('203.0.113.9'), 0)
    guess(tries, '203.0.113.9', 1, 10)
    assert.equal(tries.waitMs('203.0.113.9'), 6000)
    await clock.advance(60_000)
    guess(tries, '203.0.113.9', 9, 20)
    assert.equal(tries.waitMs('203.0.113.9'), 0, 'all is forgotten')
  })

  it('counts the same wrong password once, as of a program that does not know of a new one', () => {
    const { tries } = setUp()
    for (let at = 0; at < 100; at++) tries.add('203.0.113.9', 'Basic old')
    assert.equal(tries.waitMs('203.0.113.9'), 0)
  })

  it('takes the addresses of one IPv6 network for one visitor', () => {
    const { tries } = setUp()
    for (let at = 0; at < 10; at++) tries.add(`2001:db8:0:1::${at.toString(16)}`, `Basic ${at}`)
    assert.equal(tries.waitMs('2001:db8:0:1:ffff::1'), 6000)
    assert.equal(tries.waitMs('2001:db8:0:2::1'), 0)
  })

  it('never slows an address that is not known, which is everybody’s', () => {
    const { tries } = setUp()
    guess(tries, '', 1000)
    assert.equal(tries.waitMs(''), 0)
  })

  it('forgets the oldest of too many addresses', () => {
    const { tries } = setUp()
    guess(tries, '203.0.113.9', 10)
    for (let at = 0; at < 10_000; at++) tries.add(`10.1.${at >> 8}.${at & 255}`, 'Basic x')
    assert.equal(tries.waitMs('203.0.113.9'), 0)
  })
})

describe('who tells a visitor’s address', () => {
  const lie = lyingFields['x-forwarded-for']
  const rows: [what: string, fields: Field[], source: string][] = [
    ['a proxy that appends', [['X-Forwarded-For', `${lie}, 198.51.100.7`]], 'x-forwarded-for'],
    ['one that replaces', [['X-Forwarded-For', '198.51.100.7']], 'x-forwarded-for'],
    [
      'one that adds a field of its own',
      [
        ['X-Forwarded-For', lie],
        ['X-Forwarded-For', '198.51.100.7'],
      ],
      'x-forwarded-for',
    ],
    [
      'one that passes all on',
      [
        ['X-Forwarded-For', lie],
        ['X-Real-IP', lie],
      ],
      'nobody',
    ],
    [
      'one that writes X-Real-IP only',
      [
        ['X-Forwarded-For', lie],
        ['X-Real-IP', '198.51.100.7'],
      ],
      'x-real-ip',
    ],
    ['one that takes both away', [], 'nobody'],
    ['one that empties it', [['X-Forwarded-For', '']], 'nobody'],
  ]
  for (const [what, fields, source] of rows)
    it(`is ${source} behind ${what}`, () => assert.equal(sourceSeen(fields), source))

  it('is asked and nobody else', () => {
    const stream = new PassThrough()
    const fields: Field[] = [
      ['X-Forwarded-For', '6.6.6.6, 198.51.100.7'],
      ['X-Real-IP', '198.51.100.8'],
    ]
    const request: HttpRequest = {
      ...{
        protocol: 'HTTP/1.1',
        method: 'GET',
        target: '/',
        host: 'x',
        length: 'no body',
        upgrade: undefined,
      },
      ...{ fields, body: stream, trailers: () => [] },
    }
    const visitor = { stream, originator: { address: '::ffff:198.51.100.9', port: 1 } }
    const told = (source: Parameters<typeof toldAddress>[1], asked = request) =>
      toldAddress({ visitor, request: asked }, source)
    assert.deepEqual(
      [told('x-forwarded-for'), told('x-real-ip'), told('connection'), told('nobody')],
      ['198.51.100.7', '198.51.100.8', '198.51.100.9', ''],
    )
    const straight = { ...request, fields: fields.slice(1) }
    assert.equal(told('x-forwarded-for', straight), '', 'one who has not come by the proxy')
  })
})

describe('refusalAnswer', () => {
  const all: (Refusal | { why: 'password' })[] = [
    ...[
      { why: 'password' } as const,
      { why: 'closing time' } as const,
      { why: 'address', address: '::1' } as const,
    ],
    ...[{ why: 'address unknown' } as const, { why: 'method', allowed: ['GET', 'PUT'] } as const],
    ...[{ why: 'link', is: 'expired' } as const, { why: 'link', is: 'forged' } as const],
    { why: 'too many tries', waitMs: 5500 },
  ]

  it('has a status, a page and a note for each', () => {
    const statuses = all.map((refusal) => refusalAnswer(refusal).status)
    assert.deepEqual(statuses, [401, 410, 403, 403, 405, 403, 403, 429])
    for (const refusal of all) {
      const own = refusalAnswer(refusal)
      assert.match(gatePage(own, 'text/html').body, /<h1>[^<]+<\/h1><p>[^<]+<\/p>/)
      assert.equal(own.kind, refusal.why)
      assert.match(own.note ?? '', /^[A-Z].*\.$/)
    }
  })

  it('says what HTTP wants said', () => {
    const fields = all.flatMap((refusal) => refusalAnswer(refusal).fields ?? [])
    assert.deepEqual(fields, [
      ['WWW-Authenticate', 'Basic realm="Expose Port", charset="UTF-8"'],
      ['Allow', 'GET, PUT'],
      ['Retry-After', '6'],
    ])
  })
})
