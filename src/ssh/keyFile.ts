import { readFile, stat } from 'node:fs/promises'
import type { Log } from '../base/log'
import { keyTypeOf, stringsIn } from './publicKey'

/** What a key file holds, as far as that can be told without its passphrase. `blob` is the public half. */
export type KeyFile =
  | {
      readonly kind: 'private'
      readonly content: string
      readonly encrypted: boolean
      readonly blob: Buffer | undefined
    }
  | { readonly kind: 'public'; readonly blob: Buffer }
  | { readonly kind: 'unusable'; readonly why: UnusableKey; readonly blob?: Buffer | undefined }

/** Why a key cannot be used, in words that follow its name in brackets, and what to do about it. */
export class UnusableKey extends Error {
  constructor(
    reason: string,
    readonly advice?: string,
  ) {
    super(reason)
    this.name = 'UnusableKey'
  }
}

/** Reads a key file; undefined when there is none. Says in the log what OpenSSH would find wrong with it. */
export async function readKeyFile(path: string, log: Log): Promise<KeyFile | undefined> {
  try {
    const found = await stat(path)
    // Reading a pipe or a terminal could wait for ever.
    if (!found.isFile()) return unusable(found.isDirectory() ? 'a directory' : 'not a file')
    if (found.size > largestKey) return unusable('too large for a key')
    const file = inspectKeyFile(await readFile(path, 'utf8'), path)
    // sshkey_perm_ok in OpenSSH's authfile.c. Windows has no such modes.
    if (file.kind === 'private' && found.uid === process.getuid?.() && (found.mode & 0o077) !== 0) {
      const mode = (found.mode & 0o777).toString(8)
      log.warn(`${path} is open to others (mode ${mode}), and OpenSSH would not use it: chmod 600 "${path}"`)
    }
    return file
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    return unusable(`it cannot be read: ${code}`, `Check the owner and the mode of ${path}.`)
  }
}

/** MAX_KEY_FILE_SIZE in OpenSSH's authfile.h, in bytes. */
const largestKey = 1024 * 1024

/** Tells what the text of a key file is. `path` is only for the words of an advice. */
export function inspectKeyFile(content: string, path: string): KeyFile {
  if (content.trim() === '') return unusable('it is empty')
  const kind = /-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----/.exec(content)?.[1]?.trim()
  switch (kind) {
    case 'OPENSSH':
      return openSshFile(content, path)
    case 'RSA':
    case 'EC':
      return { kind: 'private', content, encrypted: /^DEK-Info:/m.test(content), blob: undefined }
    case '':
      return { kind: 'private', content, encrypted: false, blob: undefined }
    case 'ENCRYPTED':
      return { kind: 'private', content, encrypted: true, blob: undefined }
    case 'DSA':
      return unusable('a DSA key, which OpenSSH no longer takes', newKeyAdvice)
    default:
      return puttyFile(content, path) ?? publicFile(content, path) ?? unusable('not a key in a known format')
  }
}

/** Why a key of this type cannot be used at all; undefined when it can. */
export function unusableType(type: string): UnusableKey | undefined {
  // ssh2 passes on an agent's signature without the flags and the counter that a FIDO one ends in (PROTOCOL.u2f).
  if (type.startsWith('sk-')) return new UnusableKey('a FIDO key, which cannot be used here', newKeyAdvice)
  // ssh2 names the key's type as the signature's, which for a certificate are two things (PROTOCOL.certkeys).
  if (type.endsWith('@openssh.com') && type.includes('-cert-v0')) {
    return new UnusableKey(
      'a certificate, which cannot be used here',
      'Certificates cannot be used here: add the plain public key to ~/.ssh/authorized_keys there.',
    )
  }
  return undefined
}

const newKeyAdvice =
  'Make another key for this server with "ssh-keygen -t ed25519", add its .pub file to ~/.ssh/authorized_keys there, and name it as "identityFile" in the server’s settings.'

