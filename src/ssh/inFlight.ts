import type { Path } from './receiveWindow'

/**
 * How much may be under way to the server where several send: no more than the path holds. All that is sent beyond that
 * waits there in one row, and a small answer waits behind it. RFC 4254 has windows of each channel only, and sshd's are
 * of 2 MiB. Who sends alone keeps nobody waiting, and what waits there keeps the server busy while we are not.
 */
export class InFlight {
  private total = 0
  private lastSender: object | undefined
  private lastSentAt = -Infinity
  /** Until then more than one is taken to send. */
  private sharedUntil = 0

  constructor(
    private readonly path: Path,
    /** How the server names itself (RFC 4253 4.2). */
    private readonly peerSoftware: string,
  ) {}

  /** What a channel may send on top of what it has under way. In bytes. */
  room(underWay: number): number {
    const { roundTripMs } = this.path
    // Of others it is not known how much they wait for before they say that it came.
    if (roundTripMs === undefined || !this.peerSoftware.includes('OpenSSH_')) return Infinity
    if (this.path.now() >= this.sharedUntil) return Infinity
    const most = Math.ceil(roundTripMs * fastestPerMs)
    return Math.max(always - underWay, Math.min(most - underWay, most - this.total))
  }

  /** The sender's bytes under way were so many before it sent, and are so many now. */
  sent(sender: object, before: number, after: number): void {
    this.total += uncertain(after) - uncertain(before)
    const now = this.path.now()
    // One that comes long after the last one is alone.
    if (sender !== this.lastSender && now - this.lastSentAt < sharedMs) this.sharedUntil = now + sharedMs
    this.lastSender = sender
    this.lastSentAt = now
  }

  /** The same when it is heard that some came. */
  arrived(before: number, after: number): void {
    this.total += uncertain(after) - uncertain(before)
  }
}

/** What sshd never tells of has come long ago: idle visitors must not take the room of others. */
function uncertain(underWay: number): number {
  return Math.max(0, underWay - untold)
}

/** sshd tells of what came when it is more than three packets of 32 KiB (channel_check_window in its channels.c). */
const untold = 96 * 1024
const always = untold + 32 * 1024
const sharedMs = 200
/** 1 GB/s: no path is taken for slower than it may be. */
const fastestPerMs = 1_000_000
