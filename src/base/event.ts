import type { Disposable } from './disposable'

/** Subscribes a listener; disposing the result unsubscribes it. The shape is VS Code's `Event<T>`. */
export type Event<T> = (listener: (value: T) => void) => Disposable

/** Fires values to its listeners in the order they subscribed. */
export class Emitter<T> implements Disposable {
  private readonly listeners = new Set<{ call: (value: T) => void }>()

  readonly event: Event<T> = (listener) => {
    // A box of its own, so that one function subscribed twice is called twice.
    const box = { call: listener }
    this.listeners.add(box)
    return { dispose: () => this.listeners.delete(box) }
  }

  get hasListeners(): boolean {
    return this.listeners.size > 0
  }

  fire(value: T): void {
    for (const listener of [...this.listeners]) listener.call(value)
  }

  dispose(): void {
    this.listeners.clear()
  }
}
