import { Duplex } from 'node:stream'

/**
 * Reads the start of a stream until `isEnough` says so, the stream ends, or `letGo` is called, and gives what it
 * has read to `onStart`, once. `isEnough` is asked after each chunk, with all that came so far. When the stream
 * closes before that, `onStart` gets undefined.
 */
export function readStart(
  stream: Duplex,
  isEnough: (head: Buffer) => boolean,
  onStart: (head: Buffer | undefined) => void,
): { letGo(): void } {
  let head = Buffer.alloc(0)
  let isDone = false
  const done = (start: Buffer | undefined) => {
    if (isDone) return
    isDone = true
    stream.off('readable', onReadable).off('end', letGo).off('close', onClose)
    onStart(start)
  }
  const letGo = () => done(head)
  const onClose = () => done(undefined)
  const onReadable = () => {
    for (let chunk = read(stream); chunk !== null; chunk = read(stream)) {
      head = Buffer.concat([head, chunk])
      if (isEnough(head)) {
        letGo()
        return
      }
    }
  }
  stream.on('readable', onReadable).once('end', letGo).once('close', onClose)
  return { letGo }
}

/** A stream that begins with `head` again: the same one, unless it has ended, for then it takes nothing back. */
export function putBack(stream: Duplex, head: Buffer): Duplex {
  if (head.length === 0) return stream
  if (stream.readableEnded) return new WrappedStream(stream, head)
  stream.unshift(head)
  return stream
}

/**
 * Another stream with the same two ends, for who may not have the first one itself. Closing either closes both.
 * `head` comes before what the inner stream still gives.
 */
export class WrappedStream extends Duplex {
  constructor(
    private readonly inner: Duplex,
    head: Buffer = Buffer.alloc(0),
  ) {
    super()
    if (head.length > 0) this.push(head)
    if (inner.readableEnded) this.push(null)
    else this.takeFrom(inner)
    inner.once('close', () => {
      // What has been read of one that ended well is still to be taken from here.
      if (!inner.readableEnded || !inner.writableFinished) this.destroy()
    })
  }

  /** Closes once all that was written is on its way, as sockets do. */
  destroySoon(): void {
    if (!this.writableEnded) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  override _read(): void {
    this.inner.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.inner.write(chunk, done)
  }

  /** What is written in one turn goes on in one piece: each may become a packet of its own. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const bytes = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0)
    if (bytes <= mostJoined) {
      this.inner.write(
        Buffer.concat(
          chunks.map(({ chunk }) => chunk),
          bytes,
        ),
        done,
      )
      return
    }
    const last = chunks.length - 1
    for (const [index, { chunk }] of chunks.entries())
      this.inner.write(chunk, index === last ? done : undefined)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.inner.end(() => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.inner.destroy()
    done(error)
  }

  private takeFrom(inner: Duplex): void {
    inner.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) inner.pause()
    })
    inner.once('end', () => this.push(null))
    inner.on('error', () => undefined) // 'close' follows
  }
}

/** In bytes; more is not worth being copied. */
const mostJoined = 16 * 1024

function read(stream: Duplex): Buffer | null {
  return stream.read() as Buffer | null
}
