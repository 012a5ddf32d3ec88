import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Server as SshServer, utils, type Connection } from 'ssh2'
import type { TcpAddress } from '../../src/base/address'
import type { SshSettings } from '../../src/ssh/settings'
import type { Scope } from './scope'
import { waitUntil } from './waitUntil'

/** An SSH server that lets anybody in, agrees to every forward, and then does as told. */
export async function startLooseServer(
  scope: Scope,
  misbehave: (connection: Connection) => void,
): Promise<Partial<SshSettings>> {
  const hostKey = utils.generateKeyPairSync('ecdsa', { bits: 256 })
  const connections = new Set<Connection>()
  const server = new SshServer({ hostKeys: [hostKey.private] }, (connection) => {
    connections.add(connection)
    connection.on('error', () => undefined)
    connection.on('authentication', (context) => context.accept())
    connection.on('request', (accept, _reject, name) => {
      accept?.()
      if (name.endsWith('forward') && !name.startsWith('cancel')) setImmediate(() => misbehave(connection))
    })
  })
  scope.add(() => {
    for (const connection of connections) connection.end()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server as unknown as NodeJS.EventEmitter, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    connectTimeoutMs: 15_000,
    // The flood keeps this very process busy.
    serverAliveIntervalMs: 30_000,
  }
}

/** What ssh2 sends for whoever asks it to, whether that is allowed or not. */
export interface RawProtocol {
  _handlers: Record<string, (protocol: unknown, ...values: never[]) => void>
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number
      alloc(length: number): Buffer
      finalize(packet: Buffer): Buffer
    }
  }
  readonly _cipher: { encrypt(packet: Buffer): void }
  channelData(id: number, data: Buffer): void
  channelExtData(id: number, data: Buffer, type: number): void
  channelWindowAdjust(id: number, bytes: number): void
  channelEOF(id: number): void
  channelClose(id: number): void
  forwardedTcpip(
    id: number,
    window: number,
    largestData: number,
    at: { boundAddr: string; boundPort: number; remoteAddr: string; remotePort: number },
  ): void
}

/** The server's end of the channels of one connection, with no rule kept that is not kept here by hand. */
export class RawChannels {
  readonly protocol: RawProtocol
  private readonly channels = new Map<number, RawChannel>()

  constructor(
    connection: Connection,
    private readonly bind: TcpAddress,
  ) {
    this.protocol = (connection as unknown as { _protocol: RawProtocol })._protocol
    const handlers = this.protocol._handlers
    const hear = (message: string, listener: (channel: RawChannel, value: never) => void) => {
      const usual = handlers[message]
      handlers[message] = (protocol, ...values) => {
        const [id, value] = values as unknown as [unknown, never]
        const channel = this.channels.get(Number(id))
        if (channel === undefined) usual?.(protocol, ...values)
        else listener(channel, value)
      }
    }
    handlers['CHANNEL_OPEN_CONFIRMATION'] = (_protocol, info: { recipient: number; sender: number }) => {
      const channel = this.channels.get(info.recipient)
      if (channel !== undefined) channel.peerId = info.sender
    }
    hear('CHANNEL_OPEN_FAILURE', (channel) => (channel.isRefused = true))
    hear('CHANNEL_DATA', (channel, data: Buffer) => (channel.received += data.toString('latin1')))
    hear('CHANNEL_EOF', (channel) => (channel.hasEof = true))
    hear('CHANNEL_CLOSE', (channel) => (channel.isClosed = true))
    hear('CHANNEL_SUCCESS', (channel) => channel.answers++)
    hear('CHANNEL_FAILURE', (channel) => channel.answers++)
  }

  /** Asks for a channel of a visitor, and waits for no answer. */
  ask({ window = 1 << 20, largestData = 32_768 } = {}): RawChannel {
    const channel = new RawChannel()
    const id = firstId + this.channels.size
    this.channels.set(id, channel)
    const { host, port } = this.bind
    const at = { boundAddr: host, boundPort: port, remoteAddr: '127.0.0.1', remotePort: 1 }
    this.protocol.forwardedTcpip(id, window, largestData, at)
    return channel
  }

  /** A channel that stands, or was refused. */
  async open(options: { readonly window?: number; readonly largestData?: number } = {}): Promise<RawChannel> {
    const channel = this.ask(options)
    await waitUntil('an answer to the channel', () => channel.isRefused || channel.peerId !== -1)
    return channel
  }

  /** Asks something of a channel (RFC 4254 5.4) and wants a reply. */
  request(id: number, type: string): void {
    const { write } = this.protocol._packetRW
    const packet = write.alloc(10 + type.length)
    const at = write.allocStart
    packet[at] = channelRequest
    packet.writeUInt32BE(id, at + 1)
    packet.writeUInt32BE(type.length, at + 5)
    packet.write(type, at + 9, 'latin1')
    packet[at + 9 + type.length] = 1
    this.protocol._cipher.encrypt(write.finalize(packet))
  }
}

export class RawChannel {
  /** The number the other side gave; -1 before that. */
  peerId = -1
  isRefused = false
  received = ''
  hasEof = false
  isClosed = false
  /** To requests. */
  answers = 0
}

/** Far from the numbers that ssh2 itself gives. */
const firstId = 1_000_000

const channelRequest = 98
