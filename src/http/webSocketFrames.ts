import type { CapturedMessage } from './capturedExchange'
import { GrowingBody } from './growingBody'

/** A message as it came, before it is made readable. */
export interface FramedMessage {
  readonly kind: CapturedMessage['kind']
  /** RFC 7692: to be inflated. */
  readonly isCompressed: boolean
  readonly body: CapturedMessage['body']
}

/**
 * Reads the messages out of what one side of a WebSocket sends (RFC 6455 5). It keeps the beginning of each and looks
 * on only: nothing waits for it and nothing is changed. What breaks the rules ends the reading.
 */
export class FrameReader {
  private readonly head = new Uint8Array(longestHead)
  private headLength = 0
  private frame: Frame | undefined
  /** A message in several frames; frames of control may come between them. */
  private message: { readonly kind: 'text' | 'binary'; isCompressed: boolean; body: GrowingBody } | undefined
  private broken = false

  constructor(
    private readonly options: {
      /** Visitors mask what they send, apps do not (RFC 6455 5.1). */
      readonly isMasked: boolean
      readonly mayBeCompressed: boolean
      /** Kept of each message. */
      readonly mostBytes: number
      readonly onMessage: (message: FramedMessage) => void
    },
  ) {}

  /** Something was against the rules; nothing more is read. */
  get isBroken(): boolean {
    return this.broken
  }

  add(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length && !this.broken) {
      at = this.frame === undefined ? this.readHead(chunk, at) : this.readPayload(this.frame, chunk, at)
    }
  }

  private readHead(chunk: Uint8Array, from: number): number {
    let at = from
    while (at < chunk.length) {
      this.head[this.headLength++] = chunk[at++] ?? 0
      if (this.headLength >= headSize(this.head, this.headLength)) {
        this.begin(this.head.subarray(0, this.headLength))
        this.headLength = 0
        break
      }
    }
    return at
  }

  private begin(head: Uint8Array): void {
    const { isMasked, mayBeCompressed, mostBytes } = this.options
    const view = new DataView(head.buffer, head.byteOffset, head.length)
    const [first, second] = [view.getUint8(0), view.getUint8(1)]
    const isLast = (first & 0x80) !== 0
    const kind = kinds[first & 0x0f]
    const isCompressed = (first & 0x40) !== 0
    const length = lengthIn(view)
    const isControl = kind === 'ping' || kind === 'pong' || kind === 'close'
    this.broken =
      kind === undefined ||
      (first & 0x30) !== 0 ||
      (isCompressed && (!mayBeCompressed || isControl || kind === 'more')) ||
      ((second & 0x80) !== 0) !== isMasked ||
      !Number.isSafeInteger(length) ||
      (isControl && (!isLast || length > longestControl)) ||
      (!isControl && (kind === 'more') !== (this.message !== undefined))
    if (this.broken || kind === undefined) return
    if (kind === 'text' || kind === 'binary')
      this.message = { kind, isCompressed, body: new GrowingBody(mostBytes) }
    const body = isControl ? new GrowingBody(longestControl) : this.message?.body
    if (body === undefined) return
    const mask = isMasked ? head.slice(-4) : undefined
    this.frame = { kind, isLast, mask, body, left: length, read: 0 }
    if (length === 0) this.finish(this.frame)
  }

  private readPayload(frame: Frame, chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + frame.left)
    const { body } = frame
    const kept = Math.min(part.length, body.room)
    if (kept > 0) body.add(unmasked(part.subarray(0, kept), frame))
    body.count(part.length - kept)
    frame.read += part.length
    frame.left -= part.length
    if (frame.left === 0) this.finish(frame)
    return at + part.length
  }

  private finish({ kind, isLast, body }: Frame): void {
    this.frame = undefined
    const { message } = this
    if (kind === 'ping' || kind === 'pong' || kind === 'close') {
      this.options.onMessage({ kind, isCompressed: false, body: body.whole })
    } else if (isLast && message !== undefined) {
      this.message = undefined
      const { isCompressed } = message
      this.options.onMessage({ kind: message.kind, isCompressed, body: body.whole })
    }
  }
}

interface Frame {
  readonly kind: (typeof kinds)[number]
  readonly isLast: boolean
  readonly mask: Uint8Array | undefined
  readonly body: GrowingBody
  left: number
  read: number
}

/** By opcode (RFC 6455 11.8). */
const kinds: Readonly<Record<number, 'more' | CapturedMessage['kind']>> = {
  ...{ 0: 'more', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' },
}

/** Two bytes, eight of length, four of mask. */
const longestHead = 14
const longestControl = 125

function headSize(head: Uint8Array, length: number): number {
  if (length < 2) return 2
  const [, second = 0] = head
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + ((second & 0x80) === 0 ? 0 : 4)
}

function lengthIn(view: DataView): number {
  const short = view.getUint8(1) & 0x7f
  if (short === 126) return view.getUint16(2)
  return short === 127 ? Number(view.getBigUint64(2)) : short
}

/** A copy: the bytes themselves are on their way to the app. */
function unmasked(part: Uint8Array, { mask, read }: Frame): Uint8Array {
  return mask === undefined ? part : part.map((byte, at) => byte ^ (mask[(read + at) & 3] ?? 0))
}
