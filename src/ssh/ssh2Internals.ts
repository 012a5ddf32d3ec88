import { Socket } from 'node:net'
import type { Client } from 'ssh2'
import type { ChannelListener, ChannelProtocol, OpenRequest } from './channelProtocol'
import { largestData, leastData } from './channelProtocol'
import { GcmOpen, GcmSeal, type GcmName } from './gcm'
import type { Route } from './route'

/*
 * All that is used of ssh2 1.17.0 beyond its public interface; package.json pins that very version. Each internal is
 * looked for before it is used. Where one is missing, the function says so, and its caller does with what is public.
 * It is long because it is all: this is the file to read when ssh2 changes.
 */

/**
 * Listens to SSH_MSG_DEBUG texts (RFC 4253 11.3): sshd says there why it refused a forward, and ssh2 has no public
 * event for them. Without its internals only the reason is lost. Call it right after `connect()`.
 */
export function onServerMessage(client: Client, listener: (text: string) => void): void {
  const handlers = internalsOf(client)._protocol?._handlers
  if (handlers === undefined || !('DEBUG' in handlers)) return
  handlers['DEBUG'] = (_protocol: unknown, _display: unknown, text: unknown) => {
    if (typeof text === 'string') listener(text)
  }
}

/**
 * Hears each SSH_MSG_USERAUTH_FAILURE (RFC 4252 5.1) before ssh2 does: of the answer to a key ssh2 drops what the
 * server takes next, and so a second factor is never found. Call it right after `connect()`.
 */
export function onAuthenticationRefused(
  client: Client,
  listener: (methodsLeft: readonly string[], isPartialSuccess: boolean) => void,
): void {
  const handlers = internalsOf(client)._protocol?._handlers
  const handle = handlers?.['USERAUTH_FAILURE']
  if (handlers === undefined || typeof handle !== 'function') return
  handlers['USERAUTH_FAILURE'] = (protocol: unknown, methods: unknown, isPartialSuccess: unknown) => {
    if (Array.isArray(methods)) listener(methods.map(String), isPartialSuccess === true)
    Reflect.apply(handle, handlers, [protocol, methods, isPartialSuccess])
  }
}

/**
 * Sends `keepalive@openssh.com` (OpenSSH PROTOCOL 2.2). Any answer, even a refusal, shows that the peer lives.
 * ssh2's own keepalive counts only its replies and so kills a connection that is busy with bulk data.
 * Answers false when this ssh2 does not have the internals it takes.
 */
export function sendKeepalive(client: Client, onAnswer: () => void): boolean {
  const { _callbacks: callbacks, _protocol: protocol } = internalsOf(client)
  if (!Array.isArray(callbacks) || typeof protocol?.ping !== 'function') return false
  // Replies to global requests carry no name: each request needs its place in the one queue (RFC 4254 4).
  callbacks.push((error: unknown) => {
    // A refusal is `true`; an Error means that the connection has ended.
    if (!(error instanceof Error)) onAnswer()
  })
  protocol.ping()
  return true
}

/**
 * Takes the channels of remote forwards out of ssh2's hands, and the encryption where it is AES-GCM: ssh2's own path
 * copies each byte several times, and gives a window that is too small over a long distance. `route` is what the
 * client runs on. Answers undefined when this ssh2 does not have the internals it takes; then nothing has
 * changed. Call it once the client is ready.
 */
export function takeChannels<Listener extends ChannelListener>(
  client: Client,
  route: Pick<Route, 'stream' | 'lend'>,
  listen: (protocol: ChannelProtocol) => Listener,
): Listener | undefined {
  const { _protocol: protocol, _chanMgr: numbers } = internalsOf(client)
  if (!isWholeProtocol(protocol) || !isWholeNumbers(numbers)) return undefined
  const path = new ChannelPath(protocol, numbers, route)
  const listener = listen(path)
  client.on('handshake', () => path.takeKeys(listener))
  path.takeKeys(listener)
  path.takeMessages(listener)
  return listener
}

/**
 * Refuses channels on which the server takes next to nothing in one packet, 0 bytes even: ssh2 would send empty packets
 * for ever. Call it once whoever listens to channels is in place.
 */
