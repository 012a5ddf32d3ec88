import assert from 'node:assert/strict'
import type { AccessRules } from '../../../../src/http/access/accessRules'
import { digestOf } from '../../../../src/http/access/basicPassword'
import {
  decideAccess,
  decideVisitor,
  withoutGateWords,
  type AccessDecision,
  type AccessFacts,
} from '../../../../src/http/access/decideAccess'
import { linkCookie, makeToken, newLinkKey } from '../../../../src/http/access/shareLink'
import type { Field } from '../../../../src/http/field'

const now = 1_700_000_000_000
const hour = 3_600_000
const link = { key: newLinkKey(), subject: '3000' }
const password = { digest: digestOf('swordfish é') }
const basic = (text: string): Field => ['Authorization', `Basic ${Buffer.from(text).toString('base64')}`]
const right = basic('anyone:swordfish é')
const wrong = basic('anyone:swordfish')
const token = makeToken(link, { expiresAt: now + hour })
const expired = makeToken(link, { expiresAt: now - 1000 })
const forged = makeToken({ ...link, key: newLinkKey() }, { expiresAt: now + hour })
const ofAnotherPort = makeToken({ ...link, subject: '4000' }, { expiresAt: now + hour })
const cookieOf = (each: string) =>
  linkCookie(each, { signer: link, seconds: 1, isSecure: true }).replace(/;.*$/, '')

function decide(rules: AccessRules, facts: Partial<AccessFacts> = {}): AccessDecision {
  return decideAccess(rules, {
    ...{ method: 'GET', target: '/a?b', fields: [], isUpgrade: false, address: '203.0.113.9' },
    ...{ publicUrl: 'https://bot.dev.example.com:8443', now, waitMs: 0 },
    ...facts,
  })
}

/** In a few words. */
function brief(decision: AccessDecision): string {
  switch (decision.kind) {
    case 'let in':
      return `in ${decision.target} ${decision.fields.map(([, value]) => value).join('|')}`.trim()
    case 'refuse':
      return `refused: ${Object.values(decision.refusal).join(' ')}`
    case 'ask':
      return `asked ${decision.guess}${decision.delayMs > 0 ? ' later' : ''}`
    case 'redirect':
      return `to ${decision.location}`
  }
}

