import { createHmac } from 'node:crypto'
import { matchesPatternList } from './patterns'
import { publicKeyFromBlob, type PublicKey } from './publicKey'

/** One usable line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHost {
  readonly marker: 'none' | 'revoked' | 'cert-authority'
  readonly matches: (name: string) => boolean
  readonly key: PublicKey
  readonly file: string
  /** Counted from 1. */
  readonly line: number
}

/** Reads a known_hosts file. Comments and lines it cannot read are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHost[] {
  const hosts: KnownHost[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const host = parseLine(line, file, index + 1)
    if (host !== undefined) hosts.push(host)
  }
  return hosts
}

/** The name a host is filed under: bare for port 22, `[host]:port` otherwise, lower case. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

/** False for a name that would be a pattern, a list or a marker as a line of known_hosts. */
export function canBeFiled(host: string): boolean {
  return !/[@?*#[\]|'"\\,!\s]/.test(host)
}

/** A new known_hosts line; hashed (`|1|salt|hash`) when a salt of 20 bytes is given. */
export function formatKnownHost(name: string, key: PublicKey, salt?: Buffer): string {
  const host = salt ? `|1|${salt.toString('base64')}|${hashName(name, salt).toString('base64')}` : name
  return `${host} ${key.type} ${key.blob.toString('base64')}`
}

const markers = new Map<string, KnownHost['marker']>([
  ['@revoked', 'revoked'],
  ['@cert-authority', 'cert-authority'],
])

function parseLine(line: string, file: string, number: number): KnownHost | undefined {
  const text = line.trim()
  if (text === '' || text.startsWith('#')) return undefined
  const [first = '', ...rest] = text.split(/[ \t]+/)
  const marker = first.startsWith('@') ? markers.get(first) : 'none'
  const [names, type, base64] = first.startsWith('@') ? rest : [first, ...rest]
  if (marker === undefined || names === undefined || type === undefined || base64 === undefined)
    return undefined
  // Node reads base64 leniently; what ssh takes for a bad line must not become a trusted key here.
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return undefined
  const key = publicKeyFromBlob(Buffer.from(base64, 'base64'))
  if (key?.type !== type) return undefined
  const patterns = names.toLowerCase()
  const matches = names.startsWith('|')
    ? matchHashed(names)
    : (name: string) => matchesPatternList(patterns, name)
  return matches === undefined ? undefined : { marker, matches, key, file, line: number }
}

function matchHashed(text: string): ((name: string) => boolean) | undefined {
  const [, version, salt, hash] = text.split('|')
  if (version !== '1' || salt === undefined || hash === undefined) return undefined
  const saltBytes = Buffer.from(salt, 'base64')
  const wanted = Buffer.from(hash, 'base64')
  if (wanted.length !== 20) return undefined
  return (name) => hashName(name, saltBytes).equals(wanted)
}

function hashName(name: string, salt: Buffer): Buffer {
  return createHmac('sha1', salt).update(name).digest()
}
