import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { stringOf } from '../../src/ssh/publicKey'

/** A FIDO key pair as ssh-keygen -t ed25519-sk would write it, without the device. */
export function fidoKey(comment: string): { readonly privateKey: string; readonly publicKey: string } {
  const type = 'sk-ssh-ed25519@openssh.com'
  const blob = Buffer.concat([stringOf(type), stringOf(randomBytes(32)), stringOf('ssh:')])
  const check = randomBytes(4)
  const rest = [Buffer.from([1]), stringOf(randomBytes(64)), stringOf(''), stringOf(comment)]
  const section = Buffer.concat([check, check, blob, ...rest])
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, -section.length & 7)
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(stringOf),
    Buffer.from([0, 0, 0, 1]),
    stringOf(blob),
    stringOf(Buffer.concat([section, padding])),
  ])
  const base64 = file.toString('base64').replace(/.{70}(?=.)/g, '$&\n')
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${type} ${blob.toString('base64')} ${comment}`,
  }
}

/** An ed25519 key as openssl genpkey writes it, and its line for authorized_keys. */
export function pkcs8Ed25519(passphrase?: string): { readonly pem: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  const blob = Buffer.concat([stringOf('ssh-ed25519'), stringOf(Buffer.from(x, 'base64url'))])
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString(),
    publicKey: `ssh-ed25519 ${blob.toString('base64')}`,
  }
}

/** An RSA key in PuTTY's format, version 2 (appendix C of its manual), from a PEM. */
export function ppk2(pem: string, passphrase = ''): string {
  const key = createPrivateKey(pem)
  const encryption = passphrase === '' ? 'none' : 'aes256-cbc'
  const publicBlob = Buffer.concat([stringOf('ssh-rsa'), ...numbers(createPublicKey(key), ['e', 'n'])])
  const plain = Buffer.concat(numbers(key, ['d', 'p', 'q', 'qi']))
  const padding = createHash('sha1').update(plain).digest()
  const privateBlob =
    passphrase === '' ? plain : Buffer.concat([plain, padding.subarray(0, -plain.length & 15)])
  const signed = ['ssh-rsa', encryption, 'comment', publicBlob, privateBlob].map(stringOf)
  const macKey = createHash('sha1').update(`putty-private-key-file-mac-key${passphrase}`).digest()
  const mac = createHmac('sha1', macKey).update(Buffer.concat(signed)).digest('hex')
  const written = passphrase === '' ? privateBlob : encrypted(privateBlob, passphrase)
  return [
    ...['PuTTY-User-Key-File-2: ssh-rsa', `Encryption: ${encryption}`, 'Comment: comment'],
    ...section('Public', publicBlob),
    ...section('Private', written),
    `Private-MAC: ${mac}`,
    '',
  ].join('\r\n')
}

/** As mpints of RFC 4251 5. */
function numbers(key: KeyObject, names: readonly ('e' | 'n' | 'd' | 'p' | 'q' | 'qi')[]): Buffer[] {
  const jwk = key.export({ format: 'jwk' })
  return names.map((name) => {
    const bytes = Buffer.from(jwk[name] ?? '', 'base64url')
    return stringOf((bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes)
  })
}

function encrypted(bytes: Buffer, passphrase: string): Buffer {
  const half = (index: number) =>
    createHash('sha1')
      .update(Buffer.from([0, 0, 0, index]))
      .update(passphrase)
      .digest()
  const key = Buffer.concat([half(0), half(1)]).subarray(0, 32)
  const cipher = createCipheriv('aes-256-cbc', key, Buffer.alloc(16)).setAutoPadding(false)
  return Buffer.concat([cipher.update(bytes), cipher.final()])
}

function section(name: string, bytes: Buffer): string[] {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return [`${name}-Lines: ${lines.length}`, ...lines]
}
