import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Address } from '../base/address'
import type { Clock } from '../base/clock'
import { WritesPerTurn } from '../base/writesPerTurn'
import type { ChannelProtocol } from './channelProtocol'
import { OwnChannels } from './ownChannels'
import type { Route } from './route'
import { listenToSsh2 } from './ssh2Channels'
import { refuseTinyPackets, takeChannels } from './ssh2Internals'

/** Somebody at one of the addresses where the server listens for us. */
export interface Arrival {
  readonly address: Address
  readonly originator: { readonly address: string; readonly port: number }
  accept(): AcceptedChannel
  reject(): void
}

export interface AcceptedChannel {
  readonly stream: Duplex
  /** Ends it at once, whatever is still to be read or sent. */
  drop(): void
}

export interface ChannelsOptions {
  readonly client: Client
  /** What the client runs on. */
  readonly route: Pick<Route, 'stream' | 'lend'>
  readonly clock: Clock
  readonly onArrival: (arrival: Arrival) => void
  /** The server sent what it was not allowed to send. */
  readonly onViolation: (text: string) => void
}

/** Our own, or those of ssh2's public interface. */
export type ChannelKind = 'own' | 'ssh2'

/**
 * Listens for the channels of a connection's remote forwards: they are our own where this ssh2 has what that takes, else
 * those of ssh2's public interface, which are slower.
 */
export function listenForChannels(options: ChannelsOptions, kind: ChannelKind = 'own'): void {
  const { client, route } = options
  const writes = new WritesPerTurn(route.stream)
  const listen = (protocol: ChannelProtocol) => new OwnChannels(protocol, { ...options, writes })
  if (kind === 'ssh2' || takeChannels(client, route, listen) === undefined) listenToSsh2(options)
  refuseTinyPackets(client)
}
