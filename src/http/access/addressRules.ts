import { BlockList, isIP } from 'node:net'
import type { AccessRules } from './accessRules'

/** Why an address may not come in; undefined where it may. */
export type AddressRefusal =
  | { readonly why: 'address'; readonly address: string }
  /** There are rules, and nobody says who calls. */
  | { readonly why: 'address unknown' }

/** Whether the rules keep this address out. `''` stands for one that is not known: no rule lets it in. */
export function refuseAddress(
  { allow, deny }: Pick<AccessRules, 'allow' | 'deny'>,
  address: string,
): AddressRefusal | undefined {
  if (allow === undefined && deny === undefined) return undefined
  const family = familyOf(address)
  // An address that cannot be checked might be one of those to be kept out.
  if (family === undefined) return { why: 'address unknown' }
  const isDenied = deny !== undefined && listOf(deny).check(address, family)
  const isAllowed = allow === undefined || listOf(allow).check(address, family)
  return isDenied || !isAllowed ? { why: 'address', address } : undefined
}

/** An address, or a CIDR block (RFC 4632, RFC 4291 2.3). IPv4 is written as itself, never within IPv6. */
export function isAddressRule(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = familyOf(address)
  if (family === undefined || rest.length > 0 || /^(?:0+:|:)+ffff:/i.test(address)) return false
  if (prefix === undefined) return true
  return /^(?:0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= (family === 'ipv4' ? 32 : 128)
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  // One with a zone (RFC 4007 11) means something on one machine only.
  if (address.includes('%')) return undefined
  const version = isIP(address)
  return version === 0 ? undefined : `ipv${version === 4 ? 4 : 6}`
}

function listOf(rules: readonly string[]): BlockList {
  const known = lists.get(rules)
  if (known !== undefined) return known
  const list = new BlockList()
  for (const rule of rules) {
    const [address = '', prefix] = rule.split('/')
    const family = familyOf(address) ?? 'ipv4'
    list.addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  lists.set(rules, list)
  return list
}

const lists = new WeakMap<readonly string[], BlockList>()
