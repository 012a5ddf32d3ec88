import assert from 'node:assert/strict'
import { inspectKeyFile, unusableType } from '../../../src/ssh/keyFile'
import { keyTypeOf, stringOf } from '../../../src/ssh/publicKey'
import { fidoKey, ppk2 } from '../../support/keyFormats'
import { generateKeyPairSync } from 'node:crypto'
import { publicKeyLine } from './fixture'

const line = publicKeyLine('ed25519-a')
const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64')

/** A file in OpenSSH's format, as far as it is read without its passphrase. */
function openSsh(cipher: string): string {
  const kdf =
    cipher === 'none' ? ['none', ''] : ['bcrypt', Buffer.concat([stringOf('salt'), Buffer.alloc(4)])]
  const head = [cipher, ...kdf].map((part) => stringOf(part))
  const rest = [Buffer.from([0, 0, 0, 1]), stringOf(blob), stringOf('private')]
  const bytes = Buffer.concat([Buffer.from('openssh-key-v1\0'), ...head, ...rest])
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`
}

const pem = (label: string, more = '') => `-----BEGIN ${label}-----\n${more}AAAA\n-----END ${label}-----\n`
const certificate = (() => {
  const type = 'ssh-ed25519-cert-v01@openssh.com'
  return `${type} ${Buffer.concat([stringOf(type), stringOf('nonce')]).toString('base64')} me`
})()

describe('inspectKeyFile', () => {
  const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const rsaPem = rsa.export({ type: 'pkcs1', format: 'pem' }).toString()

  type Row = [what: string, content: string, expected: string]
  const rows: Row[] = [
    ['OpenSSH', openSsh('none'), 'private, with its public half'],
    ['OpenSSH, encrypted', openSsh('aes256-ctr'), 'private, encrypted, with its public half'],
    [
      'OpenSSH, with Windows’ line ends',
      openSsh('none').replaceAll('\n', '\r\n'),
      'private, with its public half',
    ],
    [
      'OpenSSH, encrypted with an odd cipher',
      openSsh('chacha20-poly1305@openssh.com'),
      'unusable: encrypted with chacha20-poly1305@openssh.com, which is not known here',
    ],
    ['PKCS #1', pem('RSA PRIVATE KEY'), 'private'],
    [
      'PKCS #1, encrypted',
      pem('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n'),
      'private, encrypted',
    ],
    ['SEC 1', pem('EC PRIVATE KEY'), 'private'],
    ['PKCS #8', pem('PRIVATE KEY'), 'private'],
    ['PKCS #8, encrypted', pem('ENCRYPTED PRIVATE KEY'), 'private, encrypted'],
    ['PKCS #8 after other lines', `Bag Attributes\n${pem('PRIVATE KEY')}`, 'private'],
    ['PuTTY 2', ppk2(rsaPem), 'private, with its public half'],
    ['PuTTY 2, encrypted', ppk2(rsaPem, 'p'), 'private, encrypted, with its public half'],
    [
      'PuTTY 3',
      'PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: none\r\n',
      'unusable: a PuTTY key, version 3 with ssh-rsa, which cannot be read here',
    ],
    ['a public key', `${line} me@home\n`, 'public'],
    ['a public key after a comment', `# mine\n${line}`, 'public'],
    [
      'a public key of another form',
      '---- BEGIN SSH2 PUBLIC KEY ----\n',
      'unusable: a public key, and no agent has its private half',
    ],
    ['a public key in PEM', pem('PUBLIC KEY'), 'unusable: a public key, and no agent has its private half'],
    ['a certificate', certificate, 'unusable: a certificate, which cannot be used here'],
    ['a FIDO key', fidoKey('c').privateKey, 'unusable: a FIDO key, which cannot be used here'],
    [
      'the public half of a FIDO key',
      fidoKey('c').publicKey,
      'unusable: a FIDO key, which cannot be used here',
    ],
    ['a DSA key', pem('DSA PRIVATE KEY'), 'unusable: a DSA key, which OpenSSH no longer takes'],
    ['half a key', openSsh('none').slice(0, 70), 'unusable: a damaged key: it ends too early'],
    ['nothing', ' \n', 'unusable: it is empty'],
    ['words', 'ssh-ed25519 is a kind of key', 'unusable: not a key in a known format'],
    [
      'a line of another type than its key',
      `ssh-rsa ${line.split(' ')[1]}`,
      'unusable: not a key in a known format',
    ],
  ]
  for (const [what, content, expected] of rows) {
    it(`${what}: ${expected}`, () => {
      const file = inspectKeyFile(content, '/k')
      const words = [
        file.kind === 'unusable' ? `unusable: ${file.why.message}` : file.kind,
        ...(file.kind === 'private' && file.encrypted ? ['encrypted'] : []),
        ...(file.kind === 'private' && file.blob !== undefined ? ['with its public half'] : []),
      ]
      assert.equal(words.join(', '), expected)
      if (what.startsWith('OpenSSH') || what.startsWith('a public key after'))
        assert.deepEqual(file.blob, blob)
      if (what.startsWith('PuTTY 2')) assert.equal(keyTypeOf(file.blob ?? Buffer.alloc(0)), 'ssh-rsa')
    })
  }

  it('knows by its type what ssh2 cannot use', () => {
    const types = [
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ssh-rsa',
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'ssh-rsa-cert-v01@openssh.com',
      'sk-ssh-ed25519-cert-v01@openssh.com',
    ]
    assert.deepEqual(
      types.map((type) => unusableType(type)?.message.split(',')[0]),
      [undefined, undefined, undefined, 'a FIDO key', 'a certificate', 'a FIDO key'],
    )
  })
})
