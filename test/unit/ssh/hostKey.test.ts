import assert from 'node:assert/strict'
import {
  decideHostKey,
  orderHostKeyAlgorithms,
  type HostKeyDecision,
  type StrictHostKeyChecking,
} from '../../../src/ssh/hostKey'
import { algorithms } from '../../../src/ssh/algorithms'
import { parseKnownHosts } from '../../../src/ssh/knownHosts'
import { publicKey, publicKeyLine } from './fixture'

/** `dev` in `@revoked dev rsa-a` and the like stands for the host; the last word names a key. */
const read = (lines: readonly string[]) =>
  parseKnownHosts(
    lines.map((line) => line.replace(/\S+$/, (name) => publicKeyLine(name))).join('\n'),
    'known_hosts',
  )

/** `refuse changed 2`: refused because of the key on line 2. */
function summary(decision: HostKeyDecision): string {
  if (decision.kind !== 'refuse') return decision.kind
  return decision.reason === 'unknown' ? 'refuse unknown' : `refuse ${decision.reason} ${decision.known.line}`
}

describe('decideHostKey', () => {
  type Row = [what: string, lines: string[], shown: string, strict: StrictHostKeyChecking, expected: string]
  const rows: Row[] = [
    ['nothing is known', [], 'ed25519-a', 'ask', 'ask'],
    ['nothing is known', [], 'ed25519-a', 'accept-new', 'trust and remember'],
    ['nothing is known', [], 'ed25519-a', 'no', 'trust and remember'],
    ['nothing is known', [], 'ed25519-a', 'yes', 'refuse unknown'],
    ['only others are known', ['other ed25519-a'], 'ed25519-a', 'ask', 'ask'],
    ['only others are known', ['other ed25519-b'], 'ed25519-a', 'yes', 'refuse unknown'],
    ['only others are known', ['other ed25519-b'], 'ed25519-a', 'accept-new', 'trust and remember'],
    ['the key is on file', ['dev ed25519-a'], 'ed25519-a', 'ask', 'trust'],
    ['the key is on file', ['dev ed25519-a'], 'ed25519-a', 'yes', 'trust'],
    ['the key is on file', ['dev ed25519-a'], 'ed25519-a', 'accept-new', 'trust'],
    ['the key is on file', ['dev ed25519-a'], 'ed25519-a', 'no', 'trust'],
    ['the key is on file by a wildcard', ['d*,!no rsa-a'], 'rsa-a', 'yes', 'trust'],
    ['the line excludes the host', ['*,!dev rsa-a'], 'rsa-a', 'yes', 'refuse unknown'],
    [
      'one of several keys is on file',
      ['dev ed25519-a', 'dev rsa-a', 'dev ecdsa-256'],
      'rsa-a',
      'yes',
      'trust',
    ],
    [
      'an old key of the type and the new one are on file',
      ['dev rsa-b', 'dev rsa-a'],
      'rsa-a',
      'yes',
      'trust',
    ],
    ['another key of the type is on file', ['dev ed25519-b'], 'ed25519-a', 'ask', 'refuse changed 1'],
    ['another key of the type is on file', ['dev ed25519-b'], 'ed25519-a', 'yes', 'refuse changed 1'],
    ['another key of the type is on file', ['dev ed25519-b'], 'ed25519-a', 'accept-new', 'refuse changed 1'],
    ['another key of the type is on file', ['dev ed25519-b'], 'ed25519-a', 'no', 'refuse changed 1'],
    [
      'two others of the type are on file',
      ['x rsa-a', 'dev ed25519-b', 'dev rsa-b'],
      'rsa-a',
      'ask',
      'refuse changed 3',
    ],
    // Checked against OpenSSH 9.2: an impostor who shows a key of another type is not a new host.
    ['a key of another type is on file', ['dev ed25519-b'], 'rsa-a', 'ask', 'refuse changed 1'],
    ['a key of another type is on file', ['dev ed25519-b'], 'rsa-a', 'accept-new', 'refuse changed 1'],
    ['a key of another type is on file', ['dev ed25519-b'], 'rsa-a', 'no', 'refuse changed 1'],
    ['a key of another type is on file', ['dev ed25519-b'], 'rsa-a', 'yes', 'refuse changed 1'],
    ['another curve is on file', ['dev ecdsa-384'], 'ecdsa-256', 'accept-new', 'refuse changed 1'],
    ['the key is revoked', ['@revoked dev rsa-a'], 'rsa-a', 'ask', 'refuse revoked 1'],
    ['the key is revoked everywhere', ['@revoked * rsa-a'], 'rsa-a', 'accept-new', 'refuse revoked 1'],
    ['the key is on file and revoked', ['dev rsa-a', '@revoked * rsa-a'], 'rsa-a', 'no', 'refuse revoked 2'],
    [
      'the key is on file and revoked before',
      ['@revoked * rsa-a', 'dev rsa-a'],
      'rsa-a',
      'yes',
      'refuse revoked 1',
    ],
    ['the key is revoked for others', ['@revoked other rsa-a'], 'rsa-a', 'ask', 'ask'],
    ['another key is revoked', ['@revoked * rsa-b', 'dev rsa-a'], 'rsa-a', 'yes', 'trust'],
    [
      'another key is revoked and nothing known',
      ['@revoked dev rsa-b'],
      'rsa-a',
      'accept-new',
      'trust and remember',
    ],
    ['an authority is on file', ['@cert-authority * ed25519-b'], 'ed25519-a', 'ask', 'ask'],
    ['an authority is on file', ['@cert-authority dev ed25519-b'], 'ed25519-a', 'yes', 'refuse unknown'],
    // An authority's own key signs; it does not identify a host.
    [
      'the authority’s own key is shown',
      ['@cert-authority dev ed25519-a'],
      'ed25519-a',
      'yes',
      'refuse unknown',
    ],
    [
      'an authority, and another key',
      ['@cert-authority * ed25519-a', 'dev ed25519-b'],
      'ed25519-a',
      'ask',
      'refuse changed 2',
    ],
  ]
  for (const [what, lines, shown, strict, expected] of rows) {
    it(`${what}, StrictHostKeyChecking ${strict}: ${expected} (${lines.join('; ') || '-'})`, () => {
      const evidence = {
        name: 'dev',
        key: publicKey(shown),
        knownHosts: read(lines),
        strict,
        canRemember: true,
      }
      assert.equal(summary(decideHostKey(evidence)), expected)
    })
  }

  it('tells a host on another port from the one on port 22', () => {
    const evidence = {
      key: publicKey('rsa-a'),
      knownHosts: read(['[dev]:2222 rsa-a']),
      strict: 'yes' as const,
      canRemember: true,
    }
    assert.equal(decideHostKey({ ...evidence, name: '[dev]:2222' }).kind, 'trust')
    assert.equal(decideHostKey({ ...evidence, name: 'dev' }).kind, 'refuse')
  })
})

