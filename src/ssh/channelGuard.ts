import type { Duplex } from 'node:stream'

/**
 * Watches that a server keeps to the window it was given (RFC 4254 5.2). ssh2 counts the window down and then
 * ignores it, so that a server could fill the memory of whoever reads slowly.
 */
export function guardWindow(channel: Duplex, onExceeded: () => void): void {
  const push = channel.push.bind(channel)
  channel.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null && channel.readableLength > mostUnread) {
      onExceeded()
      return false
    }
    return push(chunk, encoding)
  }
}

/** ssh2 gives each channel 2 MiB and adds to it only what has been read. */
const mostUnread = 4 * 1024 * 1024