describe('decideAccess', () => {
  type Row = [what: string, rules: AccessRules, facts: Partial<AccessFacts>, is: string]
  const rows: Row[] = [
    ['no rules', {}, {}, 'in /a?b'],
    ['no rules, and what belongs to the app', {}, { fields: [right] }, `in /a?b ${right[1]}`],
    ['a password, and none is brought', { password }, {}, 'asked none'],
    ['the right one', { password }, { fields: [right] }, 'in /a?b'],
    [
      'the right one in small letters of the scheme',
      { password },
      { fields: [[right[0], right[1].replace('Basic', 'basic')]] },
      'in /a?b',
    ],
    [
      'the right one, typed in another way',
      { password },
      { fields: [basic('x:swordfish e\u0301')] },
      'in /a?b',
    ],
    ['the right one, with no user', { password }, { fields: [basic(':swordfish é')] }, 'in /a?b'],
    ['a wrong one', { password }, { fields: [wrong] }, 'asked wrong'],
    [
      'a wrong one of an unknown visitor takes its time',
      { password },
      { fields: [wrong], address: '' },
      'asked wrong later',
    ],
    [
      'the right one of an unknown visitor does not',
      { password },
      { fields: [right], address: '' },
      'in /a?b',
    ],
    ['the right one twice', { password }, { fields: [right, right] }, 'asked wrong'],
    ['the password in place of the user', { password }, { fields: [basic('swordfish é')] }, 'asked wrong'],
    ['the right one with more after it', { password }, { fields: [basic('a:swordfish é ')] }, 'asked wrong'],
    ['another scheme', { password }, { fields: [['Authorization', 'Bearer swordfish']] }, 'asked none'],
    ['no Base64', { password }, { fields: [['Authorization', 'Basic é!']] }, 'asked wrong'],
    ['nothing in Basic', { password }, { fields: [['Authorization', 'Basic ']] }, 'asked wrong'],
    [
      'the user that is asked for',
      { password: { ...password, user: 'anna' } },
      { fields: [basic('anna:swordfish é')] },
      'in /a?b',
    ],
    ['another user', { password: { ...password, user: 'anna' } }, { fields: [right] }, 'asked wrong'],
    ['too many tries', { password }, { fields: [wrong], waitMs: 5000 }, 'refused: too many tries 5000'],
    [
      'too many tries, then the right one: not looked at',
      { password },
      { fields: [right], waitMs: 5000 },
      'refused: too many tries 5000',
    ],
    ['too many tries, then none', { password }, { waitMs: 5000 }, 'asked none'],
    [
      'too many tries, with a cookie',
      { password, link },
      { fields: [right, ['Cookie', cookieOf(token)]], waitMs: 1 },
      'in /a?b',
    ],
    [
      'Authorization of the app on an open path',
      { password, open: ['/a'] },
      { fields: [wrong] },
      `in /a?b ${wrong[1]}`,
    ],
    ['ours on an open path', { password, open: ['/a'] }, { fields: [right] }, 'in /a?b'],
    [
      'too many tries on an open path: not looked at, and not passed on',
      { password, open: ['/a'] },
      { fields: [right], waitMs: 1 },
      'in /a?b',
    ],
    [
      'Bearer on an open path under too many tries',
      { password, open: ['/a'] },
      { fields: [['Authorization', 'Bearer x']], waitMs: 1 },
      'in /a?b Bearer x',
    ],

    ['an address that is allowed', { allow: ['203.0.113.0/24'] }, {}, 'in /a?b'],
    ['one that is not', { allow: ['198.51.100.1'] }, {}, 'refused: address 203.0.113.9'],
    ['one that is denied', { deny: ['203.0.113.9'] }, {}, 'refused: address 203.0.113.9'],
    [
      'one that is both',
      { allow: ['203.0.113.0/24'], deny: ['203.0.113.8/30'] },
      {},
      'refused: address 203.0.113.9',
    ],
    [
      'an unknown one where some are allowed',
      { allow: ['0.0.0.0/0'] },
      { address: '' },
      'refused: address unknown',
    ],
    [
      'an unknown one where some are denied',
      { deny: ['198.51.100.1'] },
      { address: '' },
      'refused: address unknown',
    ],
    [
      'an address rule before a password',
      { allow: ['198.51.100.1'], password },
      { fields: [right] },
      'refused: address 203.0.113.9',
    ],
    [
      'an address rule on an open path',
      { allow: ['198.51.100.1'], password, open: ['/a'] },
      {},
      'refused: address 203.0.113.9',
    ],
    ['IPv6', { allow: ['2001:db8::/32'] }, { address: '2001:db8:1::5' }, 'in /a?b'],
    ['IPv4 in IPv6', { allow: ['203.0.113.0/24'] }, { address: '::ffff:cb00:7109' }, 'in /a?b'],
    [
      'IPv4 in IPv6 that is denied',
      { deny: ['203.0.113.9'] },
      { address: '::ffff:203.0.113.9' },
      'refused: address ::ffff:203.0.113.9',
    ],

    ['a method that is allowed', { methods: ['GET', 'POST'] }, { method: 'POST' }, 'in /a?b'],
    ['one that is not', { methods: ['GET', 'POST'] }, { method: 'DELETE' }, 'refused: method GET,POST,HEAD'],
    ['HEAD where GET is allowed', { methods: ['GET'] }, { method: 'HEAD' }, 'in /a?b'],
    ['HEAD where it is not', { methods: ['POST'] }, { method: 'HEAD' }, 'refused: method POST'],
    [
      'a method in small letters is another one',
      { methods: ['GET'] },
      { method: 'get' },
      'refused: method GET,HEAD',
    ],
    [
      'a method in a field',
      { methods: ['POST'] },
      { method: 'POST', fields: [['X-HTTP-Method-Override', 'delete']] },
      'refused: method POST',
    ],
    [
      'an allowed one in a field',
      { methods: ['POST', 'PUT'] },
      { method: 'POST', fields: [['X-HTTP-Method-Override', 'put']] },
      'in /a?b put',
    ],
    [
      'a method rule on an open path',
      { methods: ['GET'], open: ['/a'], password },
      { method: 'POST' },
      'refused: method GET,HEAD',
    ],

    ['before the closing time', { closesAt: now + 1 }, {}, 'in /a?b'],
    ['at the closing time', { closesAt: now }, {}, 'refused: closing time'],
    [
      'the closing time before all else',
      { closesAt: now, allow: ['::1'], password, link },
      { fields: [right] },
      'refused: closing time',
    ],

    [
      'a link',
      { password, link },
      { target: `/a?x=1&expose-port-link=${token}&y` },
      'to https://bot.dev.example.com:8443/a?x=1&y',
    ],
    [
      'a link to the root',
      { password, link },
      { target: `/?expose-port-link=${token}` },
      'to https://bot.dev.example.com:8443/',
    ],
    [
      'a link to a target that looks like a host',
      { password, link },
      { target: `//evil.example/?expose-port-link=${token}` },
      'to https://bot.dev.example.com:8443//evil.example/',
    ],
    [
      'a link with HEAD',
      { password, link },
      { method: 'HEAD', target: `/?expose-port-link=${token}` },
      'to https://bot.dev.example.com:8443/',
    ],
    [
      'a link with POST',
      { password, link },
      { method: 'POST', target: `/?expose-port-link=${token}` },
      'in /',
    ],
    [
      'a link with an upgrade',
      { password, link },
      { isUpgrade: true, target: `/ws?expose-port-link=${token}` },
      'in /ws',
    ],
    ['a link where there is no password', { link }, { target: `/?expose-port-link=${token}&a` }, 'in /?a'],
    [
      'an expired link',
      { password, link },
      { target: `/?expose-port-link=${expired}` },
      'refused: link expired',
    ],
    ['a forged link', { password, link }, { target: `/?expose-port-link=${forged}` }, 'refused: link forged'],
    [
      'a link for another port',
      { password, link },
      { target: `/?expose-port-link=${ofAnotherPort}` },
      'refused: link forged',
    ],
    ['nonsense for a link', { password, link }, { target: '/?expose-port-link' }, 'refused: link forged'],
    [
      'a link where there are none',
      { password },
      { target: `/?expose-port-link=${token}` },
      'refused: link forged',
    ],
    [
      'an expired link and the password',
      { password, link },
      { target: `/?expose-port-link=${expired}`, fields: [right] },
      'in /',
    ],
    [
      'an expired link and a wrong password',
      { password, link },
      { target: `/?expose-port-link=${expired}`, fields: [wrong] },
      'asked wrong',
    ],
    [
      'an expired link and a cookie',
      { password, link },
      { target: `/?expose-port-link=${expired}`, fields: [['Cookie', cookieOf(token)]] },
      'in /',
    ],
    [
      'an expired link on an open path',
      { password, link, open: ['/hook'] },
      { target: `/hook?expose-port-link=${expired}` },
      'in /hook',
    ],
    [
      'two links of which one is right',
      { password, link },
      { target: `/?expose-port-link=${forged}&expose-port-link=${token}` },
      'to https://bot.dev.example.com:8443/',
    ],
    [
      'a link does not lift an address rule',
      { password, link, deny: ['203.0.113.9'] },
      { target: `/?expose-port-link=${token}` },
      'refused: address 203.0.113.9',
    ],

    ['a cookie', { password, link }, { fields: [['cookie', cookieOf(token)]] }, 'in /a?b'],
    [
      'a cookie among others, which stay',
      { password, link },
      { fields: [['Cookie', `a=1;  ${cookieOf(token)}; b="2;"`]] },
      'in /a?b a=1; b="2;"',
    ],
    ['an expired cookie', { password, link }, { fields: [['Cookie', cookieOf(expired)]] }, 'asked none'],
    ['a forged cookie', { password, link }, { fields: [['Cookie', cookieOf(forged)]] }, 'asked none'],
    [
      'a cookie of another port',
      { password, link },
      { fields: [['Cookie', cookieOf(ofAnotherPort)]] },
      'asked none',
    ],
    [
      'a cookie of ours on an open path',
      { password, link, open: ['/a'] },
      { fields: [['Cookie', `x; ${cookieOf(expired)}`]] },
      'in /a?b x',
    ],
    [
      'a cookie of ours where there are no rules any more',
      {},
      {
        fields: [
          ['Cookie', cookieOf(token)],
          ['Cookie', 'b'],
        ],
      },
      'in /a?b b',
    ],
    [
      'cookies that are none of ours, byte for byte',
      { password, link, open: ['/a'] },
      { fields: [['COOKIE', ' a=1 ;;b']] },
      'in /a?b  a=1 ;;b',
    ],
  ]
  for (const [what, rules, facts, is] of rows) it(what, () => assert.equal(brief(decide(rules, facts)), is))

  it('gives the cookie of a link for as long as the link is valid, for HTTPS only where there is HTTPS', () => {
    const target = `/?expose-port-link=${token}`
    const given = (publicUrl: string) => {
      const decision = decide({ password, link }, { target, publicUrl })
      return decision.kind === 'redirect' ? decision.cookie : assert.fail(decision.kind)
    }
    const attributes = `Path=/; Max-Age=3600; HttpOnly; SameSite=Lax`
    assert.equal(given('https://x.example'), `${cookieOf(token)}; ${attributes}; Secure`)
    assert.equal(given('http://x.example'), `${cookieOf(token)}; ${attributes}`)
  })

  it('touches nothing of a request that has nothing of the gate', () => {
    const fields: Field[] = [right, ['Cookie', 'a=1']]
    const decision = decide({}, { fields })
    assert.ok(decision.kind === 'let in')
    assert.equal(decision.fields, fields)
  })
})

