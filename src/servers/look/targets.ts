import { parseHostPort } from '../../ssh/destination'
import type { Bind } from '../profile'
import type { ProxyRoute } from './evidence'
import { digitRange, isDomain, type HostPattern } from './names'

/** A public host name, and where its visitors are led. */
export type HostAndBind = Pick<ProxyRoute, 'publicHost' | 'bind'>

/** A varied host name and an address that has the same part. */
export function variedHostAndBind(pattern: HostPattern, target: string): HostAndBind | undefined {
  const variable = `$${pattern.group ?? '1'}`
  const { before, after, openEnd, part } = pattern
  const hostWith = (placeholder: string) => `${before}${placeholder}${after}${openEnd ? '*' : ''}`
  const path = socketPath(target)
  if (path?.split(variable).length === 2) {
    const filled = path.replace(variable, '{name}')
    if (isPlainPath(filled)) return { publicHost: hostWith('{name}'), bind: { kind: 'unix', path: filled } }
  }
  const host = /^(127\.0\.0\.1|localhost|\[::1\]):(.*)$/.exec(target)
  const range = digitRange(part)
  if (host?.[2] !== variable || range === undefined) return undefined
  return { publicHost: hostWith('{port}'), bind: tcp(host[1] ?? '', range.first, range.last) }
}

export function fixedHost(names: readonly string[]): string | undefined {
  const name = names.find((each) => isDomain(each.toLowerCase()))
  if (name !== undefined) return name.toLowerCase()
  // Every name below it reaches the same address, so any will do.
  const below = names.map((each) => each.replace(/^\*?\./, '').toLowerCase()).find(isDomain)
  if (below !== undefined) return `app.${below}`
  return names.length === 0 || names.includes('_') ? '*' : undefined
}

export function fixedBind(target: string): Bind | undefined {
  const path = socketPath(target)
  if (path !== undefined) return isPlainPath(path) ? { kind: 'unix', path } : undefined
  const found = parseHostPort(target)
  if (found?.port === undefined || !isLoopbackName(found.host)) return undefined
  return tcp(found.host, found.port, found.port)
}

/**
 * What a configuration names ends up in lines for a person to paste, for root at that. A path that a shell, nginx or
 * Caddy could take for more than one word is not used.
 */
export function isPlainPath(path: string): boolean {
  return /^\/[\w./@+:-]+$/.test(path.replace('{name}', 'name'))
}

function socketPath(target: string): string | undefined {
  return /^unix:(\/[^:]*)/.exec(target)?.[1]
}

/** sshd asked for `localhost` may get ::1 alone where something holds 127.0.0.1 (a partial bind). */
function tcp(host: string, firstPort: number, lastPort: number): Bind {
  return {
    kind: 'tcp',
    host: host === 'localhost' ? '127.0.0.1' : host.replace(/[[\]]/g, ''),
    firstPort,
    lastPort,
  }
}

export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
