import type { LocalProtocol } from '../ports/probe'

/** What a tunnel leads to: a listening port on this machine, or one that this machine can reach. */
export interface LocalApp {
  /** `localhost` means both loopback addresses. */
  readonly host: string
  readonly port: number
  readonly protocol: LocalProtocol
}
