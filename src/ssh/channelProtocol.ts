import type { Address } from '../base/address'

/** What is said about channels, in either direction (RFC 4254 5). Channels are named by the number the hearer gave. */
export interface ChannelProtocol {
  /** How the server names itself (RFC 4253 4.2): `SSH-2.0-OpenSSH_9.2p1`. */
  readonly peerSoftware: string
  /** A number for a channel of ours. */
  reserve(): number
  /** The number may be given to another channel. */
  release(id: number): void
  confirm(peerId: number, opened: { readonly id: number; readonly window: number }): void
  fail(peerId: number): void
  /** Bytes `start` to `end` of a chunk, no more than `largestData`. Whoever sends may use the chunk again at once. */
  data(peerId: number, chunk: Uint8Array, start: number, end: number): void
  adjustWindow(peerId: number, bytes: number): void
  eof(peerId: number): void
  close(peerId: number): void
  refuseRequest(peerId: number): void
  /** SSH_MSG_IGNORE (RFC 4253 11.2): says nothing. */
  ignore(): void
  /** Whether keys are being exchanged: nothing may be sent on channels until `onKeys` is called (RFC 4253 7.1). */
  readonly isExchangingKeys: boolean
}

export interface ChannelListener {
  /** False for a channel that is none of a remote forward. */
  onOpen(request: OpenRequest): boolean
  // Each of these answers false for a channel it does not know.
  onData(id: number, data: Buffer): boolean
  onWindowAdjust(id: number, bytes: number): boolean
  onEof(id: number): boolean
  onClose(id: number): boolean
  onRequest(id: number, wantsReply: boolean): boolean
  /** A key exchange has ended. */
  onKeys(): void
}

/** SSH_MSG_CHANNEL_OPEN for a remote forward (RFC 4254 7.2; OpenSSH PROTOCOL 2.4). */
export interface OpenRequest {
  readonly peerId: number
  /** How much the server takes in all before it says more, and at once. In bytes. */
  readonly window: number
  readonly largestData: number
  /** On which forward. */
  readonly address: Address
  readonly originator: { readonly address: string; readonly port: number }
}

/** What RFC 4253 6.1 lets everybody expect; more is not gained by more. */
export const largestData = 32 * 1024

/** In one packet: nobody takes less, and a packet for each few bytes would keep us busy. */
export const leastData = 256
