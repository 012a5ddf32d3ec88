import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../base/clock'

/**
 * Slows down who guesses passwords: some tries at once, then one now and then. It counts by the visitor's address, and
 * the same wrong password once only, so that a program that was not told of a new one harms nobody. An address that is
 * not known is never slowed: it is everybody's, and one visitor could keep all others out.
 */
export class WrongPasswords {
  /** By address, the latest last. */
  private readonly visitors = new Map<string, Tries>()

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** How long until this address may try a password again, in milliseconds; 0 at once. */
  waitMs(address: string): number {
    const tries = this.visitors.get(networkOf(address))
    if (address === '' || tries === undefined) return 0
    return Math.max(0, tries.freeAt - this.clock.now() - (triesAtOnce - 1) * msPerTry)
  }

  /** This address has tried a wrong one. */
  add(address: string, authorization: string): void {
    if (address === '') return
    const network = networkOf(address)
    const latest = createHash('sha256').update(authorization).digest('base64')
    const former = this.visitors.get(network)
    if (former?.latest === latest) return
    this.visitors.delete(network)
    const freeAt = Math.max(former?.freeAt ?? 0, this.clock.now()) + msPerTry
    this.visitors.set(network, { freeAt, latest })
    const [oldest] = this.visitors.keys()
    if (this.visitors.size > mostVisitors && oldest !== undefined) this.visitors.delete(oldest)
  }
}

interface Tries {
  /** When all tries are given back. */
  readonly freeAt: number
  readonly latest: string
}

const triesAtOnce = 10
const msPerTry = 6000
/** About 2 MB. Whoever has more addresses than that is not held up by counting them. */
const mostVisitors = 10_000

/** Who has one IPv6 address has a whole /64 of them (RFC 6177). */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head.split(':').filter((group) => group !== '')
  const missing =
    tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((group) => group !== '').length
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ?? '').split(':')]
  return all
    .slice(0, 4)
    .map((group) => parseInt(group, 16))
    .join(':')
}
