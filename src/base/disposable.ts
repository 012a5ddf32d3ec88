/** Something that holds a resource until it is disposed; shaped like VS Code's Disposable. */
export interface Disposable {
  dispose(): void
}

/**
 * Owns disposables and disposes them in reverse order of their creation, each once.
 * What is added after the store was disposed is disposed at once, so a late arrival never leaks.
 */
export class DisposableStore implements Disposable {
  private readonly owned = new Set<Disposable>()
  private disposed = false

  get isDisposed(): boolean {
    return this.disposed
  }

  add<T extends Disposable>(disposable: T): T {
    if (this.disposed) disposable.dispose()
    else this.owned.add(disposable)
    return disposable
  }

  /** Disposes one owned thing now and forgets it. */
  delete(disposable: Disposable): void {
    if (this.owned.delete(disposable)) disposable.dispose()
  }

  dispose(): void {
    this.disposed = true
    const inReverse = [...this.owned].reverse()
    this.owned.clear()
    const errors: unknown[] = []
    for (const disposable of inReverse) {
      try {
        disposable.dispose()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'dispose failed')
  }
}

export function toDisposable(dispose: () => void): Disposable {
  return { dispose }
}
