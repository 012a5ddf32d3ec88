import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Address } from '../base/address'
import { WritesPerTurn } from '../base/writesPerTurn'
import { pumpAcks } from './ackPump'
import type { ChannelListener, ChannelProtocol, OpenRequest } from './channelProtocol'
import { ForwardedChannel } from './forwardedChannel'
import { ReceiveWindow, WindowBudget, type Path } from './receiveWindow'
import type { Route } from './route'
import { measurePath } from './roundTrip'
import { SendQueue } from './sendQueue'
import { listenToSsh2 } from './ssh2Channels'
import { takeChannels } from './ssh2Internals'

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
  const { stream } = route
  const writes = new WritesPerTurn(stream)
  const own =
    kind === 'own' ? takeChannels(client, route, (protocol) => new OwnChannels(protocol, options)) : undefined
  if (own === undefined) listenToSsh2(options)
  else pumpAcks(stream, { writes, ignore: () => own.ignore() })
}

class OwnChannels implements ChannelListener {
  private readonly channels = new Map<number, ForwardedChannel>()
  private readonly budget = new WindowBudget()
  private readonly queue: SendQueue
  private readonly path: Path

  constructor(
    private readonly protocol: ChannelProtocol,
    private readonly options: ChannelsOptions,
  ) {
    this.path = measurePath(options.client)
    this.queue = new SendQueue(options.route.stream, () => protocol.isExchangingKeys)
  }

  ignore(): void {
    if (!this.protocol.isExchangingKeys) this.protocol.ignore()
  }

  onOpen(request: OpenRequest): boolean {
    const { address, originator, peerId } = request
    if (this.channels.size >= mostKnown) {
      this.protocol.fail(peerId)
      return true
    }
    this.options.onArrival({
      address,
      originator,
      accept: () => this.accept(request),
      reject: () => this.protocol.fail(peerId),
    })
    return true
  }

  onData(id: number, data: Buffer): boolean {
    const channel = this.channels.get(id)
    if (channel === undefined) return false
    if (!channel.onData(data)) this.options.onViolation('it sent more than the window allows')
    return true
  }

  onWindowAdjust(id: number, bytes: number): boolean {
    const channel = this.channels.get(id)
    channel?.onWindowAdjust(bytes)
    return channel !== undefined
  }

  onEof(id: number): boolean {
    const channel = this.channels.get(id)
    channel?.onEof()
    return channel !== undefined
  }

  onClose(id: number): boolean {
    const channel = this.channels.get(id)
    if (channel === undefined) return false
    this.channels.delete(id)
    channel.onClose()
    this.protocol.release(id)
    return true
  }

  onRequest(id: number, wantsReply: boolean): boolean {
    const channel = this.channels.get(id)
    if (channel !== undefined && wantsReply) channel.refuseRequest()
    return channel !== undefined
  }

  onKeys(): void {
    this.queue.run()
  }

  private accept(request: OpenRequest): AcceptedChannel {
    const { protocol, queue } = this
    const receiveWindow = new ReceiveWindow(this.budget, this.path)
    const stream = new ForwardedChannel(request, { protocol, queue, receiveWindow })
    const id = protocol.reserve()
    // It stays known until the server closes it too (RFC 4254 5.3).
    this.channels.set(id, stream)
    protocol.confirm(request.peerId, { id, window: receiveWindow.first })
    return { stream, drop: () => void stream.destroy() }
  }
}

/** A server that never closes a channel must not fill our memory with what it leaves open. */
const mostKnown = 16 * 1024
