import { release } from 'node:os'
import type { Log } from '../base/log'
import { groupByPort, type ListeningPort, type PortSource } from './listeningPort'
import { parseProcNetTcp, type ProcNetListener } from './procNetTcp'
import { portsUnreadable } from './portsUnreadable'
import { SocketOwners } from './socketOwners'
import { SocketTable } from './socketTable'
import { TableBookmarks } from './tableBookmarks'

/**
 * Linux: the sockets from /proc/net/tcp and tcp6, their processes from /proc/PID. While the set of
 * listening sockets stays the same, a look is one small read of each table.
 */
export class LinuxSource implements PortSource {
  private readonly tables: readonly SocketTable[]
  private readonly owners: SocketOwners
  private readonly bookmarks = new TableBookmarks()
  private looks = 0
  private texts: readonly string[] = []
  private sockets: readonly ProcNetListener[] = []
  private ports: readonly ListeningPort[] = []

  /** `procRoot` is /proc; tests bring their own. */
  constructor(
    private readonly log: Log,
    private readonly procRoot = '/proc',
  ) {
    this.tables = ['tcp', 'tcp6'].map((name) => new SocketTable(`${procRoot}/net/${name}`, release()))
    this.owners = new SocketOwners(procRoot)
  }

  async list(signal?: AbortSignal): Promise<readonly ListeningPort[]> {
    if (++this.looks === LOOKS_BEFORE_BOOKMARKS) void this.placeBookmarks()
    const texts = await this.readTables()
    signal?.throwIfAborted()
    if (this.owners.isSettled && sameStrings(texts, this.texts)) return this.ports
    const sockets = await this.confirm(texts.flatMap((text) => parseProcNetTcp(text)))
    if (!this.owners.isSettled || !sameSockets(sockets, this.sockets)) {
      const owners = await this.owners.resolve(new Set(sockets.map(({ inode }) => inode)), signal)
      this.ports = groupByPort(sockets.map((socket) => ({ ...socket, process: owners.get(socket.inode) })))
    }
    this.texts = texts
    this.sockets = sockets
    return this.ports
  }

  dispose(): void {
    this.bookmarks.dispose()
  }

  private async readTables(): Promise<readonly string[]> {
    try {
      const [tcp, tcp6] = this.tables
      return [(await tcp?.read()) ?? '', (await tcp6?.read()) ?? '']
    } catch (error) {
      throw portsUnreadable(`${this.procRoot}/net/tcp could not be read.`, error)
    }
  }

  /**
   * A table of many pages is not read in one step: a socket that closes meanwhile can hide its neighbour
   * (tcp_seek_last_pos counts positions). So what seems closed is looked at twice before it is believed.
   */
  private async confirm(sockets: readonly ProcNetListener[]): Promise<readonly ProcNetListener[]> {
    const seen = new Set(sockets.map(keyOf))
    const seemsClosed = this.sockets.some((socket) => !seen.has(keyOf(socket)))
    if (!seemsClosed || sockets.length < SOCKETS_IN_A_PAGE) return sockets
    return (await this.readTables()).flatMap((text) => parseProcNetTcp(text))
  }

  private async placeBookmarks(): Promise<void> {
    try {
      for (const [index, address] of OWN_ADDRESSES.entries()) {
        const table = this.tables[index]
        if (table?.stopsEarly) await this.bookmarks.place(table.path, address)
      }
    } catch (error) {
      this.log.debug(`ports: no bookmarks in the socket tables: ${String(error)}`)
    }
  }
}

// Somebody who looks this often is polling.
const LOOKS_BEFORE_BOOKMARKS = 3
// Of the tables' families, in their order. The mapped address works where IPv6 has no loopback (Docker).
const OWN_ADDRESSES = ['127.0.0.1', '::ffff:127.0.0.1']
// A page of 4096 bytes holds 27 lines.
const SOCKETS_IN_A_PAGE = 20

function keyOf({ address, port, inode }: ProcNetListener): string {
  return `${address} ${port} ${inode}`
}

function sameStrings(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index])
}

function sameSockets(a: readonly ProcNetListener[], b: readonly ProcNetListener[]): boolean {
  return sameStrings(a.map(keyOf).sort(), b.map(keyOf).sort())
}
