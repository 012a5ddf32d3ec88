import assert from 'node:assert/strict'
import { Failure } from '../../../src/base/failure'
import type { AccessWish } from '../../../src/http/access/accessRules'
import { formatSpan, loosens, readAccess, readSpan, writeAccess } from '../../../src/servers/accessWish'
import { accessFor, readPortWishes } from '../../../src/servers/portWishes'

const whole = {
  ...{ password: true, user: 'me', allow: ['203.0.113.0/24', '::1'], deny: ['203.0.113.9'] },
  ...{ open: ['/webhook', '/hooks/*'], methods: ['GET', 'POST'], closeAfter: '90m' },
}

describe('readAccess', () => {
  it('reads every field, and writes them as they were', () => {
    const read = readAccess(whole)
    assert.ok('value' in read)
    const { closeAfter, ...others } = whole
    assert.deepEqual(read.value, { ...others, closeAfterMs: readSpan(closeAfter) })
    assert.deepEqual(writeAccess(read.value), whole)
    assert.deepEqual(readAccess({}), { value: {} })
    assert.deepEqual(readAccess({ password: false }), { value: { password: false } })
  })

  const wrong: [access: unknown, says: RegExp][] = [
    [null, /must be an object/],
    [true, /must be an object/],
    [['a'], /must be an object/],
    ['password', /must be an object/],
    [{ pasword: true }, /no field "pasword"; the fields are password, user, .* methods and closeAfter$/],
    [{ constructor: 1 }, /no field "constructor"/],
    [{ password: 'hunter22' }, /"password" must be true; .* never in the settings/],
    [{ password: 1 }, /"password" must be true/],
    [{ user: 'me' }, /goes with "password": true/],
    [{ user: 'me', password: false }, /goes with/],
    [{ user: 'a:b', password: true }, /without a colon/],
    [{ user: '', password: true }, /without a colon/],
    [{ allow: [] }, /"allow" must be a list with addresses/],
    [{ allow: '203.0.113.9' }, /must be a list/],
    [{ allow: ['203.0.113.9', 'example.org'] }, /must be a list/],
    [{ allow: ['203.0.113.9', 5] }, /must be a list/],
    [{ deny: ['203.0.113.0/33'] }, /"deny" must be a list/],
    [{ open: ['/*'] }, /"open" must be a list with plain paths/],
    [{ open: ['webhook'] }, /plain paths/],
    [{ methods: ['get'] }, /capital letters/],
    [{ methods: [] }, /capital letters/],
    [{ closeAfter: 60 }, /must be a time/],
    [{ closeAfter: '8d' }, /at most seven days/],
    [{ closeAfter: '0m' }, /must be a time/],
    [{ closeAfter: 'never' }, /must be a time/],
  ]
  for (const [access, says] of wrong) {
    it(`does not read ${JSON.stringify(access)}, and nobody gets in by it`, () => {
      const read = readPortWishes({ '3000': { name: 'a', access }, '3001': { access: { password: true } } })
      assert.equal(read.wishes.get('3000')?.access, 'unreadable')
      assert.equal(read.wishes.get('3000')?.name, 'a')
      assert.deepEqual(accessFor(read, { host: 'localhost', port: 3001 }), { password: true })
      assert.throws(
        () => accessFor(read, { host: 'localhost', port: 3000 }),
        (error) =>
          error instanceof Failure &&
          says.test(error.said ?? '') &&
          error.said?.includes('hunter22') === false,
      )
    })
  }

  it('does not open a port that stands there twice, or whose entry is no object', () => {
    const local = { host: 'localhost', port: 3000 }
    for (const setting of [
      { '3000': {}, 'localhost:3000': { access: { password: true } } },
      { 'localhost:3000': { access: { password: true } }, '3000': {} },
      { '3000': 'password' },
    ])
      assert.throws(() => accessFor(readPortWishes(setting), local), Failure, JSON.stringify(setting))
    assert.deepEqual(accessFor(readPortWishes({ '3001': 5 }), local), {})
  })
})

describe('spans of time', () => {
  for (const text of ['1m', '30m', '1h', '90m', '36h', '7d'])
    it(`${text} is read and written`, () => assert.equal(formatSpan(readSpan(text) ?? 0), text))
  for (const text of ['', '1', 'h', '1 h', '-1h', '1.5h', '169h', '1s', '01h', '1H'])
    it(`${JSON.stringify(text)} is none`, () => assert.equal(readSpan(text), undefined))
})

describe('loosens', () => {
  type Row = [what: string, former: AccessWish, now: AccessWish, loosens: boolean]
  const open = ['/a']
  const rows: Row[] = [
    ['nothing', {}, {}, false],
    [
      'the same',
      { password: true, allow: ['::1'], closeAfterMs: 1 },
      { closeAfterMs: 1, allow: ['::1'], password: true },
      false,
    ],
    ['a password more', {}, { password: true, open }, false],
    ['a password less', { password: true }, {}, true],
    ['a password that is false', { password: true }, { password: false }, true],
    ['an open path more', { password: true }, { password: true, open }, true],
    ['an open path less', { password: true, open }, { password: true }, false],
    ['an open path without a password', {}, { open }, false],
    ['any user', { password: true, user: 'a' }, { password: true }, true],
    ['another user', { password: true, user: 'a' }, { password: true, user: 'b' }, false],
    ['no allow list any more', { allow: ['::1'] }, {}, true],
    ['an address more', { allow: ['::1'] }, { allow: ['::1', '::2'] }, true],
    ['an address less', { allow: ['::1', '::2'] }, { allow: ['::2'] }, false],
    ['a denied one less', { deny: ['::1', '::2'] }, { deny: ['::2'] }, true],
    ['a denied one more', { deny: ['::1'] }, { deny: ['::2', '::1'] }, false],
    ['all methods', { methods: ['GET'] }, {}, true],
    ['fewer methods', {}, { methods: ['GET'] }, false],
    ['a later closing time', { closeAfterMs: 1 }, { closeAfterMs: 2 }, true],
    ['no closing time', { closeAfterMs: 1 }, {}, true],
    ['an earlier one', { closeAfterMs: 2 }, { closeAfterMs: 1 }, false],
    ['one at all', {}, { closeAfterMs: 1 }, false],
  ]
  for (const [what, former, now, is] of rows)
    it(`${what}: ${is ? 'yes' : 'no'}`, () => assert.equal(loosens(former, now), is))
})
