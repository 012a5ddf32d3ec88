/** What the queue goes by. */
export interface Queued {
  /** A later one has a greater number. */
  readonly number: number
  /** When it came, in milliseconds since the epoch, and how long it is held, in milliseconds. */
  readonly since: number
  readonly forMs: number
}

/** What waits for the app, in the order in which it came, whatever the order in which it turned out to have to wait. */
export class HeldQueue<T extends Queued> {
  private waiting: T[] = []

  get count(): number {
    return this.waiting.length
  }

  /** The oldest. */
  get first(): T | undefined {
    return this.waiting[0]
  }

  get all(): readonly T[] {
    return this.waiting
  }

  /** False when there is no room: then the queue is as before. */
  add(one: T, { atMost }: { readonly atMost: number }): boolean {
    if (this.waiting.length >= atMost) return false
    const at = this.waiting.findIndex(({ number }) => number > one.number)
    this.waiting.splice(at < 0 ? this.waiting.length : at, 0, one)
    return true
  }

  remove(one: T): void {
    this.waiting = this.waiting.filter((other) => other !== one)
  }

  /** Takes out those that have been held for too long. */
  takeOld(now: number): readonly T[] {
    const old = this.waiting.filter(({ since, forMs }) => now - since >= forMs)
    this.waiting = this.waiting.filter((one) => !old.includes(one))
    return old
  }
}