describe('withoutGateWords', () => {
  it('takes out our password, cookie and token, and nothing of the app', () => {
    const fields: Field[] = [right, ['Cookie', `a=1; ${cookieOf(token)}`], ['X', 'y']]
    const target = `/a?expose-port-link=${token}&b`
    assert.deepEqual(withoutGateWords({ target, fields }, { password, link }), {
      target: '/a?b',
      fields: [
        ['Cookie', 'a=1'],
        ['X', 'y'],
      ],
    })
    assert.deepEqual(withoutGateWords({ target: '/', fields: [wrong] }, { password }).fields, [wrong])
    assert.deepEqual(withoutGateWords({ target: '/', fields: [right] }, {}).fields, [right])
  })
})

describe('paths that stay open', () => {
  const open = ['/webhook', '/hooks/*', '/a.b/c-d_e~', '/.well-known/x']
  const isOpen = (target: string, fields: Field[] = []) =>
    decide({ password, open }, { target, fields }).kind === 'let in'

  for (const target of [
    ...[
      '/webhook',
      '/webhook?',
      '/webhook?a=../..',
      '/webhook?a?b//',
      '/hooks/',
      '/hooks/a',
      '/hooks/a/b',
      '/hooks/a.b',
    ],
    ...['/hooks/..a', '/hooks/...', '/a.b/c-d_e~', '/.well-known/x', "/hooks/a,b:c@d!e$f&g'h(i)j*k+l=m"],
  ]) {
    it(`lets in ${target}`, () => assert.equal(isOpen(target), true))
  }

  for (const target of [
    ...['/', '/webhook/', '/webhooks', '/Webhook', '/WEBHOOK', '/hooks', '/xhooks/a', '/hooks*', '*', ''],
    ...[
      '/webhook/../admin',
      '/webhook/..',
      '/hooks/../admin',
      '/hooks/a/../../admin',
      '/hooks/..',
      '/hooks/.',
      '/hooks/./a',
    ],
    ...['/hooks//admin', '//webhook', '//hooks/a', '/hooks//', '/./webhook', '/admin/../webhook'],
    ...[
      '/hooks/%2e%2e/admin',
      '/hooks/%2E%2E/admin',
      '/hooks/..%2fadmin',
      '/hooks/a%2F..%2Fadmin',
      '/hooks/%',
      '/%77ebhook',
    ],
    ...[
      '/hooks/%5c..',
      '/hooks/..\\admin',
      '/hooks\\a',
      '/hooks/..;/admin',
      '/hooks/a;b',
      '/webhook;x=1',
      '/webhook#a',
    ],
    ...[
      '/hooks/a b',
      '/hooks/\u00e9',
      '/hooks/\t',
      '/webhook\0',
      '/hooks/%252e%252e/admin',
      'http://x/webhook',
      '/hooks/"',
    ],
  ]) {
    it(`asks for the password at ${JSON.stringify(target)}`, () => assert.equal(isOpen(target), false))
  }

  for (const name of ['X-Original-URL', 'x-rewrite-url', 'X-Original-URI']) {
    it(`asks for the password where ${name} may lead elsewhere`, () =>
      assert.equal(isOpen('/webhook', [[name, '/admin']]), false))
  }
})

describe('decideVisitor', () => {
  const facts = { address: '203.0.113.9', now }
  it('holds addresses and the closing time', () => {
    assert.equal(decideVisitor({}, facts), undefined)
    assert.equal(decideVisitor({ allow: ['203.0.113.9'], closesAt: now + 1 }, facts), undefined)
    assert.equal(decideVisitor({ deny: ['203.0.113.9'] }, facts)?.why, 'address')
    assert.equal(decideVisitor({ allow: ['203.0.113.9'] }, { ...facts, address: '' })?.why, 'address unknown')
    assert.equal(decideVisitor({ closesAt: now }, facts)?.why, 'closing time')
  })

  it('lets nobody in where a rule cannot be held', () => {
    assert.equal(decideVisitor({ password }, facts)?.why, 'needs HTTP')
    assert.equal(decideVisitor({ methods: ['GET'] }, facts)?.why, 'needs HTTP')
  })
})
