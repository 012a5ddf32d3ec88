import type { CapturedBody } from './capturedExchange'

/** A body as it comes: its beginning is copied, all of it is counted. */
export class GrowingBody {
  private bytes = none
  private length = 0
  private size = 0

  constructor(private mostBytes: number) {}

  add(chunk: Uint8Array): void {
    this.size += chunk.length
    const taken = Math.min(chunk.length, this.room)
    if (taken <= 0) return
    // The first chunk is often all there is. A view would keep all of what Node has read at once.
    if (this.length === 0) {
      this.bytes = new Uint8Array(chunk.subarray(0, taken))
      this.length = taken
      return
    }
    this.makeRoom(this.length + taken)
    this.bytes.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), this.length)
    this.length += taken
  }

  /** How many more bytes are copied. */
  get room(): number {
    return this.mostBytes - this.length
  }

  /** Bytes that came and are not to be copied. */
  count(bytes: number): void {
    this.size += bytes
  }

  /** As it is now. What comes later is put behind these bytes and never changes them. */
  get now(): CapturedBody {
    const { bytes, length, size } = this
    return { bytes: length === bytes.length ? bytes : bytes.subarray(0, length), size }
  }

  /** As it is in the end, in no more memory than it needs. */
  get whole(): CapturedBody {
    if (this.length < this.bytes.length) this.bytes = this.bytes.slice(0, this.length)
    return this.now
  }

  /** Nobody will look: from now on it is only counted. */
  letGo(): void {
    this.mostBytes = 0
    this.length = 0
    this.bytes = none
  }

  private makeRoom(needed: number): void {
    if (needed <= this.bytes.length) return
    const bytes = new Uint8Array(Math.min(this.mostBytes, Math.max(needed, 2 * this.length)))
    bytes.set(this.bytes.subarray(0, this.length))
    this.bytes = bytes
  }
}

/** Most requests have no body. */
const none = new Uint8Array(0)
