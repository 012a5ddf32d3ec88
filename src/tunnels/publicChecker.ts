import { isIP, type LookupFunction } from 'node:net'
import { Cancelled, type Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { PublicWay } from '../servers/profile'
import { isOpenToAll } from '../servers/reach'
import { judgePublicAnswer, type PublicFacts } from './publicCheck'
import { addressesOf, askPublicUrl } from './publicProbe'

/** A nonce that a tunnel looks out for. */
export interface ExpectedNonce {
  readonly nonce: string
  arrived(): boolean
  done(): void
}

/** Calls a tunnel's public URL from outside and says what is wrong with the way, if anything is. */
export class PublicChecker {
  private readonly ca: string | undefined
  private readonly lookup: LookupFunction | undefined

  constructor(
    private readonly options: {
      readonly log: Log
      readonly ca?: string | undefined
      readonly lookup?: LookupFunction | undefined
    },
  ) {
    this.ca = options.ca
    this.lookup = options.lookup
  }

  /**
   * `server` is the address the SSH server was dialled at, where that is known.
   * @throws Cancelled when the signal is aborted.
   */
  async check(
    way: PublicWay,
    facts: { expected: ExpectedNonce; server: string | undefined; signal: AbortSignal },
  ): Promise<Failure | undefined> {
    const { expected, server, signal } = facts
    const { ca, lookup } = this
    const { publicUrl, tls } = way
    try {
      const answer = await askPublicUrl({ publicUrl, tls, nonce: expected.nonce, signal, ca, lookup })
      if (signal.aborted) throw new Cancelled()
      const arrived = expected.arrived()
      const seen = { way, nonce: expected.nonce, arrived }
      const failure = judgePublicAnswer(answer, seen)
      if (failure === undefined || arrived || server === undefined) return failure
      return judgePublicAnswer(answer, { ...seen, elsewhere: await this.elsewhere(publicUrl, server) })
    } finally {
      expected.done()
    }
  }

  private async elsewhere(publicUrl: string, server: string): Promise<PublicFacts['elsewhere']> {
    const addresses = await addressesOf(new URL(publicUrl).hostname.replace(/^\[|\]$/g, ''), this.lookup)
    const plain = (address: string) => address.replace(/^::ffff:/i, '').toLowerCase()
    const isThere = addresses.length === 0 || addresses.some((address) => plain(address) === plain(server))
    // A server that is dialled within a private network has another address for those outside, and one that is
    // dialled by IPv6 has another for those who come by IPv4.
    const isLikeServer = (address: string) =>
      isIP(address) === isIP(plain(server)) && isOpenToAll(address) === isOpenToAll(plain(server))
    const isComparable = addresses.some((address) => isLikeServer(plain(address)))
    if (isThere || !isComparable) return undefined
    this.options.log.debug(`${publicUrl} points to ${addresses.join(', ')}, the server is ${server}`)
    return { addresses, server: plain(server) }
  }
}
