import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import {
  algorithmKeywords,
  algorithms,
  chooseAlgorithms,
  printedAlgorithms,
  writtenAlgorithms,
  type Algorithms,
} from '../../../src/ssh/algorithms'

const kinds = Object.keys(algorithmKeywords) as (keyof Algorithms)[]
const ours = (kind: keyof Algorithms) => [...algorithms[kind]]

describe('algorithms', () => {
  /** ssh2 throws on a name that is not in these. */
  const ssh2 = createRequire(__filename)('ssh2/lib/protocol/constants') as Record<string, readonly string[]>
  const supported: Algorithms = {
    kex: ssh2['SUPPORTED_KEX'] ?? [],
    serverHostKey: ssh2['SUPPORTED_SERVER_HOST_KEY'] ?? [],
    cipher: ssh2['SUPPORTED_CIPHER'] ?? [],
    hmac: ssh2['SUPPORTED_MAC'] ?? [],
  }

  for (const kind of kinds) {
    it(`names nothing that ssh2 does not have, even where all is asked for: ${kind}`, () => {
      const all = writtenAlgorithms(kind, '+*').names
      assert.ok(all.length > algorithms[kind].length)
      assert.deepEqual(
        all.filter((name) => !supported[kind].includes(name)),
        [],
      )
    })
  }

  it('takes an option that is absent for no wish', () => {
    for (const standard of [undefined, () => undefined]) {
      assert.deepEqual(
        chooseAlgorithms(() => undefined, standard),
        { algorithms: { ...algorithms }, missing: [] },
      )
    }
  })
})

describe('printedAlgorithms', () => {
  // What OpenSSH 9.2 prints without a configuration.
  const macs =
    'umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1'
  const cut = (...gone: string[]) =>
    macs
      .split(',')
      .filter((name) => !gone.includes(name))
      .join(',')

  const rows: [what: string, printed: string, names: string[], missing?: string[]][] = [
    ['no wish', macs, ours('hmac')],
    ['added: behind ours', `${macs},hmac-md5`, [...ours('hmac'), 'hmac-md5']],
    ['added in vain', `${macs},hmac-new`, ours('hmac'), ['hmac-new']],
    [
      'taken away: from ours, and SHA-1 does not come in',
      cut('hmac-sha2-512'),
      ours('hmac').filter((name) => name !== 'hmac-sha2-512'),
    ],
    ['taken away: what we do not have', cut('umac-64@openssh.com'), ours('hmac')],
    [
      'put in front',
      `hmac-sha2-512,${cut('hmac-sha2-512')}`,
      ['hmac-sha2-512', ...ours('hmac').filter((name) => name !== 'hmac-sha2-512')],
    ],
    [
      'put in front: new ones',
      `hmac-md5,hmac-sha1,${cut('hmac-sha1')}`,
      ['hmac-md5', 'hmac-sha1', ...ours('hmac')],
    ],
    ['a list', 'hmac-sha1,hmac-sha2-256', ['hmac-sha1', 'hmac-sha2-256']],
    ['a list in the order of ssh', 'hmac-sha2-256,hmac-sha1', ['hmac-sha2-256', 'hmac-sha1']],
    [
      'a list with one we do not have',
      'umac-64@openssh.com,hmac-sha2-512',
      ['hmac-sha2-512'],
      ['umac-64@openssh.com'],
    ],
    ['a list of what we do not have', 'umac-64@openssh.com', [], ['umac-64@openssh.com']],
  ]
  for (const [what, printed, names, missing = []] of rows) {
    it(what, () => assert.deepEqual(printedAlgorithms('hmac', printed, macs), { names, missing }))
  }
})

describe('writtenAlgorithms', () => {
  const rows: [written: string, names: string[], missing?: string[]][] = [
    ['+aes256-cbc', [...ours('cipher'), 'aes256-cbc']],
    ['+aes256-ctr', ours('cipher')],
    ['+*-cbc', [...ours('cipher'), 'aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc']],
    ['-*gcm*', ours('cipher').filter((name) => !name.includes('gcm'))],
    ['-no-such', ours('cipher')],
    ['^aes128-ctr', ['aes128-ctr', ...ours('cipher').filter((name) => name !== 'aes128-ctr')]],
    ['aes128-ctr,aes256-ctr,aes128-ctr', ['aes128-ctr', 'aes256-ctr']],
    ['aes128-cbc,no-such', ['aes128-cbc'], ['no-such']],
    ['no-such', [], ['no-such']],
  ]
  for (const [written, names, missing = []] of rows) {
    it(written, () => assert.deepEqual(writtenAlgorithms('cipher', written), { names, missing }))
  }
})
