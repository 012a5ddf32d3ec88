import assert from 'node:assert/strict'
import { acmeFailures, RateLimited, type Attempt } from '../../../src/tls/acmeFailures'
import { AcmeProblem, problemOf, retryAfterMs, Unreachable } from '../../../src/tls/acmeProblem'

const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const attempt = {
  hostName: 'bot.dev.example.com',
  directoryUrl: 'https://acme-v02.api.letsencrypt.org/directory',
  now,
}
const urn = (type: string) => `urn:ietf:params:acme:error:${type}`

describe('failures of ACME', () => {
  /** What the check of a name ends with: a problem without an HTTP status of its own. */
  const checks: [type: string, detail: string, kind: string, canHeal: boolean, advice: RegExp][] = [
    ['dns', 'DNS problem: NXDOMAIN looking up A', 'acme-dns', true, /A or AAAA record/],
    ['malformed', 'Could not resolve URL "x"', 'acme-dns', true, /A or AAAA record/],
    ['connection', 'Timeout during connect', 'acme-connection', true, /always comes to port 443/],
    ['unauthorized', 'Failed to connect to 192.0.2.1:443', 'acme-connection', true, /no firewall/],
    ['tls', 'remote error: tls: no application protocol', 'acme-wrong-answer', true, /ends HTTPS/],
    ['unauthorized', 'Incorrect validation certificate', 'acme-wrong-answer', true, /ends HTTPS/],
    ['caa', 'CAA record prevents issuance', 'acme-caa', false, /CAA record/],
    ['brandNew', 'something new', 'acme-order-refused', false, /says tells why/],
  ]
  for (const [type, detail, kind, canHeal, advice] of checks) {
    it(`names what the check of a name ended with: ${type}, ${detail}`, () => {
      const failure = acmeFailures.ordering(problemOf({ type: urn(type), detail }), attempt)
      assert.equal(failure.kind, kind)
      assert.equal(failure.canHeal, canHeal)
      assert.match(failure.advice, advice)
      assert.match(failure.said ?? '', new RegExp(detail.slice(0, 10)))
      assert.match(failure.message, /bot\.dev\.example\.com/)
      assert.match(failure.message, /Let’s Encrypt/)
    })
  }

  const answers: [type: string | undefined, status: number, kind: string, canHeal: boolean][] = [
    ['rejectedIdentifier', 400, 'acme-rejected-name', false],
    ['userActionRequired', 403, 'acme-user-action', false],
    ['externalAccountRequired', 403, 'acme-account-required', false],
    ['invalidContact', 400, 'acme-contact-refused', false],
    ['unsupportedContact', 400, 'acme-contact-refused', false],
    ['unauthorized', 403, 'acme-order-refused', false],
    ['badCSR', 400, 'acme-order-refused', false],
    ['serverInternal', 500, 'acme-server-trouble', true],
    [undefined, 502, 'acme-server-trouble', true],
    [undefined, 404, 'acme-not-a-directory', false],
    [undefined, 429, 'acme-rate-limited', true],
    ['rateLimited', 503, 'acme-rate-limited', true],
  ]
  for (const [type, status, kind, canHeal] of answers) {
    it(`names the answer ${status} ${type ?? 'of no type'}`, () => {
      const failure = acmeFailures.ordering(new AcmeProblem(type, 'its words', { status }), attempt)
      assert.equal(failure.kind, kind)
      assert.equal(failure.canHeal, canHeal)
      assert.match(failure.said ?? '', /its words/)
      assert.equal(failure.hop, 'certificate')
    })
  }

  it('leads to the page where something has to be done', () => {
    const instance = 'https://ca.example.com/agree'
    const facts = { status: 403, instance }
    const failure = acmeFailures.ordering(new AcmeProblem('userActionRequired', 'new terms', facts), attempt)
    assert.match(failure.advice, /https:\/\/ca\.example\.com\/agree/)
  })

  describe('a rate limit', () => {
    const limited = (detail: string, retryAfter?: number) => {
      const failure = acmeFailures.ordering(
        new AcmeProblem('rateLimited', detail, { status: 429, retryAfterMs: retryAfter }),
        attempt,
      )
      assert.ok(failure instanceof RateLimited)
      return failure
    }
    it('ends when Retry-After says', () => {
      const { retryAt, advice } = limited('too many', 90 * 60_000)
      assert.equal(retryAt, now + 90 * 60_000)
      assert.match(advice, /^Try again in 2 hours, after 2026-01-02 04:34 UTC\./)
    })
    it('ends when its words say, if that is later', () => {
      const { retryAt, advice } = limited(
        'too many certificates, retry after 2026-01-05 00:00:00 UTC: see',
        1000,
      )
      assert.equal(retryAt, Date.UTC(2026, 0, 5))
      assert.match(advice, /^Try again in 3 days, after 2026-01-05 00:00 UTC\./)
    })
    it('ends in an hour when nobody says', () => {
      assert.equal(limited('too many').retryAt, now + 3_600_000)
    })
  })

  describe('a directory', () => {
    for (const [code, kind] of [
      ['ENOTFOUND', 'acme-directory-unreachable'],
      ['ECONNREFUSED', 'acme-directory-unreachable'],
      ['SELF_SIGNED_CERT_IN_CHAIN', 'acme-directory-untrusted'],
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'acme-directory-untrusted'],
      ['CERT_HAS_EXPIRED', 'acme-directory-untrusted'],
      ['ERR_TLS_CERT_ALTNAME_INVALID', 'acme-directory-untrusted'],
    ] as const) {
      it(`that ends in ${code}`, () => {
        const failure = acmeFailures.ordering(new Unreachable(code, 'words'), attempt)
        assert.equal(failure.kind, kind)
        assert.equal(failure.canHeal, kind === 'acme-directory-unreachable')
      })
    }
    it('opens the file that should vouch for it', () => {
      const caFile = '/etc/ca.pem'
      const failure = acmeFailures.ordering(new Unreachable('CERT_HAS_EXPIRED', ''), { ...attempt, caFile })
      assert.deepEqual(failure.remedies[0], { do: 'open file', path: caFile })
    })
  })

  it('says that a disk is full', () => {
    const error = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' })
    assert.equal(acmeFailures.ordering(error, attempt).kind, 'certificate-not-stored')
  })

  describe('a name', () => {
    const ownDirectory = 'https://ca.corp.example/acme/directory'
    const names: [name: string, atPublic: boolean, atOwn: boolean][] = [
      ['bot.dev.example.com', true, true],
      ['localhost', false, true],
      ['bot.localhost', false, true],
      ['printer.local', false, true],
      ['nas.home.arpa', false, true],
      ['build7', false, true],
      ['app.internal', false, true],
      ['latest.example.org', true, true],
      ['192.0.2.1', false, false],
      ['2001:db8::1', false, false],
      ['*.dev.example.com', false, false],
    ]
    for (const [hostName, atPublic, atOwn] of names) {
      it(`${hostName} is ${atPublic ? '' : 'not '}ordered from a public authority`, () => {
        const order = (about: Partial<Attempt>) =>
          acmeFailures.cannotBeOrdered({ ...attempt, hostName, ...about })
        assert.equal(order({}) === undefined, atPublic)
        assert.equal(order({ directoryUrl: ownDirectory }) === undefined, atOwn)
        if (!atPublic) assert.match(order({})?.message ?? '', /^No public authority issues/)
      })
    }
    it('is not ordered where others can read along', () => {
      const failure = acmeFailures.cannotBeOrdered({ ...attempt, directoryUrl: 'http://ca.example.com/dir' })
      assert.equal(failure?.kind, 'acme-directory-not-https')
    })
  })
})

describe('a problem document', () => {
  it('is read with its parts', () => {
    const problem = problemOf({
      type: urn('compound'),
      detail: 'Errors',
      subproblems: [{ type: urn('caa'), detail: 'forbidden', identifier: { type: 'dns', value: 'a.com' } }],
    })
    assert.equal(problem.type, 'compound')
    assert.equal(problem.detail, 'Errors a.com: forbidden')
  })
  for (const strange of ['<html>\n  <h1>502</h1>', undefined, null, 7, { type: 5 }, { subproblems: 'x' }]) {
    it(`may be no such thing: ${JSON.stringify(strange)}`, () => {
      assert.equal(problemOf(strange).type, undefined)
    })
  }
  it('of another scheme has no type', () => {
    assert.equal(problemOf({ type: 'about:blank', detail: 'x' }).type, undefined)
  })

  for (const [header, ms] of [
    ['120', 120_000],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60_000],
    ['Fri, 02 Jan 2025 03:05:05 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ] as const) {
    it(`Retry-After: ${header ?? 'nothing'}`, () => assert.equal(retryAfterMs(header, now), ms))
  }
})
