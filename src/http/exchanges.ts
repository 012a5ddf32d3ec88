import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { CapturedBody, CapturedExchange } from './capturedExchange'

/** How much is kept. The oldest exchanges give way. */
export interface CaptureLimits {
  readonly mostExchanges: number
  /** Of all of them together, in bytes. */
  readonly mostBytes: number
  /** Of each body; what comes after is counted only. */
  readonly mostBodyBytes: number
}

export type ExchangesChange =
  | { readonly kind: 'added' | 'updated'; readonly exchange: CapturedExchange }
  /** They gave way, or were cleared. */
  | { readonly kind: 'removed'; readonly ids: readonly number[] }
  | { readonly kind: 'paused or resumed' }

/** The captured exchanges of a window, of all tunnels, in bounded memory. Closing a tunnel leaves its exchanges. */
export class Exchanges implements Disposable {
  private readonly didChange = new Emitter<ExchangesChange>()
  private readonly kept = new Map<number, { readonly exchange: CapturedExchange; readonly bytes: number }>()
  private bytes = 0
  private nextId = 1
  private gaveWay = 0
  private paused = false

  readonly onDidChange = this.didChange.event

  /** The limits are asked for each time, since settings change. */
  constructor(readonly limits: () => CaptureLimits) {}

  /** Oldest first. */
  get all(): readonly CapturedExchange[] {
    return Array.from(this.kept.values(), ({ exchange }) => exchange)
  }

  get(id: number): CapturedExchange | undefined {
    return this.kept.get(id)?.exchange
  }

  /** How many gave way to newer ones since the last `clear`. */
  get leftOut(): number {
    return this.gaveWay
  }

  /** About how many bytes of memory they take. */
  get size(): number {
    return this.bytes
  }

  /** While it is paused, nothing new is captured; what is under way goes on. */
  get isPaused(): boolean {
    return this.paused
  }
  set isPaused(paused: boolean) {
    if (this.paused === paused) return
    this.paused = paused
    this.didChange.fire({ kind: 'paused or resumed' })
  }

  add(exchange: Omit<CapturedExchange, 'id'>): CapturedExchange {
    const added = { ...exchange, id: this.nextId++ }
    this.keep(added)
    this.didChange.fire({ kind: 'added', exchange: added })
    this.makeRoom()
    return added
  }

  /** Takes the place of the one with the same id; nothing happens when that has given way. */
  update(exchange: CapturedExchange): void {
    if (!this.kept.has(exchange.id)) return
    this.keep(exchange)
    this.didChange.fire({ kind: 'updated', exchange })
    this.makeRoom()
  }

  /** Removes all, or those of one tunnel. */
  clear(tunnelId?: number): void {
    const ids = this.all.filter((one) => tunnelId === undefined || one.tunnelId === tunnelId)
    for (const { id } of ids) this.forget(id)
    this.gaveWay = 0
    this.didChange.fire({ kind: 'removed', ids: ids.map(({ id }) => id) })
  }

  dispose(): void {
    this.didChange.dispose()
    this.kept.clear()
  }

  private keep(exchange: CapturedExchange): void {
    const bytes = bytesOf(exchange)
    this.bytes += bytes - (this.kept.get(exchange.id)?.bytes ?? 0)
    this.kept.set(exchange.id, { exchange, bytes })
  }

  private forget(id: number): void {
    this.bytes -= this.kept.get(id)?.bytes ?? 0
    this.kept.delete(id)
  }

  private makeRoom(): void {
    const { mostExchanges, mostBytes } = this.limits()
    const ids: number[] = []
    for (const id of this.kept.keys()) {
      if (this.kept.size <= mostExchanges && this.bytes <= mostBytes) break
      this.forget(id)
      ids.push(id)
    }
    if (ids.length === 0) return
    this.gaveWay += ids.length
    this.didChange.fire({ kind: 'removed', ids })
  }
}

/** What an object costs besides its bytes: measured, about. */
const overhead = 1024

function bytesOf({ request, response, webSocket }: CapturedExchange): number {
  const fields = [request.fields, request.trailers, response?.fields ?? [], response?.trailers ?? []].flat()
  const bodies: (CapturedBody | undefined)[] = [
    request.body,
    response?.body,
    ...(webSocket?.messages.map(({ body }) => body) ?? []),
  ]
  const ofFields = fields.reduce((sum, [name, value]) => sum + 2 * (name.length + value.length), 0)
  const ofBodies = bodies.reduce((sum, body) => sum + (body?.bytes.length ?? 0), 0)
  return overhead + 2 * request.target.length + ofFields + ofBodies
}
