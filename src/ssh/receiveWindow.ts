/** What is known of the way to the server, for all channels of a connection. */
export interface Path {
  /** The least time there and back, in milliseconds; undefined while unknown. */
  readonly roundTripMs: number | undefined
  /** In milliseconds, from any beginning. */
  now(): number
}

/** What the windows of one connection's channels take together. In bytes. */
export class WindowBudget {
  private open = 0
  private spare = mostGrowth

  /** The window a new channel begins with. */
  begin(): number {
    return this.open++ < generousChannels ? firstWindow : manyWindow
  }

  end(): void {
    this.open--
  }

  /** Takes that many bytes if they are there. */
  take(bytes: number): boolean {
    if (bytes > this.spare) return false
    this.spare -= bytes
    return true
  }

  giveBack(bytes: number): void {
    this.spare += bytes
  }
}

/**
 * How much the server may still send on one channel (RFC 4254 5.2). It begins as OpenSSH's does and doubles where that
 * is what bounds the speed: where about a window arrives in each round trip, and the reader keeps up. More than the
 * path needs does harm: sshd keeps what it may send in one piece of memory, and moves all of it for each packet.
 */
export class ReceiveWindow {
  readonly first: number
  private left: number
  private target: number
  private arrived = 0
  private since: number
  private isOver = false

  constructor(
    private readonly budget: WindowBudget,
    private readonly path: Path,
  ) {
    this.first = budget.begin()
    this.left = this.first
    this.target = this.first
    this.since = path.now()
  }

  /** Counts what came. False when the server was not allowed to send as much. */
  take(bytes: number): boolean {
    this.left -= bytes
    this.arrived += bytes
    return this.left >= 0
  }

  /** How many bytes to allow now, where so many wait for the reader; 0 for none yet. */
  grant(unread: number): number {
    // Small steps keep the server sending; a step costs a packet.
    if (this.target - this.left - unread < Math.min(largestStep, this.target / 4)) return 0
    // Not to where it began: over a long path a burst waits for a moment where the reader keeps up, too.
    if (unread > firstWindow / 2) this.shrinkTo(this.target / 2)
    else this.growWhereNeeded()
    const granted = Math.max(0, this.target - this.left - unread)
    this.left += granted
    return granted
  }

  dispose(): void {
    if (this.isOver) return
    this.isOver = true
    this.shrinkTo(this.first)
    this.budget.end()
  }

  private growWhereNeeded(): void {
    const { path } = this
    if (path.roundTripMs === undefined) return
    const trips = (path.now() - this.since) / path.roundTripMs
    if (trips < 1) return
    const isBound = this.arrived / trips > (this.target * 3) / 4
    if (isBound && this.target < largestWindow && this.budget.take(this.target)) this.target *= 2
    this.arrived = 0
    this.since = path.now()
  }

  private shrinkTo(bytes: number): void {
    const target = Math.max(this.first, bytes)
    this.budget.giveBack(this.target - target)
    this.target = target
  }
}

const firstWindow = 2 * 1024 * 1024
const manyWindow = 128 * 1024
const generousChannels = 32
const largestWindow = 16 * 1024 * 1024
const mostGrowth = 64 * 1024 * 1024
const largestStep = 256 * 1024
