import type { ExchangeSummary } from '../http/capturedExchange'

/** What the page knows of the exchanges, newest first; changes of thousands are cheap. */
export class ExchangeList {
  private readonly byId = new Map<number, ExchangeSummary>()
  private sorted: readonly ExchangeSummary[] | undefined

  get all(): readonly ExchangeSummary[] {
    // Numbers grow with time, and a map keeps the order things came in.
    return (this.sorted ??= [...this.byId.values()].reverse())
  }

  get(id: number): ExchangeSummary | undefined {
    return this.byId.get(id)
  }

  replace(exchanges: readonly ExchangeSummary[]): void {
    this.byId.clear()
    this.change(exchanges, [])
  }

  change(exchanges: readonly ExchangeSummary[], removed: readonly number[]): void {
    for (const one of exchanges) this.byId.set(one.id, one)
    for (const id of removed) this.byId.delete(id)
    this.sorted = undefined
  }
}
