import assert from 'node:assert/strict'
import type { Address } from '../../../src/base/address'
import type { Failure, Hop } from '../../../src/base/failure'
import { failures, isAuthenticationError, isFatal, isTooManyTries } from '../../../src/ssh/failures'
import type { KnownHost } from '../../../src/ssh/knownHosts'
import { fingerprint } from '../../../src/ssh/publicKey'
import { parseSshG, settingsFromOptions } from '../../../src/ssh/sshConfig'
import { publicKey } from './fixture'

const settings = settingsFromOptions({ host: 'dev.example.com', user: 'ada', port: 2222 }, parseSshG(''))
const withCode = (message: string, code: string, level?: string) =>
  Object.assign(new Error(message), { code, ...(level === undefined ? {} : { level }) })

/** What every failure owes a person. */
function assertComplete(failure: Failure): void {
  assert.match(failure.message, /\.$/)
  assert.match(failure.advice, /\w/)
  assert.ok(failure.kind !== '')
}

describe('failures.connecting', () => {
  // As Node and ssh2 1.17 say them.
  const refused = withCode('connect ECONNREFUSED 192.0.2.7:2222', 'ECONNREFUSED')
  const bothRefused = Object.assign(
    new AggregateError([refused, withCode('connect ECONNREFUSED ::1:2222', 'ECONNREFUSED')], ''),
    { code: 'ECONNREFUSED' },
  )
  const rows: [error: unknown, hop: Hop, kind: string, hopOfFailure: Hop, says: RegExp][] = [
    [
      withCode('getaddrinfo ENOTFOUND dev.example.com', 'ENOTFOUND'),
      'DNS',
      'name-not-found',
      'DNS',
      /dev\.example\.com/,
    ],
    [
      withCode('getaddrinfo EAI_AGAIN dev.example.com', 'EAI_AGAIN'),
      'DNS',
      'name-not-found',
      'DNS',
      /EAI_AGAIN/,
    ],
    [
      withCode('getaddrinfo ENOTFOUND dev.example.com', 'ENOTFOUND'),
      'TCP',
      'name-not-found',
      'DNS',
      /ENOTFOUND/,
    ],
    [refused, 'TCP', 'server-refused-connection', 'TCP', /dev\.example\.com:2222.*ECONNREFUSED/s],
    [bothRefused, 'TCP', 'server-refused-connection', 'TCP', /192\.0\.2\.7:2222; connect ECONNREFUSED ::1/],
    [
      withCode('connect ETIMEDOUT 192.0.2.7:22', 'ETIMEDOUT'),
      'TCP',
      'server-unreachable',
      'TCP',
      /ETIMEDOUT/,
    ],
    [
      withCode('connect EHOSTUNREACH 192.0.2.7', 'EHOSTUNREACH'),
      'TCP',
      'server-unreachable',
      'TCP',
      /firewall/,
    ],
    [
      withCode('connect ENETUNREACH 2001:db8::7', 'ENETUNREACH'),
      'TCP',
      'server-unreachable',
      'TCP',
      /ENETUNREACH/,
    ],
    [
      withCode('read ECONNRESET', 'ECONNRESET', 'client-socket'),
      'SSH handshake',
      'handshake-failed',
      'SSH handshake',
      /ECONNRESET/,
    ],
    [
      new Error('the server closed the connection'),
      'SSH handshake',
      'handshake-failed',
      'SSH handshake',
      /closed/,
    ],
    [
      Object.assign(new Error('Handshake failed: no matching key exchange algorithm'), {
        level: 'handshake',
      }),
      ...(['SSH handshake', 'handshake-failed', 'SSH handshake', /no matching key exchange/] as const),
    ],
    [
      new Error('Invalid identification string'),
      'SSH handshake',
      'handshake-failed',
      'SSH handshake',
      /SSH server/,
    ],
    ['a text', 'SSH handshake', 'handshake-failed', 'SSH handshake', /a text/],
    [undefined, 'SSH handshake', 'handshake-failed', 'SSH handshake', /no SSH connection/],
  ]
  for (const [error, hop, kind, expectedHop, says] of rows) {
    const text = error instanceof Error ? error.message || error.name : String(error)
    it(`${text} at ${hop}: ${kind}`, () => {
      const failure = failures.connecting(error, hop, settings)
      assert.equal(failure.kind, kind)
      assert.equal(failure.hop, expectedHop)
      assert.match(`${failure.message} ${failure.said ?? ''} ${failure.advice}`, says)
      assert.equal(failure.canHeal, true, 'what the network did may pass')
      assert.equal(failure.cause, error)
      assertComplete(failure)
    })
  }

  it('keeps a failure that is one already', () => {
    const failure = failures.hostKeyDeclined(settings)
    assert.equal(failures.connecting(failure, 'TCP', settings), failure)
  })
})

