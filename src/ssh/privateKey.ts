import { createPrivateKey, randomBytes, type KeyObject } from 'node:crypto'
import type { ParsedKey } from 'ssh2'
import { stringOf } from './publicKey'
import type { Ssh2 } from './ssh2Library'

/**
 * Reads a private key: OpenSSH's and PuTTY's formats as ssh2 does, PEM (PKCS #1, SEC 1, PKCS #8, also encrypted)
 * through Node. Answers an error when it cannot be read or the passphrase is wrong; the two cannot be told apart.
 */
export function parsePrivateKey(ssh2: Ssh2, content: string, passphrase?: string): ParsedKey | Error {
  // openssl writes EC parameters or "Bag Attributes" before the key.
  const pem = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z]+ )?PRIVATE KEY-----/.exec(
    content,
  )?.[0]
  try {
    const text = pem === undefined || pem.includes('BEGIN OPENSSH ') ? content : fromPem(pem, passphrase)
    const key = parseKey(ssh2, text, passphrase)
    if (key instanceof Error || key.isPrivateKey()) return key
    return new Error('it holds no private key')
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/** The first key in a text or a blob, private or public. */
export function parseKey(ssh2: Ssh2, content: Buffer | string, passphrase?: string): ParsedKey | Error {
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(content, passphrase)
  if (!Array.isArray(parsed)) return parsed
  return (parsed as ParsedKey[])[0] ?? new Error('it holds no key')
}

/** Turns PEM into a form that ssh2 reads; it knows no PKCS #8. */
function fromPem(pem: string, passphrase: string | undefined): string {
  const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) })
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }).toString()
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }).toString()
    case 'ed25519':
      return openSshEd25519(key)
    default:
      throw new Error(`${key.asymmetricKeyType ?? 'this'} keys are not used in SSH`)
  }
}

/** PROTOCOL.key of OpenSSH, unencrypted, without the padding that only a cipher needs: for ssh2 alone. */
function openSshEd25519(key: KeyObject): string {
  const { d = '', x = '' } = key.export({ format: 'jwk' })
  const publicKey = Buffer.from(x, 'base64url')
  const type = stringOf('ssh-ed25519')
  const blob = Buffer.concat([type, stringOf(publicKey)])
  const check = randomBytes(4)
  const secret = stringOf(Buffer.concat([Buffer.from(d, 'base64url'), publicKey]))
  const section = Buffer.concat([check, check, blob, secret, stringOf('')])
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(stringOf),
    Buffer.from([0, 0, 0, 1]),
    stringOf(blob),
    stringOf(section),
  ])
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${file.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----`
}
