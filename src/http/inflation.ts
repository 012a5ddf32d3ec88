import { createInflateRaw, type InflateRaw } from 'node:zlib'
import type { CapturedBody } from './capturedExchange'
import { GrowingBody } from './growingBody'

/**
 * Makes the compressed messages of one side readable (RFC 7692), one after the other, since each may refer to those
 * before it. It works beside the stream. Where that would take too much, it gives up for good.
 */
export class Inflation {
  private readonly waiting: { readonly bytes: Uint8Array; readonly done: (body: CapturedBody) => void }[] = []
  private waitingBytes = 0
  private inflate: InflateRaw | undefined
  private body = new GrowingBody(0)
  private hasGivenUp = false
  private isEnding = false

  constructor(private readonly mostBytes: number) {}

  /** `done` gets the readable message, some time later; never, where it cannot be had. */
  add(compressed: CapturedBody, done: (body: CapturedBody) => void): void {
    const { bytes, size } = compressed
    this.waitingBytes += bytes.length
    if (bytes.length < size || this.waitingBytes > mostWaiting) this.giveUp()
    if (this.hasGivenUp) return
    this.waiting.push({ bytes, done })
    if (this.waiting.length === 1) this.next()
  }

  /** Nothing more comes; what waits is still done. */
  end(): void {
    this.isEnding = true
    if (this.waiting.length === 0) this.close()
  }

  giveUp(): void {
    this.hasGivenUp = true
    this.waiting.length = 0
    this.close()
  }

  private next(): void {
    const [first] = this.waiting
    if (first === undefined) {
      if (this.isEnding) this.close()
      return
    }
    const inflate = (this.inflate ??= this.begin())
    this.body = new GrowingBody(this.mostBytes)
    inflate.write(first.bytes)
    inflate.write(endOfMessage)
    inflate.flush(() => {
      if (this.inflate !== inflate) return
      this.waiting.shift()
      this.waitingBytes -= first.bytes.length
      // RFC 7692 7.2.3.5: a message may end the compressed stream.
      if (inflate.readableEnded) this.close()
      first.done(this.body.whole)
      this.next()
    })
  }

  private begin(): InflateRaw {
    const inflate = createInflateRaw()
    inflate.on('error', () => this.giveUp())
    inflate.on('data', (chunk: Buffer) => {
      this.body.add(chunk)
      if (this.body.now.size > mostInflated) this.giveUp()
    })
    return inflate
  }

  private close(): void {
    this.inflate?.close()
    this.inflate = undefined
  }
}

/** RFC 7692 7.2.2: senders leave it out. */
const endOfMessage = Buffer.from([0, 0, 0xff, 0xff])

/** A visitor could send faster than this machine inflates, and a little that becomes very much. */
const mostWaiting = 4 * 1024 * 1024
const mostInflated = 32 * 1024 * 1024
