import { isIPv4, isIPv6 } from 'node:net'
import type { Clock } from '../base/clock'
import type { Log } from '../base/log'
import { putBack, readStart } from '../base/startOfStream'
import type { Accept, Visitor } from '../base/visitor'

/**
 * Reads the header with which a proxy in front says who the visitor is (HAProxy's PROXY protocol, versions 1 and 2),
 * and passes the visitor on without it. Who comes without a valid header is closed: their address would be wrong.
 */
export function readProxyProtocol(next: Accept, options: { log: Log; clock: Clock }): Accept {
  const { log, clock } = options
  return (visitor) => {
    const { stream } = visitor
    const isEnough = (head: Buffer) => parseProxyHeader(head) !== 'unfinished'
    const start = readStart(stream, isEnough, (head) => {
      limit.dispose()
      if (head === undefined) return
      const header = parseProxyHeader(head)
      if (typeof header === 'string') {
        log.warn('a visitor was turned away: what came in front of the request is no PROXY protocol header')
        stream.destroy()
        return
      }
      const originator = header.source ?? visitor.originator
      next({ ...visitor, originator, stream: putBack(stream, head.subarray(header.length)) })
    })
    const limit = clock.after(limitMs, () => start.letGo())
  }
}

/** The header is the first thing a proxy sends. */
const limitMs = 10_000

export interface ProxyHeader {
  /** How many bytes it takes. */
  readonly length: number
  /** Undefined where the proxy does not know, or speaks for itself: then the connection's own address counts. */
  readonly source: Visitor['originator'] | undefined
}

/** Reads a header from the first bytes of a connection. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'unfinished' | 'invalid' {
  if (startsAlike(bytes, signature2)) return parseVersion2(bytes)
  if (startsAlike(bytes, signature1)) return parseVersion1(bytes)
  return 'invalid'
}

const signature1 = Buffer.from('PROXY ')
const signature2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** With its line break, as the specification says. */
const longest1 = 107
/** The specification sets no limit; what proxies add behind the addresses takes a few hundred bytes. */
const longest2 = 4096

function startsAlike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length)
  return bytes.subarray(0, length).equals(signature.subarray(0, length))
}

/** `PROXY TCP4 203.0.113.7 192.0.2.1 51234 443\r\n` */
function parseVersion1(bytes: Buffer): ProxyHeader | 'unfinished' | 'invalid' {
  const end = bytes.subarray(0, longest1).indexOf('\r\n')
  if (end < 0) return bytes.length < longest1 ? 'unfinished' : 'invalid'
  const length = end + 2
  const [, family = '', ...rest] = bytes.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') return { length, source: undefined }
  const isAddress = { TCP4: isIPv4, TCP6: isIPv6 }[family]
  const [from = '', to = '', fromPort = '', toPort = ''] = rest
  const isValid =
    rest.length === 4 && isAddress?.(from) && isAddress(to) && isPort(fromPort) && isPort(toPort)
  return isValid ? { length, source: { address: from, port: Number(fromPort) } } : 'invalid'
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535
}

function parseVersion2(bytes: Buffer): ProxyHeader | 'unfinished' | 'invalid' {
  if (bytes.length < 16) return 'unfinished'
  const command = bytes.readUInt8(12)
  const length = 16 + bytes.readUInt16BE(14)
  if (command >> 4 !== 2 || (command & 15) > 1 || length > longest2) return 'invalid'
  if (bytes.length < length) return 'unfinished'
  const isLocal = (command & 15) === 0
  if (isLocal) return { length, source: undefined }
  return sourceOf(bytes.readUInt8(13), bytes.subarray(16, length), length)
}

function sourceOf(family: number, addresses: Buffer, length: number): ProxyHeader | 'invalid' {
  switch (family) {
    case 0x00: // the proxy does not know
      return { length, source: undefined }
    case 0x11: // TCP over IPv4
      if (addresses.length < 12) return 'invalid'
      return {
        length,
        source: { address: addresses.subarray(0, 4).join('.'), port: addresses.readUInt16BE(8) },
      }
    case 0x21: // TCP over IPv6
      if (addresses.length < 36) return 'invalid'
      return { length, source: { address: formatIPv6(addresses), port: addresses.readUInt16BE(32) } }
    case 0x31: // a unix socket of the proxy's machine
      return addresses.length < 216 ? 'invalid' : { length, source: undefined }
    default:
      return 'invalid'
  }
}

/** RFC 5952, as URL does it; IPv4 addresses in IPv6 clothes are given without them. */
function formatIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return bytes.subarray(12, 16).join('.')
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