export function refuseTinyPackets(client: Client): void {
  const { _protocol: protocol } = internalsOf(client)
  if (!isWholeProtocol(protocol)) return
  const handlers = protocol._handlers
  const handle = handlers['CHANNEL_OPEN']
  handlers['CHANNEL_OPEN'] = (self: unknown, info: unknown) => {
    if (Number(property(info, 'packetSize')) >= leastData) handle?.(self, info)
    else protocol.channelOpenFail(Number(property(info, 'sender')), administrativelyProhibited, '')
  }
}

class ChannelPath implements ChannelProtocol {
  private sealing: SealingCipher | undefined
  private readonly dataHead = Buffer.alloc(9)

  constructor(
    private readonly protocol: WholeProtocol,
    private readonly numbers: WholeNumbers,
    private readonly route: Pick<Route, 'stream' | 'lend'>,
  ) {
    this.dataHead[0] = channelData
  }

  get peerSoftware(): string {
    return String(this.protocol._remoteIdentRaw)
  }

  get isExchangingKeys(): boolean {
    return this.protocol._kexinit !== undefined
  }

  reserve(): number {
    return this.numbers.add()
  }

  release(id: number): void {
    this.numbers.remove(id)
  }

  confirm(peerId: number, { id, window }: { readonly id: number; readonly window: number }): void {
    this.protocol.channelOpenConfirm(peerId, id, window, largestData)
  }

  fail(peerId: number): void {
    this.protocol.channelOpenFail(peerId, administrativelyProhibited, '')
  }

  data(peerId: number, chunk: Uint8Array, start: number, end: number): void {
    const { sealing, protocol, dataHead } = this
    if (sealing === undefined || protocol._debug !== undefined) {
      protocol.channelData(peerId, Buffer.from(chunk.buffer, chunk.byteOffset + start, end - start))
      return
    }
    dataHead.writeUInt32BE(peerId, 1)
    dataHead.writeUInt32BE(end - start, 5)
    sealing.sendPayload(dataHead, chunk, start, end)
  }

  adjustWindow(peerId: number, bytes: number): void {
    this.protocol.channelWindowAdjust(peerId, bytes)
  }

  eof(peerId: number): void {
    this.protocol.channelEOF(peerId)
  }

  close(peerId: number): void {
    this.protocol.channelClose(peerId)
  }

  refuseRequest(peerId: number): void {
    this.protocol.channelFailure(peerId)
  }

  ignore(): void {
    const { write } = this.protocol._packetRW
    const packet = write.alloc(5)
    packet.fill(0, write.allocStart, write.allocStart + 5)
    packet[write.allocStart] = ignoreMessage
    this.protocol._cipher.encrypt(write.finalize(packet))
  }

  /** Puts itself in front of ssh2's own handling, which gets what is not known here. */
  takeMessages(listener: ChannelListener): void {
    this.before('CHANNEL_OPEN', (info) => {
      const request = readOpen(info)
      return request !== undefined && listener.onOpen(request)
    })
    this.before('CHANNEL_DATA', (id, data) => Buffer.isBuffer(data) && listener.onData(Number(id), data))
    this.before('CHANNEL_WINDOW_ADJUST', (id, bytes) => listener.onWindowAdjust(Number(id), Number(bytes)))
    this.before('CHANNEL_EOF', (id) => listener.onEof(Number(id)))
    this.before('CHANNEL_CLOSE', (id) => listener.onClose(Number(id)))
    this.before('CHANNEL_REQUEST', (id, _type, wantsReply) =>
      listener.onRequest(Number(id), wantsReply === true),
    )
  }

  /** Goes on with the keys that were agreed on, where they are for AES-GCM. */
  takeKeys(listener: ChannelListener): void {
    const { protocol } = this
    const { stream } = this.route
    this.sealing = undefined
    if (isGcmSeal(protocol._cipher)) {
      const { _encSSLName: name, _encKey: key, _encIV: nonce } = protocol._cipher
      const seal = new GcmSeal({ name, key, nonce }, (chunk, written) => {
        // As ssh2 does: what is still said after the end is lost.
        if (!stream.writable) return
        if (written === undefined || !(stream instanceof Socket)) stream.write(chunk)
        // Other streams may call back before they have done with it.
        else stream.write(chunk, (error) => !error && written())
      })
      protocol._cipher = this.sealing = new SealingCipher(protocol._cipher, seal)
    }
    const { _decipher: decipher } = protocol
    // What is decrypted here is new memory; ssh2's own may keep what it was given.
    this.route.lend?.(isGcmOpen(decipher))
    if (isGcmOpen(decipher)) this.takeOpening(decipher, listener)
    listener.onKeys()
  }