describe('decideHostKey, for a host on a port of its own', () => {
  const rows: [what: string, lines: string[], strict: StrictHostKeyChecking, expected: string][] = [
    // Checked against OpenSSH 9.2, which looks again without the port before it calls a host new.
    ['its key is on file without the port', ['dev rsa-a'], 'yes', 'trust'],
    ['only another key is on file without the port', ['dev rsa-b'], 'yes', 'refuse unknown'],
    ['only another key is on file without the port', ['dev ed25519-a'], 'ask', 'ask'],
    [
      'its key is on file without the port, another with it',
      ['dev rsa-a', '[dev]:2222 rsa-b'],
      'ask',
      'refuse changed 2',
    ],
    [
      'its key is on file with the port, another without it',
      ['dev rsa-b', '[dev]:2222 rsa-a'],
      'yes',
      'trust',
    ],
    ['its key is on file for another port', ['[dev]:2223 rsa-a'], 'yes', 'refuse unknown'],
    ['its key is revoked without the port', ['@revoked dev rsa-a'], 'accept-new', 'refuse revoked 1'],
  ]
  for (const [what, lines, strict, expected] of rows) {
    it(`${what}, StrictHostKeyChecking ${strict}: ${expected}`, () => {
      const evidence = { name: '[dev]:2222', portlessName: 'dev', key: publicKey('rsa-a'), canRemember: true }
      assert.equal(summary(decideHostKey({ ...evidence, knownHosts: read(lines), strict })), expected)
    })
  }

  it('refuses a new host, however strict, where there is no file to remember it in', () => {
    for (const strict of ['ask', 'accept-new', 'no', 'yes'] as const) {
      const evidence = { name: 'dev', key: publicKey('rsa-a'), canRemember: false, strict }
      assert.equal(summary(decideHostKey({ ...evidence, knownHosts: [] })), 'refuse unknown')
      assert.equal(summary(decideHostKey({ ...evidence, knownHosts: read(['dev rsa-a']) })), 'trust')
    }
  })
})

describe('orderHostKeyAlgorithms', () => {
  const all = algorithms.serverHostKey
  const rows: [string, string[], string[]][] = [
    ['keeps the order where nothing is known', [], [...all]],
    ['keeps the order where only others are known', ['other rsa-a'], [...all]],
    ['puts both RSA signatures first for an RSA key', ['dev rsa-a'], ['rsa-sha2-512', 'rsa-sha2-256']],
    ['puts the curve first that is known', ['dev ecdsa-384'], ['ecdsa-sha2-nistp384']],
    ['keeps the order among known ones', ['dev rsa-a', 'dev ed25519-a'], ['ssh-ed25519', 'rsa-sha2-512']],
    ['ignores what is revoked', ['@revoked * rsa-a'], ['ssh-ed25519']],
    ['ignores authorities', ['@cert-authority * rsa-a'], ['ssh-ed25519']],
  ]
  for (const [what, lines, first] of rows) {
    it(what, () => {
      const ordered = orderHostKeyAlgorithms(all, 'dev', read(lines))
      assert.deepEqual(ordered.slice(0, first.length), first)
      assert.deepEqual([...ordered].sort(), [...all].sort(), 'none is lost')
    })
  }

  it('never offers SHA-1', () => {
    const offered = Object.values(algorithms).flat()
    assert.deepEqual(
      offered.filter((name) => /sha1|^ssh-rsa$|cbc|md5|group1-/.test(name)),
      [],
    )
  })
})
