import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { promisify } from 'node:util'
import { findTool } from './tools'

export type KeyType = 'ed25519' | 'ecdsa' | 'rsa'

export interface NewKey {
  readonly path: string
  readonly type: KeyType
  readonly passphrase?: string
  readonly comment?: string
}

/** Writes a key pair in OpenSSH's format, over an older one; returns the public key's line. */
export async function generateKey({ path, type, passphrase = '', comment = '' }: NewKey): Promise<string> {
  rmSync(path, { force: true })
  // The default of 3072 bits takes seconds to find.
  const bits = type === 'rsa' ? ['-b', '2048'] : []
  await promisify(execFile)(findTool('ssh-keygen'), [
    ...['-q', '-t', type, ...bits, '-N', passphrase, '-C', comment, '-f', path],
  ])
  return readFileSync(`${path}.pub`, 'utf8').trim()
}

/** As ssh prints it: `SHA256:` and base64 without padding. */
export function fingerprintOf(publicKeyLine: string): string {
  const [, blob = ''] = publicKeyLine.split(' ')
  const hash = createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64')
  return `SHA256:${hash.replace(/=+$/, '')}`
}
