import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { formatKnownHost, parseKnownHosts, type KnownHost } from './knownHosts'
import type { PublicKey } from './publicKey'

/** Reads known_hosts files in their order; a file that does not exist or may not be read counts as empty. */
export async function readKnownHosts(files: readonly string[]): Promise<readonly KnownHost[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  return files.flatMap((file, index) => parseKnownHosts(texts[index] ?? '', file))
}

/**
 * Reads RevokedHostKeys: a public key on each line, revoked for every host. The error for a file that cannot be read,
 * or is a binary list (ssh-keygen(1), KEY REVOCATION LISTS), which is not understood here.
 */
export async function readRevokedKeys(file: string): Promise<readonly KnownHost[] | Error> {
  try {
    const text = await readFile(file, 'utf8')
    if (text.startsWith('SSHKRL\n')) return new Error('It is a binary list, which is not understood here.')
    const lines = text.split('\n').map((line) => `@revoked * ${line}`)
    return parseKnownHosts(lines.join('\n'), file)
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * Appends one line, never rewriting what is there. The line goes out in a single append, so two windows that
 * learn a host at once both keep their line. `/dev/null` is ssh's word for nowhere, on Windows too.
 * @throws the file system's error when the file cannot be written.
 */
export async function rememberHostKey(options: {
  file: string
  name: string
  key: PublicKey
  hashed: boolean
}): Promise<void> {
  const { file, name, key, hashed } = options
  if (file === '/dev/null') return
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const handle = await open(file, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last = Buffer.alloc(1)
    if (size > 0) await handle.read(last, 0, 1, size - 1)
    const separator = size > 0 && last.toString() !== '\n' ? '\n' : ''
    await handle.appendFile(
      `${separator}${formatKnownHost(name, key, hashed ? randomBytes(20) : undefined)}\n`,
    )
  } finally {
    await handle.close()
  }
}
