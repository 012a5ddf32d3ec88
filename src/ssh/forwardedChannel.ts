import { Duplex } from 'node:stream'
import { largestData, type ChannelProtocol, type OpenRequest } from './channelProtocol'
import type { InFlight } from './inFlight'
import type { ReceiveWindow } from './receiveWindow'
import type { Sender, SendQueue } from './sendQueue'
import type { SpareMemory } from './spareMemory'

/**
 * A visitor's channel (RFC 4254 5). Both directions hold back who sends more than the other end takes, and each ends by
 * itself. The channel is closed when both have ended, or when it is destroyed.
 */
export class ForwardedChannel extends Duplex implements Sender {
  /** What `write` got is not kept where it was: whoever wrote it may use the memory again. */
  readonly copiesWhatItKeeps = true
  private readonly peerId: number
  private readonly largestData: number
  private sendWindow: number
  /** Sent, and not known to have come. */
  private underWay = 0
  private waiting: Waiting | undefined
  private hasEnded = false
  private hasSentEof = false
  private hasSentClose = false

  constructor(
    { peerId, window, largestData: peerLargest }: OpenRequest,
    private readonly shared: {
      readonly protocol: ChannelProtocol
      readonly queue: SendQueue
      readonly inFlight: InFlight
      readonly receiveWindow: ReceiveWindow
      readonly memory: SpareMemory
    },
  ) {
    super({ readableHighWaterMark: unreadMark, writableHighWaterMark: unsentMark })
    this.peerId = peerId
    this.sendWindow = window
    this.largestData = Math.min(peerLargest, largestData)
  }

  /** False when it is more than the window allowed. */
  onData(data: Buffer): boolean {
    const { receiveWindow } = this.shared
    if (!receiveWindow.take(data.length)) return false
    if (this.destroyed || this.hasEnded) return true
    this.push(data)
    this.grant()
    return true
  }

  /** False when that makes the window larger than it may be. */
  onWindowAdjust(bytes: number): boolean {
    this.sendWindow += bytes
    if (this.sendWindow > largestSendWindow) return false
    this.land(bytes)
    if (this.waiting !== undefined) this.shared.queue.add(this)
    return true
  }

  onEof(): void {
    if (this.hasEnded || this.destroyed) return
    this.hasEnded = true
    this.push(null)
  }

  /** The server says nothing more, and hears nothing. What has been read of it so far is still to be had. */
  onClose(): void {
    if (this.destroyed) return
    this.hasSentEof = true
    this.sendClose()
    if (this.waiting !== undefined) return void this.destroy(gone())
    this.onEof()
    if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
  }

  /** Closes once all that was written is on its way, as sockets do. */
  destroySoon(): void {
    if (!this.writableEnded) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  refuseRequest(): void {
    if (!this.hasSentClose) this.shared.protocol.refuseRequest(this.peerId)
  }

  sendTurn(mostBytes: number): boolean {
    const { waiting } = this
    if (waiting === undefined) return false
    const { chunk } = waiting
    const end = Math.min(chunk.length, waiting.at + Math.min(mostBytes, this.room()))
    while (waiting.at < end) {
      const to = Math.min(end, waiting.at + this.largestData)
      this.shared.protocol.data(this.peerId, chunk, waiting.at, to)
      this.sendWindow -= to - waiting.at
      const before = this.underWay
      this.underWay += to - waiting.at
      this.shared.inFlight.sent(this, before, this.underWay)
      waiting.at = to
    }
    if (waiting.at === chunk.length) {
      this.forget(waiting)
      // The next to be sent may come with this.
      waiting.done()
    }
    return this.maySend()
  }

  override _read(): void {
    // What comes is pushed as it comes.
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size)
    // `_read` is not called again before something is pushed, which never comes where the window is used up.
    if (chunk !== null) this.grant()
    return chunk
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: Done): void {
    this.send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.sendEof()
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const { queue, receiveWindow } = this.shared
    const { waiting } = this
    if (waiting !== undefined) this.forget(waiting)
    queue.remove(this)
    receiveWindow.dispose()
    this.land(this.underWay)
    this.sendEof()
    this.sendClose()
    waiting?.done(error ?? gone())
    done(error)
  }

  private maySend(): boolean {
    return this.waiting !== undefined && this.room() > 0
  }

  private room(): number {
    return Math.min(this.sendWindow, this.shared.inFlight.room(this.underWay))
  }

  private land(bytes: number): void {
    const before = this.underWay
    this.underWay -= Math.min(bytes, before)
    this.shared.inFlight.arrived(before, this.underWay)
  }

  private send(chunk: Buffer, done: Done): void {
    if (this.hasSentClose) return done(gone())
    const waiting: Waiting = { chunk, at: 0, memory: undefined, done }
    this.waiting = waiting
    this.shared.queue.add(this)
    if (this.waiting !== waiting) return
    const left = chunk.length - waiting.at
    waiting.memory = left > smallRest ? this.shared.memory.take(left) : Buffer.allocUnsafe(left)
    chunk.copy(waiting.memory, 0, waiting.at)
    waiting.chunk = waiting.memory.subarray(0, left)
    waiting.at = 0
  }

  private forget({ memory }: Waiting): void {
    this.waiting = undefined
    if (memory !== undefined) this.shared.memory.giveBack(memory)
  }

  private grant(): void {
    if (this.hasSentClose) return
    const bytes = this.shared.receiveWindow.grant(this.readableLength)
    if (bytes > 0) this.shared.protocol.adjustWindow(this.peerId, bytes)
  }

  private sendEof(): void {
    if (this.hasSentEof) return
    this.hasSentEof = true
    this.shared.protocol.eof(this.peerId)
  }

  // RFC 4254 5.3: data under way would be lost if it came before both have ended.
  private sendClose(): void {
    if (this.hasSentClose) return
    this.hasSentClose = true
    this.shared.protocol.close(this.peerId)
  }
}

function gone(): Error {
  return new Error('the visitor is gone')
}

type Done = (error?: Error | null) => void

interface Waiting {
  chunk: Buffer
  /** How much of it has been sent. */
  at: number
  /** Where the chunk is, where it is not the writer's own. */
  memory: Buffer | undefined
  readonly done: Done
}

/** RFC 4254 5.2. */
const largestSendWindow = 2 ** 32 - 1
const unreadMark = 256 * 1024
const unsentMark = 64 * 1024
/** Next to nothing in new memory. */
const smallRest = 16 * 1024
