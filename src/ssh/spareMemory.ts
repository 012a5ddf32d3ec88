/**
 * Memory for bytes that wait to be sent, used again and again: for new memory at the speed of bulk V8 would collect its
 * garbage many times a second. Give back what was taken, once.
 */
export class SpareMemory {
  private readonly spare: Buffer[] = []

  /** At least so many bytes, with anything in them. */
  take(bytes: number): Buffer {
    if (bytes > pieceBytes) return Buffer.allocUnsafeSlow(bytes)
    return this.spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)
  }

  giveBack(memory: Buffer): void {
    if (memory.length === pieceBytes && this.spare.length < mostSpare) this.spare.push(memory)
  }
}

/** As much as is read of an app at once. */
const pieceBytes = 128 * 1024
const mostSpare = 16