  /** At the end of a packet: the one that is being read may have come in part. */
  private takeOpening(stock: GcmOpenParts & StockDecipher, listener: ChannelListener): void {
    const { protocol } = this
    const onPayload = stock._onPayload
    stock._onPayload = (payload) => {
      const { _decipherSSLName: name, _decipherKey: key, _decipherIV: nonce } = stock
      const onData = (id: number, data: Buffer) => protocol._debug === undefined && listener.onData(id, data)
      const opening = new GcmOpen({ name, key, nonce })
      protocol._decipher = new OpeningDecipher(stock.inSeqno, opening, onPayload, onData)
      const result = onPayload(payload)
      // ssh2 then goes on with the decipher that is in place.
      return result ?? false
    }
  }

  private before(message: string, hear: (...values: unknown[]) => boolean): void {
    const handlers = this.protocol._handlers
    const handle = handlers[message]
    handlers[message] = (protocol: unknown, ...values: unknown[]) => {
      if (!hear(...values)) handle?.(protocol, ...values)
    }
  }
}

/** ssh2's cipher, with the encryption of `gcm.ts`. */
class SealingCipher implements StockCipher {
  outSeqno: number
  private isFree = false

  constructor(
    private readonly stock: StockCipher,
    private readonly seal: GcmSeal,
  ) {
    this.outSeqno = stock.outSeqno
  }

  allocPacket(payloadLength: number): Buffer {
    return this.seal.allocate(payloadLength)
  }

  encrypt(packet: Buffer): void {
    if (this.isFree) return
    this.seal.seal(packet)
    this.countUp()
  }

  /** Past ssh2: see `GcmSeal`. */
  sendPayload(head: Buffer, chunk: Uint8Array, start: number, end: number): void {
    this.seal.sendPayload(head, chunk, start, end)
    this.countUp()
  }

  free(): void {
    this.isFree = true
    this.stock.free()
  }

  /** Where other keys are for another cipher, ssh2 goes on with this number. */
  private countUp(): void {
    this.outSeqno = (this.outSeqno + 1) >>> 0
  }
}

/** ssh2's decipher, with the decryption of `gcm.ts`; the data of known channels go past all of ssh2. */
class OpeningDecipher implements StockDecipher {
  /** ssh2 puts another in place for the time of a key exchange. */
  _onPayload: StockDecipher['_onPayload']
  private result: unknown

  constructor(
    public inSeqno: number,
    private readonly opening: GcmOpen,
    private readonly usual: StockDecipher['_onPayload'],
    private readonly onData: (id: number, data: Buffer) => boolean,
  ) {
    this._onPayload = usual
  }

  decrypt(input: Buffer, from: number, end: number): unknown {
    let at = from
    while (at < end) {
      this.result = undefined
      at = this.opening.open(input, at, end, this.take)
      if (this.result !== undefined) return this.result === false ? at : this.result
    }
    return undefined
  }

  free(): void {
    // Nothing is held.
  }

  private readonly take = (payload: Buffer): void => {
    this.inSeqno = (this.inSeqno + 1) >>> 0
    if (payload[0] === channelData && this._onPayload === this.usual && payload.length >= 9) {
      const length = payload.readUInt32BE(5)
      if (length === payload.length - 9 && this.onData(payload.readUInt32BE(1), payload.subarray(9))) return
    }
    this.result = this._onPayload(payload)
  }
}

const ignoreMessage = 2
const channelData = 94
const administrativelyProhibited = 1

interface Internals {
  _callbacks?: unknown
  _chanMgr?: unknown
  _protocol?: { ping?: () => void; _handlers?: Record<string, unknown> }
}

function internalsOf(client: Client): Internals {
  return client as unknown as Internals
}

interface WholeNumbers {
  add(): number
  remove(id: number): void
}

function isWholeNumbers(numbers: unknown): numbers is WholeNumbers {
  return hasFunctions(numbers, ['add', 'remove'])
}

