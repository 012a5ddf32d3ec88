import type { Duplex } from 'node:stream'
import type { Clock } from '../base/clock'
import { putBack, readStart } from '../base/startOfStream'

/** What a TLS client says before anything is encrypted (RFC 8446 4.1.2). */
export interface ClientHello {
  /** The name it wants to reach (RFC 6066 3), in lower case. */
  readonly serverName: string | undefined
  /** The protocols it speaks (RFC 7301 3.1), the one it likes best first. */
  readonly alpn: readonly string[]
}

/**
 * Waits for the ClientHello and puts it back. `onHello` gets the stream to go on with, which begins with it; no hello
 * means that this is not TLS, or not within `limitMs`. It is not called when the stream closes before that.
 */
export function peekClientHello(
  stream: Duplex,
  options: { clock: Clock; limitMs: number },
  onHello: (hello: ClientHello | undefined, stream: Duplex) => void,
): void {
  const isEnough = (head: Buffer) => parseClientHello(head) !== 'unfinished'
  const start = readStart(stream, isEnough, (head) => {
    limit.dispose()
    if (head === undefined) return
    const hello = parseClientHello(head)
    onHello(typeof hello === 'string' ? undefined : hello, putBack(stream, head))
  })
  const limit = options.clock.after(options.limitMs, () => start.letGo())
}

/** Reads a ClientHello from the first bytes of a connection, however many records it was cut into (RFC 8446 5.1). */
export function parseClientHello(bytes: Buffer): ClientHello | 'unfinished' | 'not TLS' {
  try {
    const message = handshakeMessage(bytes)
    if (typeof message === 'string') return message
    return readHello(new Reader(message))
  } catch (error) {
    if (error instanceof RangeError) return 'not TLS'
    throw error
  }
}

/** A hello with post-quantum keys takes 2 KiB; more than this is no hello. */
const longestHello = 16 * 1024
/** Some clients cut their hello into a few; each costs time to look at. */
const mostRecords = 64
const handshake = 22
const clientHello = 1

function handshakeMessage(bytes: Buffer): Buffer | 'unfinished' | 'not TLS' {
  const parts: Buffer[] = []
  let size = 0
  for (let at = 0; parts.length < mostRecords;) {
    // The record's header: its type, a version of which only the first byte is fixed, and the length.
    const [type = handshake, major = 3] = bytes.subarray(at)
    if (type !== handshake || major !== 3) return 'not TLS'
    if (bytes.length < at + 5) return 'unfinished'
    const length = bytes.readUInt16BE(at + 3)
    if (length === 0 || length > longestHello) return 'not TLS'
    const part = bytes.subarray(at + 5, at + 5 + length)
    parts.push(part)
    size += part.length
    at += 5 + length
    // The message's header: its type, and the length in three bytes.
    const header = Buffer.concat(parts, Math.min(size, 4))
    if (header.length > 0 && header[0] !== clientHello) return 'not TLS'
    const whole = header.length < 4 ? undefined : 4 + header.readUIntBE(1, 3)
    if (whole !== undefined && whole > longestHello) return 'not TLS'
    if (whole !== undefined && size >= whole) return Buffer.concat(parts).subarray(4, whole)
    if (at > bytes.length) return 'unfinished'
  }
  return 'not TLS'
}

function readHello(reader: Reader): ClientHello {
  reader.take(2 + 32) // version and random
  reader.vector(1) // session
  reader.vector(2) // cipher suites
  reader.vector(1) // compression
  let serverName: string | undefined
  let alpn: readonly string[] = []
  // RFC 5246 7.4.1.2: there may be no extensions.
  const extensions = reader.isAtEnd ? undefined : reader.vector(2)
  while (extensions?.isAtEnd === false) {
    const type = extensions.number(2)
    const body = extensions.vector(2)
    if (type === 0) serverName = readServerName(body)
    if (type === 16) alpn = readProtocols(body)
  }
  return { serverName, alpn }
}

function readServerName(extension: Reader): string | undefined {
  const names = extension.vector(2)
  while (!names.isAtEnd) {
    const type = names.number(1)
    const name = names.vector(2)
    if (type === 0) return name.text().toLowerCase()
  }
  return undefined
}

function readProtocols(extension: Reader): string[] {
  const names = extension.vector(2)
  const protocols: string[] = []
  while (!names.isAtEnd) protocols.push(names.vector(1).text())
  return protocols
}

/** Reads the vectors of RFC 8446 3.4. Throws RangeError where there are fewer bytes than were promised. */
class Reader {
  private at = 0

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new RangeError('cut short')
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  number(size: number): number {
    return this.take(size).readUIntBE(0, size)
  }

  /** What stands behind a length of that many bytes. */
  vector(lengthSize: number): Reader {
    return new Reader(this.take(this.number(lengthSize)))
  }

  text(): string {
    return this.bytes.toString('latin1')
  }
}
