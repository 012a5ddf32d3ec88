import type { OwnProfile } from '../profile'

/** The part of a profile that a reverse proxy and sshd have to agree on. */
export type Way = Pick<OwnProfile, 'bind' | 'publicUrl'>

/** The host name in a public URL, apart from what varies. */
export interface PublicHost {
  /** With its placeholder. */
  readonly host: string
  readonly port: number
  /** What stands before and behind the placeholder; all before where there is none. */
  readonly before: string
  readonly after: string
  readonly varies: 'name' | 'port' | undefined
}

/** @throws Error for what is no URL with a host. */
export function publicHostOf(publicUrl: string): PublicHost {
  const [, scheme = '', host, port] = /^(\w+):\/\/([^/:]+)(?::(\d+))?/.exec(publicUrl) ?? []
  if (host === undefined) throw new Error(`${publicUrl} has no host`)
  const [, before = '', varies, after = ''] = /^(.*)\{(name|port)\}(.*)$/.exec(host) ?? [undefined, host]
  return {
    ...{ host, before, after },
    port: port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port),
    varies: varies as PublicHost['varies'],
  }
}

/** The URL of a host at a port, which is left out where it is the usual one. */
export function urlOf(scheme: 'https' | 'http', host: string, port: number): string {
  const isUsual = port === (scheme === 'https' ? 443 : 80)
  return `${scheme}://${host}${isUsual ? '' : `:${port}`}`
}

/** What a name may be: a DNS label (RFC 1035 2.3.1). */
export const namePattern = '[a-z0-9][a-z0-9-]{0,62}'

export function escapeDots(host: string): string {
  return host.replaceAll('.', '\\.')
}

/** A regular expression for the numbers from first to last: `200\d\d` for 20000 to 20099. */
export function portPattern(first: number, last: number): string {
  const parts: string[] = []
  for (let next = first; next <= last;) {
    let size = 1
    while (next % (size * 10) === 0 && next + size * 10 - 1 <= last) size *= 10
    const zeros = String(size).length - 1
    parts.push(String(next).slice(0, String(next).length - zeros) + '\\d'.repeat(zeros))
    next += size
  }
  return parts.join('|')
}
