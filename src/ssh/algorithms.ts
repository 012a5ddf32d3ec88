import { getCiphers, getHashes } from 'node:crypto'
import { matchesPattern } from './patterns'

/** What is offered in the key exchange, best first; by the names ssh2 has for the lists. */
export interface Algorithms {
  readonly kex: readonly string[]
  readonly serverHostKey: readonly string[]
  readonly cipher: readonly string[]
  readonly hmac: readonly string[]
}

/**
 * What is offered unless ssh_config says otherwise: no SHA-1, no CBC. GCM leads because it is by far the fastest
 * in plain JavaScript. Electron's OpenSSL lacks chacha20-poly1305 and ssh2 throws on a name it cannot use.
 */
export const algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  serverHostKey: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes256-ctr',
    'aes192-ctr',
    'aes128-ctr',
    ...(getCiphers().includes('chacha20-poly1305') ? ['chacha20-poly1305@openssh.com' as const] : []),
  ],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
} as const satisfies Algorithms

/**
 * The lists that the configuration asks for, and what it asks for in vain: `ciphers NAME (the reason)`. `option` and
 * `standard` look a keyword up, in what `ssh -G` prints for the host and where no configuration is read; without
 * `standard` the options are as they stand in the file.
 */
export function chooseAlgorithms(
  option: (keyword: string) => string | undefined,
  standard: ((keyword: string) => string | undefined) | undefined,
): { readonly algorithms: Algorithms; readonly missing: readonly string[] } {
  const missing: string[] = []
  const choose = (kind: keyof Algorithms) => {
    const keyword = algorithmKeywords[kind]
    const chosen =
      standard === undefined
        ? writtenAlgorithms(kind, option(keyword))
        : printedAlgorithms(kind, option(keyword), standard(keyword))
    if (chosen.missing.length > 0)
      missing.push(`${keyword} ${chosen.missing.join(', ')} (not available here)`)
    return chosen.names
  }
  const chosen = {
    kex: choose('kex'),
    serverHostKey: choose('serverHostKey'),
    cipher: choose('cipher'),
    hmac: choose('hmac'),
  }
  return { algorithms: chosen, missing }
}

/** The keyword of ssh_config(5) for each list. */
export const algorithmKeywords = {
  kex: 'kexalgorithms',
  serverHostKey: 'hostkeyalgorithms',
  cipher: 'ciphers',
  hmac: 'macs',
} as const satisfies Record<keyof Algorithms, string>

/** A list as the configuration wants it, and the names in it that ssh2 does not have. */
export interface ChosenAlgorithms {
  readonly names: readonly string[]
  readonly missing: readonly string[]
}

/**
 * Reads a list as `ssh -G` prints it, beside what it prints where no configuration is read. What was added to (`+`),
 * taken from (`-`) or put in front of (`^`) ssh's own list is so of ours; any other list is the user's own, in the
 * user's order.
 */
export function printedAlgorithms(
  kind: keyof Algorithms,
  printed: string | undefined,
  standard: string | undefined,
): ChosenAlgorithms {
  const ours: readonly string[] = algorithms[kind]
  if (printed === undefined || printed === standard) return { names: ours, missing: [] }
  const { front, gone, behind } = changes(printed.split(','), standard?.split(',') ?? [])
  const isUsable = (name: string) => available[kind].includes(name)
  const asked = [...front, ...behind]
  return {
    names: unique([
      ...front.filter(isUsable),
      ...ours.filter((name) => !gone.includes(name)),
      ...behind.filter(isUsable),
    ]),
    missing: asked.filter((name) => !isUsable(name)),
  }
}

/** How ssh's own list became the printed one: what came in front, what went, what came behind. */
function changes(
  printed: readonly string[],
  standard: readonly string[],
): Readonly<Record<'front' | 'gone' | 'behind', readonly string[]>> {
  const gone = standard.filter((name) => !printed.includes(name))
  if (gone.length === 0) {
    if (standard.every((name, index) => printed[index] === name)) {
      return { front: [], gone, behind: printed.slice(standard.length) }
    }
    for (let count = 1; count < printed.length; count++) {
      const front = printed.slice(0, count)
      const rest = standard.filter((name) => !front.includes(name))
      if (isSame(rest, printed.slice(count))) return { front, gone, behind: [] }
    }
  }
  // ssh -G does not tell a list that was cut from one that was written out in the same order: by its length.
  const isCut = isSame(
    standard.filter((name) => printed.includes(name)),
    printed,
  )
  if (isCut && printed.length * 2 > standard.length) return { front: [], gone, behind: [] }
  return { front: printed, gone: Object.values(algorithms).flat(), behind: [] }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index])
}

/**
 * Reads a list as it stands in ssh_config: names or patterns, after `+` to add, `-` to take away or `^` to put
 * first (ssh_config(5), Ciphers).
 */
export function writtenAlgorithms(kind: keyof Algorithms, written: string | undefined): ChosenAlgorithms {
  const ours: readonly string[] = algorithms[kind]
  if (written === undefined) return { names: ours, missing: [] }
  const [, sign, list = ''] = /^([-+^]?)(.*)$/.exec(written) ?? []
  const patterns = list.split(',')
  if (sign === '-') {
    return {
      names: ours.filter((name) => !patterns.some((pattern) => matchesPattern(pattern, name))),
      missing: [],
    }
  }
  const matching = (pattern: string) => available[kind].filter((name) => matchesPattern(pattern, name))
  const wanted = patterns.flatMap(matching)
  return {
    names: unique(sign === '+' ? [...ours, ...wanted] : sign === '^' ? [...wanted, ...ours] : wanted),
    missing: patterns.filter((pattern) => matching(pattern).length === 0),
  }
}

/** What ssh2 1.17 can do besides, and OpenSSH too: offered only where the user's configuration names it. */
const onRequest = {
  kex: [
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha1',
    'diffie-hellman-group-exchange-sha1',
    'diffie-hellman-group1-sha1',
  ],
  serverHostKey: ['ssh-rsa', 'ssh-dss'],
  cipher: withCrypto(getCiphers(), {
    'aes256-cbc': 'aes-256-cbc',
    'aes192-cbc': 'aes-192-cbc',
    'aes128-cbc': 'aes-128-cbc',
    '3des-cbc': 'des-ede3-cbc',
  }),
  hmac: withCrypto(getHashes(), {
    'hmac-sha1-etm@openssh.com': 'sha1',
    'hmac-sha1': 'sha1',
    'hmac-sha1-96': 'sha1',
    'hmac-md5': 'md5',
    'hmac-md5-96': 'md5',
  }),
} satisfies Algorithms

const available: Algorithms = {
  kex: [...algorithms.kex, ...onRequest.kex],
  serverHostKey: [...algorithms.serverHostKey, ...onRequest.serverHostKey],
  cipher: [...algorithms.cipher, ...onRequest.cipher],
  hmac: [...algorithms.hmac, ...onRequest.hmac],
}

/** Those that this runtime's crypto library has, by its own name for them: ssh2 throws on any other. */
function withCrypto(has: readonly string[], names: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(names).filter((name) => has.includes(names[name] ?? ''))
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)]
}