/** PROTOCOL.key: the public half stands unencrypted before the private one. */
function openSshFile(content: string, path: string): KeyFile {
  const magic = 'openssh-key-v1\0'
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(content)?.[1] ?? ''
  const bytes = Buffer.from(body, 'base64')
  const [cipher, kdf, kdfOptions] = stringsIn(bytes.subarray(magic.length), 3) ?? []
  if (!bytes.toString('latin1').startsWith(magic) || cipher === undefined || kdfOptions === undefined) {
    return unusable('a damaged key: it ends too early', `Restore ${path} from a copy.`)
  }
  const keys = magic.length + 12 + cipher.length + (kdf?.length ?? 0) + kdfOptions.length
  const [blob] = stringsIn(bytes.subarray(keys + 4), 1) ?? []
  const why = unusableType(blob === undefined ? '' : (keyTypeOf(blob) ?? ''))
  if (why !== undefined) return { kind: 'unusable', why, blob }
  const name = cipher.toString('latin1')
  if (!knownCiphers.test(name)) {
    return { ...unusable(`encrypted with ${name}, which is not known here`, reencrypt(path)), blob }
  }
  return { kind: 'private', content, encrypted: name !== 'none', blob }
}

/** What ssh-keygen -Z can choose and ssh2 can undo. */
const knownCiphers = /^(none|aes(128|192|256)-(ctr|cbc)|aes(128|256)-gcm@openssh\.com)$/

function reencrypt(path: string): string {
  return `Write it anew with: ssh-keygen -p -f "${path}"`
}

/** Of PuTTY's formats ssh2 reads version 2 with RSA. */
function puttyFile(content: string, path: string): KeyFile | undefined {
  const [, version, type, encryption] =
    /^\s*PuTTY-User-Key-File-(\d+): (\S+)\r?\nEncryption: (\S+)/.exec(content) ?? []
  if (version === undefined) return undefined
  const publicLines = /\nPublic-Lines: \d+\r?\n([^]*?)\nPrivate-Lines: /.exec(content)?.[1] ?? ''
  const blob = Buffer.from(publicLines, 'base64')
  if (version === '2' && type === 'ssh-rsa') {
    return { kind: 'private', content, encrypted: encryption !== 'none', blob }
  }
  return {
    ...unusable(
      `a PuTTY key, version ${version} with ${type}, which cannot be read here`,
      `Convert it with: puttygen "${path}" -O private-openssh-new -o "${path.replace(/\.ppk$/i, '')}.openssh" (in PuTTYgen: Conversions, Export OpenSSH key) and name that file instead.`,
    ),
    blob,
  }
}

/** OpenSSH takes a public key as IdentityFile too, for a private half that an agent holds. */
function publicFile(content: string, path: string): KeyFile | undefined {
  const [, type, base64 = ''] = /^[^\S\n]*([a-z][\w@.-]+) ([A-Za-z0-9+/]+=*)(?:\s|$)/m.exec(content) ?? []
  const blob = Buffer.from(base64, 'base64')
  if (type !== undefined && keyTypeOf(blob) === type) {
    const why = unusableType(type)
    return why === undefined ? { kind: 'public', blob } : { kind: 'unusable', why, blob }
  }
  return /BEGIN (SSH2 |RSA )?PUBLIC KEY/.test(content)
    ? { kind: 'unusable', why: onlyPublic(path) }
    : undefined
}

/** A public key whose private half no agent holds. */
export function onlyPublic(path: string): UnusableKey {
  const privateHalf = path.endsWith('.pub') ? `, such as ${path.slice(0, -'.pub'.length)}` : ''
  return new UnusableKey(
    'a public key, and no agent has its private half',
    `Name the private key${privateHalf}, or add it to the agent with ssh-add.`,
  )
}

function unusable(reason: string, advice?: string): KeyFile & { readonly kind: 'unusable' } {
  return { kind: 'unusable', why: new UnusableKey(reason, advice) }
}
