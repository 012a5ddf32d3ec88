import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Scope } from './scope'

export interface DnsServer {
  /** `127.0.0.1:PORT`, UDP. */
  readonly address: string
  /** The A record of a name; undefined takes it away. A name without one does not exist (NXDOMAIN). */
  set(name: string, ipv4: string | undefined): void
}

/** A name server on loopback that knows the A records it is given (RFC 1035 4). */
export async function startDnsServer(
  scope: Scope,
  records: Readonly<Record<string, string>> = {},
): Promise<DnsServer> {
  const known = new Map(Object.entries(records))
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => socket.send(answer(query, known), from.port, from.address))
  scope.add(() => once(socket.close(), 'close'))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  return {
    address: `127.0.0.1:${port}`,
    set: (name, ipv4) => {
      if (ipv4 === undefined) known.delete(name)
      else known.set(name, ipv4)
    },
  }
}

const headerLength = 12
const typeA = 1
const nameDoesNotExist = 3

function answer(query: Buffer, known: ReadonlyMap<string, string>): Buffer {
  const labels: string[] = []
  let at = headerLength
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const endOfQuestion = at + 5
  const ipv4 = known.get(labels.join('.').toLowerCase())
  const hasAnswer = ipv4 !== undefined && query.readUInt16BE(at + 1) === typeA
  const header = Buffer.alloc(headerLength)
  query.copy(header, 0, 0, 2)
  // A response with recursion, as it was asked for.
  header.writeUInt16BE(0x8180 | (ipv4 === undefined ? nameDoesNotExist : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6)
  const question = query.subarray(headerLength, endOfQuestion)
  return Buffer.concat([header, question, ...(hasAnswer ? [addressRecord(ipv4)] : [])])
}

/** For the name in the question, at byte 12; for no time at all. */
function addressRecord(ipv4: string): Buffer {
  return Buffer.from([0xc0, headerLength, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4, ...ipv4.split('.').map(Number)])
}
