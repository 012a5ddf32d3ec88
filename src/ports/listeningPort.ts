import { isIPv4, isIPv6 } from 'node:net'
import type { Disposable } from '../base/disposable'

/** A TCP port some process listens on, on the machine where the extension host runs. */
export interface ListeningPort {
  readonly port: number
  /** Unique and sorted, such as `0.0.0.0`, `127.0.0.1`, `::`, `::1`; written as `canonicalAddress` does. */
  readonly addresses: readonly string[]
  /** Absent when we may not read whose it is. */
  readonly process?: ListeningProcess
}

export interface ListeningProcess {
  readonly pid: number
  /** The name the OS gives the process, such as `node`. */
  readonly name: string
  /** The command line, its arguments joined by spaces. */
  readonly command?: string
  /** The working folder; Windows does not tell. */
  readonly folder?: string
}

/** What listens here, as one OS tells it. */
export interface PortSource extends Partial<Disposable> {
  /**
   * What listens now, sorted by port, one entry per port. The same array again while nothing changed.
   * Throws a Failure `ports-unreadable` when the OS does not answer, and the signal's reason on abort.
   */
  list(signal?: AbortSignal): Promise<readonly ListeningPort[]>
}

/** One listening socket, as a source found it. Several processes may hold one, and several a port. */
export interface ListeningSocket {
  readonly address: string
  readonly port: number
  readonly process?: ListeningProcess | undefined
  readonly parentPid?: number | undefined
}

/**
 * One entry per port, sorted by port. Of several processes (a server and the workers it forked) the
 * entry names the one whose parent is not among them, and of those the oldest pid.
 */
export function groupByPort(sockets: readonly ListeningSocket[]): readonly ListeningPort[] {
  const byPort = new Map<number, ListeningSocket[]>()
  for (const socket of sockets) {
    const others = byPort.get(socket.port)
    if (others) others.push(socket)
    else byPort.set(socket.port, [socket])
  }
  return [...byPort]
    .sort(([a], [b]) => a - b)
    .map(([port, holders]) => {
      const addresses = [...new Set(holders.map(({ address }) => address))].sort()
      const process = chooseProcess(holders)
      return process ? { port, addresses, process } : { port, addresses }
    })
}

/**
 * An address as this program writes it: IPv6 in the canonical text of RFC 5952, v4-mapped IPv6 as the
 * IPv4 address it means, without brackets or scope (`%eth0`). Undefined when it is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  if (isIPv4(bare)) return bare
  if (!isIPv6(bare)) return undefined
  // The URL standard serialises IPv6 hosts as RFC 5952 asks, except that it never writes mixed notation.
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical)
  if (!mapped?.[1] || !mapped[2]) return canonical
  const words = [parseInt(mapped[1], 16), parseInt(mapped[2], 16)]
  return words.map((word) => `${word >> 8}.${word & 255}`).join('.')
}

function chooseProcess(holders: readonly ListeningSocket[]): ListeningProcess | undefined {
  const pids = new Set(holders.map(({ process }) => process?.pid))
  const isWorker = ({ parentPid }: ListeningSocket) => parentPid !== undefined && pids.has(parentPid)
  const named = holders.filter(({ process }) => process !== undefined)
  const first = [...named].sort(
    (a, b) => Number(isWorker(a)) - Number(isWorker(b)) || (a.process?.pid ?? 0) - (b.process?.pid ?? 0),
  )[0]
  return first?.process
}
