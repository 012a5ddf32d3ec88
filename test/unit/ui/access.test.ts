import assert from 'node:assert/strict'
import { Redactor } from '../../../src/base/redactor'
import type { AccessRules, AccessWish } from '../../../src/http/access/accessRules'
import { digestOf } from '../../../src/http/access/basicPassword'
import { newPassword, shortestPassword } from '../../../src/http/access/newPassword'
import { accessRows } from '../../../src/ui/accessRows'
import { AccessSecrets } from '../../../src/ui/accessSecrets'
import { describeAccess } from '../../../src/ui/accessText'
import { CollectedLog } from '../../support/collectedLog'

const at = (hours: number, day = 15) => new Date(2024, 0, day, hours, 40).getTime()
const now = at(14)

describe('describeAccess', () => {
  const digest = digestOf('x')
  const rows: [access: AccessRules | AccessWish | undefined, text: RegExp][] = [
    [undefined, /^$/],
    [{}, /^$/],
    [{ password: false }, /^$/],
    [{ password: true }, /^Password$/],
    [{ password: true, user: 'ada' }, /^Password of ada$/],
    [{ password: { digest }, link: { key: 'k', subject: '1' } }, /^Password$/],
    [{ password: { digest, user: 'ada' } }, /^Password of ada$/],
    [{ password: true, open: ['/webhook'] }, /^Password, but not for \/webhook$/],
    [{ open: ['/webhook'] }, /^$/],
    [{ allow: ['203.0.113.0/24'] }, /^203\.0\.113\.0\/24 only$/],
    [{ allow: ['::1', '::2'], deny: ['::3', '::4', '::5'] }, /^::1 and ::2 only; not ::3 and 2 more$/],
    [{ methods: ['GET', 'POST'] }, /^GET, POST only$/],
    [{ closeAfterMs: 5_400_000 }, /^Closes after 90m$/],
    [{ closesAt: at(15) }, /^Closes at 0?(15|3):40( PM)?$/],
    [{ closesAt: at(15, 16) }, /^Closes at .*16.*40/],
    [{ password: { digest }, allow: ['::1'], closesAt: at(15) }, /^Password; ::1 only; closes at /],
  ]
  for (const [access, text] of rows)
    it(`says ${String(text)}`, () => assert.match(describeAccess(access, now), text))
})

describe('accessRows', () => {
  const topics = (wish: AccessWish, isHttp: boolean) =>
    accessRows(wish, { isHttp, closesAt: undefined, now }).map(({ topic }) => topic)

  it('shows every rule with what holds now', () => {
    const wish = { password: true, open: ['/a', '/b/*'], allow: ['::1'] }
    const rows = accessRows(wish, { isHttp: true, closesAt: at(15), now })
    const text = rows.map(({ label, description }) => `${label}: ${description}`).join('\n')
    for (const part of [
      'Password: set, any user name',
      '/a, /b/*',
      'Allowed addresses: ::1',
      'Denied addresses: none',
    ])
      assert.ok(text.includes(part), text)
    assert.match(text, /Closes: at .*40/)
  })

  it('offers to remove only what there is', () => {
    assert.deepEqual(topics({}, true), ['password', 'open', 'allow', 'deny', 'methods', 'closing', 'share'])
    assert.deepEqual(topics({ password: true }, true).slice(-3), ['share', 'endLinks', 'remove'])
  })

  it('offers for plain TCP only what can be held there', () => {
    assert.deepEqual(topics({}, false), ['allow', 'deny', 'closing'])
    assert.deepEqual(topics({ password: true }, false), ['allow', 'deny', 'closing', 'remove'])
  })
})

describe('newPassword', () => {
  it('gives another each time, long enough and easy to read', () => {
    const some = Array.from({ length: 50 }, newPassword)
    assert.equal(new Set(some).size, 50)
    for (const each of some) assert.match(each, /^(?:[a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/)
    assert.ok(some.every(({ length }) => length >= shortestPassword))
  })
})

describe('AccessSecrets', () => {
  function setUp(workspace = 'file:///w', stored = new Map<string, string>()) {
    const redactor = new Redactor()
    const log = new CollectedLog()
    let isBroken = false
    const act = <T>(what: () => T) =>
      isBroken ? Promise.reject(new Error('no keyring')) : Promise.resolve(what())
    const secrets = new AccessSecrets({
      secrets: {
        get: (key) => act(() => stored.get(key)),
        store: (key, value) => act(() => void stored.set(key, value)),
        delete: (key) => act(() => void stored.delete(key)),
      },
      ...{ workspace, redactor, log },
    })
    return { secrets, stored, redactor, log, breakIt: () => (isBroken = true) }
  }

  it('keeps a password for one port of one workspace, and out of the log', async () => {
    const first = setUp()
    await first.secrets.setPassword('3000', 'correct-horse')
    assert.equal(await first.secrets.password('3001'), undefined)
    assert.equal(await setUp('file:///other', first.stored).secrets.password('3000'), undefined)
    const later = setUp('file:///w', first.stored)
    assert.equal(await later.secrets.password('3000'), 'correct-horse')
    for (const { redactor } of [first, later])
      assert.doesNotMatch(redactor.redact('it is correct-horse'), /correct/)
    await later.secrets.setPassword('3000', undefined)
    assert.equal(await later.secrets.password('3000'), undefined)
  })

  it('makes the key of links once, and another on request', async () => {
    const { secrets, stored } = setUp()
    const key = await secrets.linkKey()
    assert.equal(await secrets.linkKey(), key)
    assert.equal(await setUp('file:///w', stored).secrets.linkKey(), key)
    assert.notEqual(await secrets.renewLinkKey(), key)
    assert.notEqual(await secrets.linkKey(), key)
  })

  it('goes on without a keyring as long as the window is open', async () => {
    const { secrets, breakIt, log } = setUp()
    breakIt()
    await secrets.setPassword('3000', 'correct-horse')
    assert.equal(await secrets.password('3000'), 'correct-horse')
    assert.equal(await secrets.linkKey(), await secrets.linkKey())
    assert.match(log.text, /no keyring/)
    assert.doesNotMatch(log.text, /correct-horse/)
  })
})
