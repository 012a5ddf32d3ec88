import type { Readable, Writable } from 'node:stream'

/*
 * Looking at what passes through a stream without standing in its way. A 'data' listener would make a stream flow
 * before its reader has come, and a stream put in between would buffer, delay and have an end of its own. So the
 * one method that every byte passes is replaced on the object itself; what it does and answers stays the same.
 * `see` gets the chunk itself: it may neither change nor keep it, for Node uses the memory again.
 */

/** Sees what a stream gives to its reader, whoever that will be, from now on and what waits in it already. */
export function seeReads(stream: Readable, see: (chunk: Uint8Array) => void): void {
  const waiting = stream.readableLength > 0 ? (stream.read() as Uint8Array | null) : null
  if (waiting !== null) {
    see(waiting)
    stream.unshift(waiting)
  }
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) see(chunk)
    return push(chunk, encoding)
  }
}

/** Sees what is written to a stream from now on; text that comes with its end is not seen. */
export function seeWrites(stream: Writable, see: (chunk: Uint8Array) => void): void {
  const write = stream.write.bind(stream)
  stream.write = (chunk: unknown, encoding?: BufferEncoding | Written, written?: Written) => {
    if (chunk instanceof Uint8Array) see(chunk)
    else if (typeof chunk === 'string') see(Buffer.from(chunk))
    return typeof encoding === 'string' ? write(chunk, encoding, written) : write(chunk, encoding ?? written)
  }
}

type Written = (error: Error | null | undefined) => void
