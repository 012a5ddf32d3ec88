/**
 * Things that come and go by the thousand. Each has a place in a list, and leaves it to the next: a Map or a Set leaves old
 * tables behind, and V8 keeps what these held until it collects everything.
 */
export class Places<T extends object> {
  private readonly places: (T | undefined)[] = []
  private readonly free: number[] = []

  get size(): number {
    return this.places.length - this.free.length
  }

  get all(): T[] {
    return this.places.filter((one) => one !== undefined)
  }

  /** The result is the thing's place, for `delete`. */
  add(one: T): number {
    const place = this.free.pop() ?? this.places.length
    this.places[place] = one
    return place
  }

  /** Nothing happens when it has left that place. */
  delete(place: number, one: T): void {
    if (this.places[place] !== one) return
    this.places[place] = undefined
    this.free.push(place)
  }
}
