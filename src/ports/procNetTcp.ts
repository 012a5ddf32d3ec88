import { endianness } from 'node:os'
import { canonicalAddress } from './listeningPort'

/** A listening socket of /proc/net/tcp or tcp6. */
export interface ProcNetListener {
  readonly address: string
  readonly port: number
  /** `0` when the socket belongs to the kernel. */
  readonly inode: string
}

/**
 * The listeners of /proc/net/tcp or tcp6 (proc(5); the kernel's net/ipv4/tcp_ipv4.c prints the lines).
 * Lines that are not a listener's are skipped. `order` is the byte order of the machine that printed them.
 */
export function parseProcNetTcp(text: string, order: 'LE' | 'BE' = endianness()): readonly ProcNetListener[] {
  const listeners: ProcNetListener[] = []
  for (const line of text.split('\n')) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    const [hex = '', port = ''] = local?.split(':') ?? []
    const address = addressFromHex(hex, order)
    if (state !== LISTEN || !address || !/^[0-9A-F]{4}$/.test(port) || !inode || !/^\d+$/.test(inode))
      continue
    listeners.push({ address, port: parseInt(port, 16), inode })
  }
  return listeners
}

/**
 * What a line, or the beginning of one, is about: a listener, another socket, or (a heading, a line cut
 * before its state) undefined.
 */
export function kindOfLine(line: string): 'listener' | 'other' | undefined {
  const state = /^\s*\d+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2})/.exec(line)?.[1]
  if (state === undefined) return undefined
  return state === LISTEN ? 'listener' : 'other'
}

// include/net/tcp_states.h: TCP_LISTEN
const LISTEN = '0A'

/** The kernel prints an address as 32-bit words in its own byte order. */
function addressFromHex(hex: string, order: 'LE' | 'BE'): string | undefined {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return undefined
  const bytes = Buffer.from(hex, 'hex')
  if (order === 'LE') bytes.swap32()
  if (bytes.length === 4) return bytes.join('.')
  return canonicalAddress(bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:'))
}
