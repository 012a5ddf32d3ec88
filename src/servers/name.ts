import { createHash } from 'node:crypto'

/**
 * The name of a tunnel, from the workspace folder's name and the port: a DNS label (RFC 1035 2.3.1), the same each
 * time, so that the URL stays. `longest` is how many characters there is room for (`longestNameIn`), at least 20.
 */
export function tunnelName(folder: string | undefined, port: number, longest = longestLabel): string {
  const suffix = `-${port}`
  const label = dnsLabel(folder ?? '')
  // A folder whose letters all fell away still needs a name that differs from its neighbours'.
  const base = label !== '' ? label : folder ? `p${digest(folder)}` : 'port'
  const room = longest - suffix.length
  if (base.length <= room) return base + suffix
  return `${base.slice(0, room - 7).replace(/-+$/, '')}-${digest(base)}${suffix}`
}

/** Letters, digits and inner dashes in lower case; accents fall away. May be empty. */
export function dnsLabel(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
}

export const longestLabel = 63

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6)
}
