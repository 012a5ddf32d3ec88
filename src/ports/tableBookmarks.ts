import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import type { Disposable } from '../base/disposable'

/**
 * Connections of our own that make `SocketTable` cheap: after the listeners the kernel walks its hash
 * table until it meets the next socket, and on a quiet machine that is most of the table (measured:
 * 4.8 ms a read; with bookmarks 0.05 ms). So a few of our sockets stand near the table's beginning.
 *
 * A socket that connects to its own address is connected with no listener and no peer (RFC 9293 3.5,
 * simultaneous open), so a bookmark never shows as a listening port and talks to nobody. Its place in the
 * table is a keyed hash we cannot know; the order of the file tells it. Nothing depends on the bookmarks
 * but the cost of a read.
 */
export class TableBookmarks implements Disposable {
  private readonly kept = new Set<Socket>()
  private disposed = false

  /**
   * Tries `CANDIDATES` ports and keeps those that come first in the table. `address` is ours, of the
   * table's family. Rejects with the error of fs when the table cannot be read.
   */
  async place(path: string, address: string): Promise<void> {
    const candidates = new Map<number, Socket>()
    try {
      while (candidates.size < CANDIDATES && !this.disposed) {
        const batch = await Promise.all(Array.from({ length: BATCH }, () => connectToSelf(address)))
        const connected = batch.filter((socket) => socket !== undefined)
        if (connected.length === 0) return
        for (const socket of connected) candidates.set(socket.localPort ?? 0, socket)
      }
      const order = selfConnectedPorts(await readFile(path, 'latin1'))
      for (const port of order.filter((port) => candidates.has(port)).slice(0, KEEP))
        this.keep(port, candidates)
    } finally {
      for (const socket of candidates.values()) socket.resetAndDestroy()
    }
  }

  dispose(): void {
    this.disposed = true
    // A reset leaves no TIME_WAIT behind.
    for (const socket of this.kept) socket.resetAndDestroy()
    this.kept.clear()
  }

  private keep(port: number, candidates: Map<number, Socket>): void {
    const socket = candidates.get(port)
    if (!socket || this.disposed) return
    candidates.delete(port)
    this.kept.add(socket)
    socket.once('close', () => this.kept.delete(socket))
  }
}

// The first of 64 lies in the first 1/65 of the table, on average.
const CANDIDATES = 64
const BATCH = 16
// Printing one line walks on to the next socket; a listener that closed makes room for one more line.
const KEEP = 3

// Where systems pick the ports of outgoing connections from: nobody listens here by choice.
const FIRST_PORT = 32768
const LAST_PORT = 60999

function connectToSelf(address: string): Promise<Socket | undefined> {
  const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1))
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, localAddress: address, localPort: port })
    socket.unref()
    socket.once('connect', () => resolve(socket))
    socket.on('error', () => resolve(undefined))
  })
}

/** Ports whose socket is connected to itself, in the order of the table. */
function selfConnectedPorts(table: string): number[] {
  return [...table.matchAll(/^ *\d+: ([0-9A-F]+:([0-9A-F]{4})) \1 01 /gm)].map(([, , port = '']) =>
    parseInt(port, 16),
  )
}
