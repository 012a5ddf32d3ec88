import { BlockList, isIP, isIPv6 } from 'node:net'
import { formatHostPort } from '../base/address'
import { lazy } from '../base/lazy'

/** True for `localhost` and for what means this very machine, however it is written: `127.1`, `0x7f.1`, `::1`. */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host)
  return plain === 'localhost' || isIn(loopback(), plain)
}

/** True for `*`, and for 0.0.0.0 and `::` however they are written. */
export function isEveryAddress(host: string): boolean {
  return host === '*' || ['0.0.0.0', '::'].includes(plainHost(host))
}

/**
 * True for an address that anybody on the internet may reach: every address of the machine, or one that is neither
 * loopback nor of a private network. A name says nothing about that, and a server behind NAT may be reached by a
 * private address of its own, so false is no promise.
 */
export function isOpenToAll(host: string): boolean {
  const plain = plainHost(host)
  if (isEveryAddress(host)) return true
  return isIP(plain) !== 0 && !isIn(loopback(), plain) && !isIn(privateNetworks(), plain)
}

/** Lower case; an address in its usual form, IPv6 without brackets. As it is when it cannot stand in a URL. */
function plainHost(host: string): string {
  const url = `http://${formatHostPort(host, 80)}`
  if (!URL.canParse(url)) return host.toLowerCase()
  const { hostname } = new URL(url)
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

const loopback = lazy(() => blockList(['127.0.0.0/8', '::1/128']))

/** RFC 1918, RFC 6598 (carrier NAT), RFC 3927 and RFC 4291 (link-local), RFC 4193. */
const privateNetworks = lazy(() =>
  blockList([
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '169.254.0.0/16',
    'fe80::/10',
    'fc00::/7',
  ]),
)

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/')
    list.addSubnet(network, Number(prefix), isIPv6(network) ? 'ipv6' : 'ipv4')
  }
  return list
}