describe('failures.timedOut', () => {
  const rows: [Hop, string][] = [
    ['DNS', 'server-unreachable'],
    ['TCP', 'server-unreachable'],
    ['SSH handshake', 'handshake-timed-out'],
    ['authentication', 'handshake-timed-out'],
  ]
  for (const [hop, kind] of rows) {
    it(`at ${hop}: ${kind}, with the seconds that were waited`, () => {
      const failure = failures.timedOut(hop, settings)
      assert.deepEqual([failure.kind, failure.hop], [kind, hop])
      assert.match(failure.message, /dev\.example\.com:2222.* within 15 s\.$/)
      assertComplete(failure)
    })
  }
})

describe('failures of the host key', () => {
  const known: KnownHost = {
    ...{
      marker: 'none',
      matches: () => true,
      key: publicKey('rsa-b'),
      file: '/home/ada/.ssh/known_hosts',
      line: 7,
    },
  }
  const key = publicKey('ed25519-a')

  it('changed: both fingerprints, the line that stands against it, and that nothing was sent', () => {
    const failure = failures.hostKeyRefused({ kind: 'refuse', reason: 'changed', known }, key, settings)
    assert.equal(failure.kind, 'host-key-changed')
    assert.match(failure.message, /Nothing was sent/)
    for (const part of [
      fingerprint(key),
      fingerprint(known.key),
      'line 7',
      known.file,
      'ssh-ed25519',
      'ssh-rsa',
    ]) {
      assert.ok(failure.said?.includes(part), part)
    }
    assert.deepEqual(failure.remedies, [{ do: 'open file', path: known.file, line: 7 }])
    assert.ok(!failure.remedies.some((remedy) => remedy.do === 'retry'), 'trying again is no remedy')
  })

  it('revoked: where', () => {
    const failure = failures.hostKeyRefused({ kind: 'refuse', reason: 'revoked', known }, key, settings)
    assert.equal(failure.kind, 'host-key-revoked')
    assert.match(failure.said ?? '', /line 7/)
  })

  it('unknown: the fingerprint, and the file it would stand in', () => {
    const failure = failures.hostKeyRefused({ kind: 'refuse', reason: 'unknown' }, key, settings)
    assert.equal(failure.kind, 'host-key-unknown')
    assert.ok(failure.said?.includes(fingerprint(key)))
    assert.ok(failure.advice.includes(settings.userKnownHostsFiles[0] ?? '-'))
    const none = failures.hostKeyRefused({ kind: 'refuse', reason: 'unknown' }, key, {
      ...settings,
      userKnownHostsFiles: [],
    })
    assert.match(none.advice, /known_hosts/)
  })

  it('never heals by itself: a person has to look', () => {
    for (const decision of [
      { kind: 'refuse', reason: 'changed', known },
      { kind: 'refuse', reason: 'revoked', known },
      { kind: 'refuse', reason: 'unknown' },
    ] as const) {
      const failure = failures.hostKeyRefused(decision, key, settings)
      assert.deepEqual([failure.canHeal, failure.hop], [false, 'host key'])
      assertComplete(failure)
    }
    assert.equal(failures.hostKeyDeclined(settings).canHeal, false)
  })
})

describe('failures.authentication', () => {
  const facts = { tried: ['/k', 'password'], methodsLeft: ['publickey'], tooMany: false }

  it('says what was tried and what the server takes', () => {
    const failure = failures.authentication(settings, facts)
    assert.equal(failure.kind, 'authentication-refused')
    assert.match(failure.message, /ada@dev\.example\.com .* Tried: \/k, password\.$/)
    assert.equal(failure.said, 'It accepts: publickey.')
    assert.equal(failure.canHeal, false)
    assertComplete(failure)
  })

  it('says that no key was found, and nothing of the server where it said nothing', () => {
    const failure = failures.authentication(settings, { ...facts, tried: [], methodsLeft: [] })
    assert.match(failure.message, /no key file or agent key was found/)
    assert.equal(failure.said, undefined)
  })

  it('too many keys: how to name the right one', () => {
    const failure = failures.authentication(settings, { ...facts, tooMany: true })
    assert.equal(failure.kind, 'too-many-authentication-tries')
    assert.match(failure.advice, /IdentitiesOnly/)
  })
})

