import assert from 'node:assert/strict'
import { afterAttempt, renewalDue } from '../../../src/tls/renewal'

const hour = 3_600_000
const day = 24 * hour
const life = (days: number) => ({ notBefore: 0, notAfter: days * day })

describe('renewal', () => {
  for (const [days, due] of [
    [90, 60],
    [6, 4],
  ] as const) {
    it(`of ${days} days is due at day ${due}`, () => assert.equal(renewalDue(life(days)) / day, due))
  }

  for (const [what, now, wait] of [
    ['with a month left', 60 * day, 12 * hour],
    ['with two days left', 88 * day, 4.8 * hour],
    ['in the last hour', 90 * day - hour, hour],
    ['after the end', 95 * day, hour],
  ] as const) {
    it(`is tried again ${what} after ${wait / hour} h`, () => {
      assert.equal((afterAttempt(life(90), now) - now) / hour, wait / hour)
    })
  }

  it('without a certificate, is tried again after an hour', () => {
    assert.equal(afterAttempt(undefined, 0), hour)
  })
})
