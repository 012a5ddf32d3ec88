import { Readable } from 'node:stream'

/**
 * Reads a body to its end. `mayTake` is asked for each piece, with its bytes; where it says no, the result is the body
 * once more from its beginning, of which no more is read than is taken.
 * @throws Error when the body breaks off.
 */
export async function readBody(
  body: Readable,
  mayTake: (bytes: number) => boolean,
): Promise<Buffer | Readable> {
  const read = new GrowingBuffer()
  // Node would destroy the stream at its end, and with an h2 stream the way back.
  const pieces = body.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>
  for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
    read.add(piece.value)
    if (!mayTake(piece.value.length))
      return Readable.from(withStart(read.bytes, pieces), { objectMode: false })
  }
  return read.bytes
}

async function* withStart(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield start
  for (let piece = await rest.next(); piece.done !== true; piece = await rest.next()) yield piece.value
}

/** A list of the pieces would take many times their bytes where a visitor sends one byte at a time. */
class GrowingBuffer {
  private buffer = Buffer.allocUnsafe(4096)
  private size = 0

  get bytes(): Buffer {
    return this.buffer.subarray(0, this.size)
  }

  add(piece: Buffer): void {
    const size = this.size + piece.length
    if (size > this.buffer.length) {
      const larger = Buffer.allocUnsafe(2 * size)
      this.bytes.copy(larger)
      this.buffer = larger
    }
    piece.copy(this.buffer, this.size)
    this.size = size
  }
}
