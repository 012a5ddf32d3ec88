import type { OnReadOpts } from 'node:net'

/**
 * Lets a socket read as much at once as there is, into memory that is used again: else it reads 64 KiB at a time, each
 * into new memory. `onChunk` gets what was read, which is gone when it returns, and answers whether to go on reading;
 * `socket.resume()` goes on later (Node.js, net.connect, `onread`).
 */
export function readInto(onChunk: (chunk: Buffer) => boolean): OnReadOpts {
  return {
    buffer: process.platform === 'win32' ? Buffer.allocUnsafeSlow(ownBytes) : sharedBuffer(),
    callback: (bytes, buffer) => onChunk((buffer as Buffer).subarray(0, bytes)),
  }
}

let shared: Buffer | undefined

/** A read and its callback are one step on Unix. Windows writes into the memory whenever something comes. */
function sharedBuffer(): Buffer {
  return (shared ??= Buffer.allocUnsafeSlow(sharedBytes))
}

const sharedBytes = 128 * 1024
const ownBytes = 64 * 1024
