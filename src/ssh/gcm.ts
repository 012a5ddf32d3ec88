import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type KeyObject,
} from 'node:crypto'
import { freeMemory } from '../base/freeMemory'

/*
 * SSH packets under AES-GCM (RFC 5647, with the names of OpenSSH's PROTOCOL 1.6): the length stands in the clear and is
 * authenticated, the rest is encrypted, and a tag of 16 bytes follows. Each packet has a nonce of its own, the last
 * eight bytes of which count.
 */

export type GcmName = 'aes-128-gcm' | 'aes-256-gcm'

export interface GcmState {
  readonly name: GcmName
  readonly key: Buffer
  /** Of 12 bytes: that of the next packet. */
  readonly nonce: Buffer
}

/** Encrypts packets. */
export class GcmSeal {
  private readonly key: KeyObject
  private readonly nonce: Buffer
  /** Packets are put together here, so that each is encrypted in one call. */
  private readonly draft = Buffer.allocUnsafeSlow(4 + largestSealed)

  constructor(
    private readonly state: GcmState,
    /** Calls `written` once nothing needs the chunk any more, where that is known. */
    private readonly write: (chunk: Buffer, written?: () => void) => void,
  ) {
    this.key = createSecretKey(state.key)
    this.nonce = Buffer.from(state.nonce)
  }

  /** Sends a payload that consists of a head and of bytes `start` to `end` of a chunk, which it does not keep. */
  sendPayload(head: Buffer, chunk: Uint8Array, start: number, end: number): void {
    const { draft } = this
    const payloadLength = head.length + end - start
    const padding = paddingFor(payloadLength)
    const length = 1 + payloadLength + padding
    draft.writeUInt32BE(length, 0)
    draft[4] = padding
    draft.set(head, 5)
    draft.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), 5 + head.length)
    padRandomly(draft, 5 + payloadLength, padding)
    this.seal(draft, 4 + length)
  }

  /** A packet with its length and padding in place, for a payload of so many bytes at offset 5. */
  allocate(payloadLength: number): Buffer {
    const padding = paddingFor(payloadLength)
    const packet = Buffer.allocUnsafe(5 + payloadLength + padding)
    packet.writeUInt32BE(packet.length - 4, 0)
    packet[4] = padding
    padRandomly(packet, 5 + payloadLength, padding)
    return packet
  }

  /** Sends a packet whose length, padding and payload are in place: `length` bytes at the start of the buffer. */
  seal(packet: Buffer, length = packet.length): void {
    const cipher = createCipheriv(this.state.name, this.key, this.nonce)
    countUp(this.nonce)
    cipher.setAAD(packet.subarray(0, 4))
    const sealed = cipher.update(packet.subarray(4, length))
    cipher.final()
    const tag = cipher.getAuthTag()
    if (length <= smallPacket) {
      const out = Buffer.allocUnsafe(length + tagLength)
      packet.copy(out, 0, 0, 4)
      out.set(sealed, 4)
      out.set(tag, length)
      this.write(out)
      return
    }
    this.write(Buffer.from(packet.subarray(0, 4)))
    this.write(sealed, () => freeMemory(sealed))
    this.write(tag)
  }
}

/** Decrypts what comes, in pieces of any size, into the payloads of packets. */
export class GcmOpen {
  private readonly key: KeyObject
  private readonly nonce: Buffer
  /** The start of a packet whose rest has not come. */
  private readonly carry = Buffer.allocUnsafeSlow(4 + largestPacket + tagLength)
  private carried = 0

  constructor(private readonly state: GcmState) {
    this.key = createSecretKey(state.key)
    this.nonce = Buffer.from(state.nonce)
  }

  /**
   * Reads one packet from `from` on, and calls `onPayload` if that completes it. The payload is not used again here.
   * Answers where to go on.
   * @throws Error when the length cannot be, or when the packet is not what the other side sent.
   */
  open(input: Buffer, from: number, end: number, onPayload: (payload: Buffer) => void): number {
    if (this.carried === 0 && end - from >= 4) {
      const whole = wholeLength(input.readUInt32BE(from))
      if (end - from >= whole) {
        onPayload(this.decrypt(input, from, whole))
        return from + whole
      }
    }
    return this.openCarried(input, from, end, onPayload)
  }

  private openCarried(
    input: Buffer,
    from: number,
    end: number,
    onPayload: (payload: Buffer) => void,
  ): number {
    const at = this.fill(input, from, end, 4)
    if (this.carried < 4) return at
    const whole = wholeLength(this.carry.readUInt32BE(0))
    const next = this.fill(input, at, end, whole)
    if (this.carried < whole) return next
    this.carried = 0
    onPayload(this.decrypt(this.carry, 0, whole))
    return next
  }

  private fill(input: Buffer, from: number, end: number, wanted: number): number {
    const to = Math.min(end, from + Math.max(0, wanted - this.carried))
    this.carried += input.copy(this.carry, this.carried, from, to)
    return to
  }

  private decrypt(packet: Buffer, at: number, whole: number): Buffer {
    const decipher = createDecipheriv(this.state.name, this.key, this.nonce)
    countUp(this.nonce)
    const tagAt = at + whole - tagLength
    decipher.setAAD(packet.subarray(at, at + 4))
    decipher.setAuthTag(packet.subarray(tagAt, tagAt + tagLength))
    const opened = decipher.update(packet.subarray(at + 4, tagAt))
    // It throws unless the tag is right; nothing has been looked at before that.
    decipher.final()
    const padding = opened[0] ?? 0
    // RFC 4253 6: at least four bytes, and what is left is the payload.
    if (padding < leastPadding || padding >= opened.length) throw new Error('Bad padding length')
    return opened.subarray(1, opened.length - padding)
  }
}

const tagLength = 16
const blockLength = 16
const leastPadding = 4
/** RFC 4253 6.1 asks for 35,000 at least; nobody was told of more. */
const largestPacket = 36_000
/** Of ours: a payload of 32 KiB, its head and the padding. */
const largestSealed = 33_000
/** A copy costs less than two more chunks to write, up to about here. */
const smallPacket = 8 * 1024

/** The length of a packet with all that belongs to it. */
function wholeLength(length: number): number {
  if (length < blockLength || length > largestPacket || length % blockLength !== 0) {
    throw new Error('Bad packet length')
  }
  return 4 + length + tagLength
}

function paddingFor(payloadLength: number): number {
  const padding = blockLength - ((1 + payloadLength) % blockLength)
  return padding < leastPadding ? padding + blockLength : padding
}

// RFC 4253 6 wants random padding; a system call for each packet's few bytes would be dear.
const randomBytes = Buffer.allocUnsafeSlow(4096)
let randomLeft = 0

function padRandomly(packet: Buffer, at: number, count: number): void {
  if (randomLeft < count) {
    randomFillSync(randomBytes)
    randomLeft = randomBytes.length
  }
  randomBytes.copy(packet, at, randomLeft - count, randomLeft)
  randomLeft -= count
}

/** RFC 5647 7.1: the invocation counter is the last eight bytes. */
function countUp(nonce: Buffer): void {
  for (let at = 11; at >= 4; at--) {
    const next = ((nonce[at] ?? 0) + 1) & 0xff
    nonce[at] = next
    if (next !== 0) return
  }
}