describe('failures.forwardRefused', () => {
  const tcp: Address = { kind: 'tcp', host: '127.0.0.1', port: 8080 }
  const low: Address = { kind: 'tcp', host: '127.0.0.1', port: 443 }
  const any: Address = { kind: 'tcp', host: '127.0.0.1', port: 0 }
  const unix: Address = { kind: 'unix', path: '/run/expose/a.sock' }
  // The texts of serverloop.c and channels.c.
  const rows: [bind: Address, said: string[], kind: string, canHeal: boolean, advice: RegExp][] = [
    [tcp, ['Server has disabled port forwarding.'], 'forwarding-disabled', false, /AllowTcpForwarding/],
    [
      unix,
      ['Server has disabled streamlocal forwarding.'],
      'forwarding-disabled',
      false,
      /AllowStreamLocalForwarding/,
    ],
    [tcp, ['port forwarding refused'], 'forward-not-permitted', false, /PermitListen/],
    [unix, ['port forwarding refused'], 'forward-not-permitted', false, /permitlisten=/],
    [tcp, ['noise', 'port forwarding refused'], 'forward-not-permitted', false, /PermitListen/],
    [tcp, [], 'forward-address-taken', true, /ClientAliveInterval/],
    [any, [], 'forward-address-taken', true, /another port/],
    [low, [], 'forward-address-taken', true, /below 1024/],
    [unix, [], 'forward-address-taken', true, /StreamLocalBindUnlink/],
    [
      tcp,
      ['Forwarding listen address "127.0.0.1" overridden by server GatewayPorts'],
      'forward-address-taken',
      true,
      /holds the port/,
    ],
  ]
  for (const [bind, said, kind, canHeal, advice] of rows) {
    it(`${bind.kind} ${bind.kind === 'tcp' ? bind.port : ''}, “${said.join('; ')}”: ${kind}`, () => {
      const failure = failures.forwardRefused(bind, said, settings)
      assert.deepEqual([failure.kind, failure.canHeal, failure.hop], [kind, canHeal, 'remote forward'])
      assert.match(failure.advice, advice)
      assert.equal(failure.said, said.length === 0 ? undefined : said.join(' '))
      assertComplete(failure)
    })
  }
})

describe('failures.lost', () => {
  it('says why, and heals', () => {
    const failure = failures.lost(settings, withCode('read ECONNRESET', 'ECONNRESET'))
    assert.deepEqual(
      [failure.kind, failure.hop, failure.said, failure.canHeal],
      ['connection-lost', 'connection', 'read ECONNRESET', true],
    )
    assert.equal(failures.lost(settings, undefined).said, undefined)
  })
})

describe('what ssh2 says', () => {
  const error = (message: string, level?: string) =>
    Object.assign(new Error(message), level === undefined ? {} : { level })
  const rows: [Error, { tooMany: boolean; fatal: boolean; authentication: boolean }][] = [
    [
      error('All configured authentication methods failed', 'client-authentication'),
      { tooMany: false, fatal: true, authentication: true },
    ],
    [
      error('Received disconnect from peer: Too many authentication failures', 'handshake'),
      { tooMany: true, fatal: true, authentication: false },
    ],
    [error('Agent key #2 failed', 'agent'), { tooMany: false, fatal: false, authentication: false }],
    [error('read ECONNRESET', 'client-socket'), { tooMany: false, fatal: true, authentication: false }],
    [error('no level'), { tooMany: false, fatal: true, authentication: false }],
  ]
  for (const [said, expected] of rows) {
    it(said.message, () =>
      assert.deepEqual(
        { tooMany: isTooManyTries(said), fatal: isFatal(said), authentication: isAuthenticationError(said) },
        expected,
      ),
    )
  }

  it('takes whatever is thrown', () => {
    for (const thrown of [undefined, null, 'x', 1, {}, { level: 3 }]) {
      assert.deepEqual(
        [isTooManyTries(thrown), isFatal(thrown), isAuthenticationError(thrown)],
        [false, true, false],
      )
    }
  })
})
