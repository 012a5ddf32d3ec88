import assert from 'node:assert/strict'
import type { Address } from '../../../src/base/address'
import { judgePublicAnswer, type PublicAnswer } from '../../../src/tunnels/publicCheck'

const unix: Address = { kind: 'unix', path: '/run/expose/my-app-3000.sock' }
const tcp: Address = { kind: 'tcp', host: '127.0.0.1', port: 8080 }
const nonce = '0123456789abcdef0123456789abcdef'

const answered = (status: number, back?: string): PublicAnswer => ({ kind: 'answered', status, nonce: back })
const error = (code: string, message = code): PublicAnswer => ({ kind: 'error', code, message })

const judge = (answer: PublicAnswer, facts: { bind?: Address; arrived?: boolean; publicUrl?: string } = {}) =>
  judgePublicAnswer(answer, {
    publicUrl: 'https://my-app.dev.example.com:8443/a',
    bind: tcp,
    nonce,
    arrived: false,
    ...facts,
  })

describe('judgePublicAnswer', () => {
  it('is content when the nonce went through and came back, whatever the status', () => {
    for (const status of [204, 200, 404, 502]) {
      assert.equal(judge(answered(status, nonce), { arrived: true }), undefined)
    }
  })

  type Row = [what: string, answer: PublicAnswer, arrived: boolean, kind: string, says: RegExp]
  const rows: Row[] = [
    // Either half alone proves nothing: a page may echo headers, and a proxy may answer in place of the tunnel.
    [
      'the nonce came back but never arrived',
      answered(204, nonce),
      false,
      'public-url-elsewhere',
      /something else/,
    ],
    ['the nonce arrived but did not come back', answered(200), true, 'public-url-elsewhere', /HTTP 200/],
    [
      'another nonce came back',
      answered(204, 'f'.repeat(32)),
      true,
      'public-url-elsewhere',
      /not from this tunnel/,
    ],
    ['a page', answered(200), false, 'public-url-elsewhere', /my-app\.dev\.example\.com:8443 answers/],
    ['not found', answered(404), false, 'public-url-elsewhere', /HTTP 404/],
    ['a password question', answered(401), false, 'public-url-elsewhere', /HTTP 401/],
    ['an error of the server', answered(500), false, 'public-url-elsewhere', /HTTP 500/],
    ['a redirect', answered(301), false, 'public-url-redirects', /redirects/],
    ['another redirect', answered(308), false, 'public-url-redirects', /HTTP 308/],
    [
      'a proxy without its way',
      answered(502),
      false,
      'proxy-cannot-reach-forward',
      /does not reach 127\.0\.0\.1:8080/,
    ],
    ['a proxy that is busy', answered(503), false, 'proxy-cannot-reach-forward', /HTTP 503/],
    [
      'a proxy that waited too long',
      answered(504),
      false,
      'proxy-cannot-reach-forward',
      /http:\/\/127\.0\.0\.1:8080/,
    ],
    [
      'no such name',
      error('ENOTFOUND'),
      false,
      'public-name-not-found',
      /A or AAAA.*my-app\.dev\.example\.com that/,
    ],
    ['no name server', error('EAI_AGAIN'), false, 'public-name-not-found', /does not exist in DNS/],
    [
      'refused',
      error('ECONNREFUSED'),
      false,
      'proxy-down',
      /Nothing listens at my-app\.dev\.example\.com:8443/,
    ],
    ['an old certificate', error('CERT_HAS_EXPIRED'), false, 'certificate-expired', /Renew/],
    [
      'a certificate for others',
      error('ERR_TLS_CERT_ALTNAME_INVALID'),
      false,
      'certificate-wrong-name',
      /another name/,
    ],
    [
      'a self-made certificate',
      error('DEPTH_ZERO_SELF_SIGNED_CERT'),
      false,
      'certificate-untrusted',
      /not trusted/,
    ],
    [
      'a self-made root',
      error('SELF_SIGNED_CERT_IN_CHAIN'),
      false,
      'certificate-untrusted',
      /public authority/,
    ],
    ['half a chain', error('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), false, 'certificate-untrusted', /whole chain/],
    [
      'no issuer here',
      error('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'),
      false,
      'certificate-untrusted',
      /not trusted/,
    ],
    ['no issuer', error('UNABLE_TO_GET_ISSUER_CERT'), false, 'certificate-untrusted', /not trusted/],
    ['a reset', error('ECONNRESET', 'socket hang up'), false, 'public-url-unreachable', /socket hang up/],
    ['no route', error('EHOSTUNREACH'), false, 'public-url-unreachable', /firewall/],
    ['a time-out of the kernel', error('ETIMEDOUT'), false, 'public-url-unreachable', /could not be reached/],
    [
      'no answer in time',
      error('ABORT_ERR', 'The operation was aborted'),
      false,
      'public-url-unreachable',
      /within 10 s/,
    ],
    ['something new', error('E_NEW', 'never heard of'), false, 'public-url-unreachable', /never heard of/],
  ]
  for (const [what, answer, arrived, kind, says] of rows) {
    it(`${what}: ${kind}`, () => {
      const failure = judge(answer, { arrived })
      assert.ok(failure)
      assert.equal(failure.kind, kind)
      assert.equal(failure.hop, 'public URL')
      assert.match(`${failure.message} ${failure.said ?? ''} ${failure.advice}`, says)
      assert.equal(failure.canHeal, true)
      assert.ok(failure.remedies.some((remedy) => remedy.do === 'retry'))
    })
  }

  it('tells the reverse proxy’s way to a unix socket', () => {
    assert.match(
      judge(answered(502), { bind: unix })?.advice ?? '',
      /unix:\/run\/expose\/my-app-3000\.sock.*StreamLocalBindMask/,
    )
    assert.match(judge(answered(404), { bind: unix })?.advice ?? '', /unix:\/run\/expose\/my-app-3000\.sock/)
  })

  it('does not name a port that is not in the URL', () => {
    assert.match(
      judge(answered(404), { publicUrl: 'https://dev.example.com' })?.message ?? '',
      /^dev\.example\.com answers/,
    )
  })
})
