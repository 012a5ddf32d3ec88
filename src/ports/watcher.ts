import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Cancelled, isCancelled } from '../base/failure'
import { Emitter, type Event } from '../base/event'
import type { Log } from '../base/log'
import type { ListeningPort, PortSource } from './listeningPort'

export interface PortChange {
  /** Ports that were not among the last ones. On the first look these are all. */
  readonly opened: readonly ListeningPort[]
  readonly closed: readonly ListeningPort[]
  /** All that listen now. */
  readonly ports: readonly ListeningPort[]
}

/**
 * Keeps the list of listening ports while somebody holds it. It polls, because no OS tells of a new
 * listener by itself, and only while a hold is alive; slower while the window is unfocused and where a
 * look is expensive. Owns its source.
 */
export class PortWatcher implements Disposable {
  private readonly source: PortSource
  private readonly clock: Clock
  private readonly log: Log
  private readonly changed = new Emitter<PortChange>()
  private readonly stop = new AbortController()
  private holds = 0
  private isFocused = true
  private lookMs = 0
  private timer: Disposable | undefined
  private current: readonly ListeningPort[] = []
  private underWay: Promise<readonly ListeningPort[]> | undefined
  private following: Promise<readonly ListeningPort[]> | undefined
  private lastProblem = ''

  /** Fires when a port opened, closed, or changed its addresses or process (then both lists are empty). */
  readonly onDidChange: Event<PortChange> = this.changed.event

  constructor(options: { source: PortSource; clock: Clock; log: Log }) {
    this.source = options.source
    this.clock = options.clock
    this.log = options.log
  }

  /** What listened at the last look; empty before the first one. Sorted by port. */
  get ports(): readonly ListeningPort[] {
    return this.current
  }

  /** Somebody shows or needs the ports: polls, from now on, until the last hold is disposed. */
  hold(): Disposable {
    let isHeld = true
    if (++this.holds === 1) this.poll()
    return {
      dispose: () => {
        if (isHeld && --this.holds === 0) this.timer?.dispose()
        isHeld = false
      },
    }
  }

  set focused(value: boolean) {
    if (value === this.isFocused) return
    this.isFocused = value
    if (this.holds === 0) return
    if (value) this.poll()
    else this.pollLater()
  }

  /**
   * What listens now. The look begins after the call: while one is already under way, all who ask share
   * the next one. Throws what the source throws, and Cancelled when the watcher is disposed.
   */
  async refresh(): Promise<readonly ListeningPort[]> {
    if (!this.underWay) return this.begin()
    this.following ??= this.underWay
      .catch(() => undefined)
      .then(() => {
        this.following = undefined
        return this.begin()
      })
    return this.following
  }

  dispose(): void {
    this.stop.abort(new Cancelled())
    this.timer?.dispose()
    this.changed.dispose()
    this.source.dispose?.()
  }

  private begin(): Promise<readonly ListeningPort[]> {
    this.underWay ??= this.look().finally(() => (this.underWay = undefined))
    return this.underWay
  }

  private async look(): Promise<readonly ListeningPort[]> {
    this.stop.signal.throwIfAborted()
    const began = this.clock.now()
    const ports = await this.source.list(this.stop.signal)
    this.stop.signal.throwIfAborted()
    this.lookMs = this.clock.now() - began
    this.lastProblem = ''
    const change = compare(this.current, ports)
    this.current = ports
    if (change) this.changed.fire(change)
    return ports
  }

  private poll(): void {
    this.timer?.dispose()
    this.begin()
      .catch((error: unknown) => this.report(error))
      .finally(() => this.pollLater())
  }

  private pollLater(): void {
    this.timer?.dispose()
    if (this.holds === 0 || this.stop.signal.aborted) return
    const affordable = Math.min(Math.max(this.lookMs * REST, FASTEST_MS), SLOWEST_MS)
    this.timer = this.clock.after(this.isFocused ? affordable : UNFOCUSED_MS, () => this.poll())
  }

  private report(error: unknown): void {
    const problem = String(error)
    if (isCancelled(error) || problem === this.lastProblem) return
    this.lastProblem = problem
    this.log.warn(`ports: ${problem}`)
  }
}

const FASTEST_MS = 1000
const SLOWEST_MS = 5000
const UNFOCUSED_MS = 10_000
// At most a twentieth of the time is spent looking, until SLOWEST_MS.
const REST = 20

/** What changed, or undefined when nothing did. */
function compare(before: readonly ListeningPort[], after: readonly ListeningPort[]): PortChange | undefined {
  if (before === after) return undefined
  const old = new Map(before.map((listening) => [listening.port, listening]))
  const now = new Set(after.map(({ port }) => port))
  const opened = after.filter(({ port }) => !old.has(port))
  const closed = before.filter(({ port }) => !now.has(port))
  const isSame =
    opened.length === 0 && closed.length === 0 && JSON.stringify(before) === JSON.stringify(after)
  return isSame ? undefined : { opened, closed, ports: after }
}
