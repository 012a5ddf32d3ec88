import assert from 'node:assert/strict'
import type { Address } from '../../../src/base/address'
import type { TlsEnd } from '../../../src/servers/profile'
import { judgePublicAnswer, type PublicFacts } from '../../../src/tunnels/publicCheck'
import type { PublicAnswer } from '../../../src/tunnels/publicProbe'

const unix: Address = { kind: 'unix', path: '/run/expose/my-app-3000.sock' }
const tcp: Address = { kind: 'tcp', host: '127.0.0.1', port: 8080 }
const nonce = '0123456789abcdef0123456789abcdef'

const answered = (status: number, back?: string): PublicAnswer => ({ kind: 'answered', status, nonce: back })
const error = (code: string, message = code): PublicAnswer => ({ kind: 'error', code, message })

interface Changes extends Partial<Pick<PublicFacts, 'arrived' | 'elsewhere'>> {
  bind?: Address
  publicUrl?: string
  tls?: TlsEnd
}

const judge = (answer: PublicAnswer, { bind = tcp, publicUrl, tls = 'server', ...facts }: Changes = {}) =>
  judgePublicAnswer(answer, {
    way: {
      bind,
      publicUrl: publicUrl ?? 'https://my-app.dev.example.com:8443/a',
      tls,
      proxyProtocol: false,
    },
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

  const open: Address = { kind: 'tcp', host: '0.0.0.0', port: 20001 }
  const elsewhere = { addresses: ['203.0.113.9', '2001:db8::9'], server: '203.0.113.5' }

  describe('where only the tunnel can tell that it was reached', () => {
    for (const tls of ['app', 'here', 'none', 'server'] as const) {
      it(`is content with ${tls} when the nonce arrived, and not without`, () => {
        assert.equal(judge({ kind: 'reached' }, { tls, bind: open, arrived: true }), undefined)
        const failure = judge({ kind: 'reached' }, { tls, bind: open })
        assert.equal(failure?.kind, 'public-url-elsewhere')
        assert.equal(failure.said, undefined)
      })
    }
  })

  it('does not tell a status where there was no HTTP', () => {
    const failure = judge(answered(0), {
      tls: 'none',
      bind: open,
      publicUrl: 'tcp://dev.example.com:20001',
    })
    assert.equal(failure?.kind, 'public-url-elsewhere')
    assert.match(failure.message, /^dev\.example\.com:20001 answers/)
    assert.equal(failure.said, undefined)
  })

  describe('advice for each place where HTTPS ends', () => {
    type Advice = [what: string, answer: PublicAnswer, changes: Changes, kind: string, advice: RegExp]
    const advices: Advice[] = [
      [
        'a proxy that ends HTTPS',
        answered(404),
        { bind: unix },
        'public-url-elsewhere',
        /^Let the reverse proxy pass this name to unix:\/run\/expose\/my-app-3000\.sock\.$/,
      ],
      [
        'a proxy without HTTPS, to a socket',
        answered(404),
        { bind: unix, tls: 'none', publicUrl: 'http://dev.example.com' },
        'public-url-elsewhere',
        /^Let the reverse proxy pass this name to unix:\/run/,
      ],
      [
        'a proxy without HTTPS, to a port',
        answered(301),
        { tls: 'none', publicUrl: 'http://dev.example.com' },
        'public-url-redirects',
        /^Let the reverse proxy pass this name to http:\/\/127\.0\.0\.1:8080\.$/,
      ],
      [
        'a proxy without HTTPS that may not open the socket',
        answered(502),
        { bind: unix, tls: 'none', publicUrl: 'http://dev.example.com' },
        'proxy-cannot-reach-forward',
        /StreamLocalBindMask 0117/,
      ],
      [
        'TLS passed through by name',
        answered(404),
        { bind: unix, tls: 'here', publicUrl: 'https://dev.example.com' },
        'public-url-elsewhere',
        /pass TLS for this name through to unix:\/run.*undecrypted.*ssl_preread/,
      ],
      [
        'TLS passed through to an app',
        { kind: 'reached' },
        { bind: unix, tls: 'app', publicUrl: 'https://dev.example.com' },
        'public-url-elsewhere',
        /ssl_preread/,
      ],
      [
        'HTTPS here, at a port of its own',
        answered(404),
        { bind: open, tls: 'here', publicUrl: 'https://dev.example.com' },
        'public-url-elsewhere',
        /^Port 443 of that name must lead to port 20001 of the server/,
      ],
      [
        'plain HTTP at a port of its own',
        answered(404),
        { bind: open, tls: 'none', publicUrl: 'http://dev.example.com' },
        'public-url-elsewhere',
        /^Port 80 of that name must lead to port 20001/,
      ],
      [
        'plain TCP',
        answered(0),
        { bind: open, tls: 'none', publicUrl: 'tcp://dev.example.com:20002' },
        'public-url-elsewhere',
        /^Port 20002 of that name must lead to port 20001/,
      ],
      [
        'another program with 502 at a port of our own',
        answered(502),
        { bind: open, tls: 'none', publicUrl: 'http://dev.example.com:20001' },
        'public-url-elsewhere',
        /stop what answers there/,
      ],
      ['a proxy that is down', error('ECONNREFUSED'), {}, 'proxy-down', /Start the reverse proxy/],
      [
        'a proxy without HTTPS that is down',
        error('ECONNREFUSED'),
        { tls: 'none', publicUrl: 'http://dev.example.com' },
        'proxy-down',
        /Start the reverse proxy/,
      ],
      [
        'whatever passes TLS through is down',
        error('ECONNREFUSED'),
        { bind: unix, tls: 'here' },
        'proxy-down',
        /Start the reverse proxy/,
      ],
      [
        'a public port that is not open',
        error('ECONNREFUSED'),
        { bind: open, tls: 'none', publicUrl: 'http://dev.example.com:20001' },
        'proxy-down',
        /asked to listen on 0\.0\.0\.0:20001: compare that with "publicUrl".*"GatewayPorts".*firewall/,
      ],
      ['an old one there', error('CERT_HAS_EXPIRED'), {}, 'certificate-expired', /^Renew it on the server/],
      [
        'an old one here',
        error('CERT_HAS_EXPIRED'),
        { tls: 'here' },
        'certificate-expired',
        /a changed file is read at once/,
      ],
      [
        'an old one of the app',
        error('CERT_HAS_EXPIRED'),
        { tls: 'app', arrived: true },
        'certificate-expired',
        /give the app a new one/,
      ],
      [
        'one for another name, of the app',
        error('ERR_TLS_CERT_ALTNAME_INVALID'),
        { tls: 'app', arrived: true },
        'certificate-wrong-name',
        /covers my-app\.dev\.example\.com/,
      ],
    ]
    for (const [what, answer, changes, kind, advice] of advices) {
      it(`${what}: ${kind}`, () => {
        const failure = judge(answer, changes)
        assert.equal(failure?.kind, kind)
        assert.match(failure.advice, advice)
      })
    }
  })

  describe('an app that has to end HTTPS and does not', () => {
    const speechless: PublicAnswer[] = [
      error('EPROTO', 'wrong version number'),
      error('ERR_SSL_WRONG_VERSION_NUMBER'),
      // It closes, since it cannot read what comes.
      error('ECONNRESET', 'socket hang up'),
      error('Error', 'the connection was closed'),
    ]
    for (const answer of speechless) {
      it(`is named after ${answer.kind === 'error' ? answer.message : ''}, once visitors come through`, () => {
        const failure = judge(answer, { tls: 'app', bind: open, arrived: true })
        assert.equal(failure?.kind, 'app-speaks-no-https')
        assert.match(failure.message, /^Visitors of https:.* the app does not answer them with HTTPS/)
        assert.match(failure.advice, /"tls": "here"/)
        assert.equal(failure.said, answer.kind === 'error' ? answer.message : undefined)
        // Whoever answered, it was not the app.
        for (const changes of [{ tls: 'app' }, { tls: 'here', arrived: true }] as const) {
          assert.equal(judge(answer, { bind: open, ...changes })?.kind, 'public-url-unreachable')
        }
      })
    }

    it('is not blamed for a time that ran out', () => {
      const failure = judge(error('ABORT_ERR'), { tls: 'app', bind: open, arrived: true })
      assert.equal(failure?.kind, 'public-url-unreachable')
    })
  })

  describe('a name that points to another machine', () => {
    const anyAnswer: PublicAnswer[] = [
      answered(200),
      answered(301),
      answered(404),
      answered(500),
      answered(0),
      { kind: 'reached' },
      error('ECONNREFUSED', 'connect ECONNREFUSED 203.0.113.9:443'),
      error('CERT_HAS_EXPIRED'),
      error('ERR_TLS_CERT_ALTNAME_INVALID'),
      error('DEPTH_ZERO_SELF_SIGNED_CERT'),
      error('EPROTO'),
      error('ETIMEDOUT'),
    ]
    for (const answer of anyAnswer) {
      const what = answer.kind === 'answered' ? answer.status : answer.kind === 'error' ? answer.code : ''
      it(`is named before what answers there: ${answer.kind} ${what}`, () => {
        const failure = judge(answer, { elsewhere })
        assert.equal(failure?.kind, 'dns-elsewhere')
        assert.equal(
          failure.message,
          'my-app.dev.example.com points to 203.0.113.9, 2001:db8::9, not to the server at 203.0.113.5.',
        )
        assert.equal(failure.said, answer.kind === 'error' ? answer.message : undefined)
        assert.match(failure.advice, /A or AAAA record in DNS point to 203\.0\.113\.5/)
      })
    }

    it('is no reason where a proxy answered, which may stand on a machine of its own', () => {
      for (const status of [502, 503, 504]) {
        assert.equal(judge(answered(status), { elsewhere })?.kind, 'proxy-cannot-reach-forward')
      }
    })

    it('is no reason once the nonce arrived: the visitor came here all the same', () => {
      assert.equal(judge(answered(204, nonce), { elsewhere, arrived: true }), undefined)
      assert.equal(judge({ kind: 'reached' }, { elsewhere, arrived: true }), undefined)
      assert.equal(judge(answered(200), { elsewhere, arrived: true })?.kind, 'public-url-elsewhere')
      assert.equal(judge(error('ECONNRESET'), { elsewhere, arrived: true })?.kind, 'public-url-unreachable')
    })

    it('is no talk of DNS where the URL holds an address', () => {
      for (const publicUrl of ['https://203.0.113.9', 'https://[2001:db8::9]:8443/a']) {
        const failure = judge(answered(404), { publicUrl, elsewhere })
        assert.equal(failure?.kind, 'dns-elsewhere')
        assert.match(failure.message, /is not the address of the server, which was reached at 203\.0\.113\.5/)
        assert.equal(failure.advice, 'Correct "publicUrl".')
      }
    })
  })
})
