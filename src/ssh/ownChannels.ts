import type { WritesPerTurn } from '../base/writesPerTurn'
import { AckPump } from './ackPump'
import { BusyPolling } from './busyPolling'
import type { ChannelListener, ChannelProtocol, OpenRequest } from './channelProtocol'
import { ForwardedChannel } from './forwardedChannel'
import type { AcceptedChannel, ChannelsOptions } from './forwardedChannels'
import { InFlight } from './inFlight'
import { ReceiveWindow, WindowBudget, type Path } from './receiveWindow'
import { measurePath } from './roundTrip'
import { SendQueue } from './sendQueue'
import { SpareMemory } from './spareMemory'

/** The channels of a connection's remote forwards, past ssh2's own. */
export class OwnChannels implements ChannelListener {
  private readonly channels = new Map<number, KnownChannel>()
  private readonly budget = new WindowBudget()
  private readonly memory = new SpareMemory()
  private readonly queue: SendQueue
  private readonly inFlight: InFlight
  private readonly path: Path
  private readonly pump: AckPump
  private readonly polling: Pick<BusyPolling, 'expectMore' | 'relax'>

  constructor(
    private readonly protocol: ChannelProtocol,
    private readonly options: ChannelsOptions & {
      readonly writes: WritesPerTurn
      /** A polling of its own unless given. */
      readonly polling?: Pick<BusyPolling, 'expectMore' | 'relax'>
    },
  ) {
    const { stream } = options.route
    this.path = measurePath(options.client)
    this.inFlight = new InFlight(this.path, protocol.peerSoftware)
    this.queue = new SendQueue(stream, () => protocol.isExchangingKeys)
    const ignore = () => {
      if (!protocol.isExchangingKeys) protocol.ignore()
    }
    this.pump = new AckPump(stream, { ...options, ignore })
    this.polling = options.polling ?? new BusyPolling(this.path)
    stream.once('close', () => {
      this.pump.dispose()
      this.polling.relax()
    })
  }

  onOpen(request: OpenRequest): boolean {
    const { address, originator, peerId } = request
    this.polling.expectMore()
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
    const isQuestion = data.length < mostOfQuestion
    this.pump.expectAnswer(isQuestion)
    if (isQuestion) this.polling.expectMore()
    else this.polling.relax()
    if (!channel.onData(data)) this.options.onViolation('it sent more than the window allows')
    return true
  }

  onWindowAdjust(id: number, bytes: number): boolean {
    const channel = this.channels.get(id)
    if (channel === undefined) return false
    this.pump.expectAnswer(false)
    this.polling.relax()
    if (!channel.onWindowAdjust(bytes)) this.options.onViolation('it made a window larger than one may be')
    return true
  }

  onEof(id: number): boolean {
    const channel = this.channels.get(id)
    channel?.onEof()
    this.pump.expectAnswer(false)
    return channel !== undefined
  }

  onClose(id: number): boolean {
    const channel = this.channels.get(id)
    if (channel === undefined) return false
    this.channels.delete(id)
    this.polling.expectMore()
    this.pump.expectAnswer(false)
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
    const { protocol, queue, inFlight, memory } = this
    const receiveWindow = new ReceiveWindow(this.budget, this.path)
    const stream = new ForwardedChannel(request, { protocol, queue, inFlight, receiveWindow, memory })
    const id = protocol.reserve()
    // It stays known until the server closes it too (RFC 4254 5.3).
    this.channels.set(id, stream)
    stream.once('close', () => {
      if (this.channels.get(id) === stream) this.channels.set(id, gone)
    })
    protocol.confirm(request.peerId, { id, window: receiveWindow.first })
    return { stream, drop: () => void stream.destroy() }
  }
}

type KnownChannel = Pick<
  ForwardedChannel,
  'onData' | 'onWindowAdjust' | 'onEof' | 'onClose' | 'refuseRequest'
>

/** Stands for a channel that is over here and not yet at the server: it holds nothing of what was not read. */
const gone: KnownChannel = {
  onData: () => true,
  onWindowAdjust: () => true,
  onEof: () => undefined,
  onClose: () => undefined,
  refuseRequest: () => undefined,
}

/** A server that never closes a channel must not fill our memory with what it leaves open. */
const mostKnown = 16 * 1024

/** A request is shorter, and what is longer seldom comes alone. In bytes. */
const mostOfQuestion = 8 * 1024
