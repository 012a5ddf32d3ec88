import type { Disposable } from './disposable'

/** Subscribes a listener; disposing the result unsubscribes it. The shape is VS Code's `Event<T>`. */
export type Event<T> = (listener: (value: T) => void) => Disposable

/** Fires values to its listeners in the order they subscribed. */
export class Emitter<T> implements Disposable {
  /** Never changed but by another list, so that firing needs no copy. */
  private listeners: readonly { call: (value: T) => void }[] = []

  readonly event: Event<T> = (listener) => {
    // A box of its own, so that one function subscribed twice is called twice.
    const box = { call: listener }
    this.listeners = [...this.listeners, box]
    return { dispose: () => (this.listeners = this.listeners.filter((other) => other !== box)) }
  }

  get hasListeners(): boolean {
    return this.listeners.length > 0
  }

  fire(value: T): void {
    for (const listener of this.listeners) listener.call(value)
  }

  dispose(): void {
    this.listeners = []
  }
}