interface WholeProtocol {
  _handlers: Record<string, Handler>
  _cipher: StockCipher
  _decipher: StockDecipher
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number
      alloc(length: number): Buffer
      finalize(packet: Buffer): Buffer
    }
  }
  readonly _kexinit: unknown
  readonly _debug: unknown
  readonly _remoteIdentRaw: unknown
  channelOpenConfirm(peerId: number, id: number, window: number, largestData: number): void
  channelOpenFail(peerId: number, reason: number, description: string): void
  channelData(peerId: number, data: Buffer): void
  channelWindowAdjust(peerId: number, bytes: number): void
  channelEOF(peerId: number): void
  channelClose(peerId: number): void
  channelFailure(peerId: number): void
}

type Handler = (protocol: unknown, ...values: unknown[]) => void

interface StockCipher {
  outSeqno: number
  allocPacket(payloadLength: number): Buffer
  encrypt(packet: Buffer): void
  free(): void
}

interface StockDecipher {
  inSeqno: number
  _onPayload: (payload: Buffer) => unknown
  decrypt(input: Buffer, from: number, end: number): unknown
  free(): void
}

function isWholeProtocol(protocol: unknown): protocol is WholeProtocol {
  if (!hasFunctions(protocol, protocolFunctions)) return false
  return (
    '_kexinit' in protocol &&
    '_debug' in protocol &&
    '_remoteIdentRaw' in protocol &&
    hasFunctions(property(protocol, '_handlers'), handledMessages) &&
    hasFunctions(property(protocol, '_cipher'), ['allocPacket', 'encrypt', 'free']) &&
    hasFunctions(property(protocol, '_decipher'), ['_onPayload', 'decrypt', 'free']) &&
    isWholeWriter(property(property(protocol, '_packetRW'), 'write'))
  )
}

function isWholeWriter(write: unknown): boolean {
  return hasFunctions(write, ['alloc', 'finalize']) && typeof property(write, 'allocStart') === 'number'
}

const protocolFunctions = [
  ...['channelOpenConfirm', 'channelOpenFail', 'channelData', 'channelWindowAdjust'],
  ...['channelEOF', 'channelClose', 'channelFailure'],
]
const handledMessages = [
  ...['CHANNEL_OPEN', 'CHANNEL_DATA', 'CHANNEL_WINDOW_ADJUST'],
  ...['CHANNEL_EOF', 'CHANNEL_CLOSE', 'CHANNEL_REQUEST'],
]

interface GcmSealParts {
  readonly _encSSLName: GcmName
  readonly _encKey: Buffer
  readonly _encIV: Buffer
}

function isGcmSeal(cipher: object): cipher is GcmSealParts & StockCipher {
  return (
    isGcmName(property(cipher, '_encSSLName')) &&
    Buffer.isBuffer(property(cipher, '_encKey')) &&
    isNonce(property(cipher, '_encIV'))
  )
}

interface GcmOpenParts {
  readonly _decipherSSLName: GcmName
  readonly _decipherKey: Buffer
  readonly _decipherIV: Buffer
}

function isGcmOpen(decipher: object): decipher is GcmOpenParts & StockDecipher {
  return (
    isGcmName(property(decipher, '_decipherSSLName')) &&
    Buffer.isBuffer(property(decipher, '_decipherKey')) &&
    isNonce(property(decipher, '_decipherIV'))
  )
}

function isGcmName(name: unknown): name is GcmName {
  return name === 'aes-128-gcm' || name === 'aes-256-gcm'
}

function isNonce(nonce: unknown): boolean {
  return Buffer.isBuffer(nonce) && nonce.length === 12
}

function hasFunctions(value: unknown, names: readonly string[]): value is object {
  return names.every((name) => typeof property(value, name) === 'function')
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** What ssh2 has read of SSH_MSG_CHANNEL_OPEN; undefined for a kind that is none of remote forwards. */
function readOpen(info: unknown): OpenRequest | undefined {
  const [type, data] = [property(info, 'type'), property(info, 'data')]
  const peer = {
    peerId: Number(property(info, 'sender')),
    window: Number(property(info, 'window')),
    largestData: Number(property(info, 'packetSize')),
  }
  if (type === 'forwarded-tcpip') {
    const text = (name: string) => String(property(data, name))
    return {
      ...peer,
      address: { kind: 'tcp', host: text('destIP'), port: Number(text('destPort')) },
      originator: { address: text('srcIP'), port: Number(text('srcPort')) },
    }
  }
  if (type !== 'forwarded-streamlocal@openssh.com') return undefined
  const address = { kind: 'unix', path: String(property(data, 'socketPath')) } as const
  return { ...peer, address, originator: { address: '', port: 0 } }
}
