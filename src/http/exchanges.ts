import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { CapturedBody, CapturedExchange } from './capturedExchange'
import type { Field } from './field'

/** How much is kept. The oldest exchanges give way. */
export interface CaptureLimits {
  /** False: nothing new is captured. */
  readonly isOn?: boolean
  readonly mostExchanges: number
  /** Of all of them together, in bytes. */
  readonly mostBytes: number
  /** Of each body; what comes after is counted only. */
  readonly mostBodyBytes: number
}

/** Unless the settings say otherwise. */
export const usualLimits: CaptureLimits = {
  mostExchanges: 1000,
  mostBytes: 64 * 1024 * 1024,
  mostBodyBytes: 1024 * 1024,
}

export type ExchangesChange =
  | { readonly kind: 'added' | 'updated'; readonly exchange: CapturedExchange }
  /** They gave way, or were cleared. */
  | { readonly kind: 'removed'; readonly ids: readonly number[] }
  | { readonly kind: 'paused or resumed' }

/** The captured exchanges of a window, of all tunnels, in bounded memory. Closing a tunnel leaves its exchanges. */
export class Exchanges implements Disposable {
  private readonly didChange = new Emitter<ExchangesChange>()
  private readonly kept = new KeptById()
  private bytes = 0
  private gaveWay = 0
  private paused = false

  readonly onDidChange = this.didChange.event

  /** The limits are asked for each time, since settings change. */
  constructor(readonly limits: () => CaptureLimits = () => usualLimits) {}

  /** Oldest first. */
  get all(): readonly CapturedExchange[] {
    return this.kept.all
  }

  get(id: number): CapturedExchange | undefined {
    const kept = this.kept.get(id)
    return kept === undefined ? undefined : exchangeOf(kept)
  }

  has(id: number): boolean {
    return this.kept.get(id) !== undefined
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

  /** Whether visitors' exchanges are captured now. */
  get takesNew(): boolean {
    return !this.paused && this.limits().isOn !== false
  }

  add(exchange: Omit<CapturedExchange, 'id'>): CapturedExchange {
    const added = { ...exchange, id: this.kept.nextId }
    this.keep(added)
    this.didChange.fire({ kind: 'added', exchange: added })
    this.makeRoom()
    return added
  }

  /**
   * Adds an exchange that has only begun. How it is now is asked when somebody looks, until the first `update`: most are
   * over before that.
   */
  begin(growing: Growing): void {
    growing.id = this.kept.nextId
    const kept = { id: growing.id, exchange: growing, bytes: ofExchange }
    this.bytes += kept.bytes
    this.kept.set(growing.id, kept)
    this.didChange.fire(new Begun(growing))
    this.makeRoom()
  }

  /** Takes the place of the one with the same id; nothing happens when that has given way. */
  update(exchange: CapturedExchange): void {
    if (!this.has(exchange.id)) return
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
    const { id } = exchange
    this.bytes += bytes - (this.kept.get(id)?.bytes ?? 0)
    this.kept.set(id, { id, exchange, bytes })
  }

  private forget(id: number): void {
    this.bytes -= this.kept.get(id)?.bytes ?? 0
    this.kept.delete(id)
  }

  private makeRoom(): void {
    const { mostExchanges, mostBytes } = this.limits()
    const ids: number[] = []
    while (this.kept.size > mostExchanges || this.bytes > mostBytes) {
      const id = this.kept.oldest
      if (id === undefined) break
      this.forget(id)
      ids.push(id)
    }
    if (ids.length === 0) return
    this.gaveWay += ids.length
    this.didChange.fire({ kind: 'removed', ids })
  }
}

/** An exchange that is still coming. */
export interface Growing {
  /** Set when it is added. */
  id: number
  readonly now: CapturedExchange
}

interface Kept {
  readonly id: number
  readonly exchange: CapturedExchange | Growing
  readonly bytes: number
}

function exchangeOf({ exchange }: Kept): CapturedExchange {
  return 'now' in exchange ? exchange.now : exchange
}

class Begun {
  readonly kind = 'added'

  constructor(private readonly growing: Growing) {}

  get exchange(): CapturedExchange {
    return this.growing.now
  }
}

/**
 * By ids that rise one by one. A Map to which the newest come and from which the oldest go leaves its old tables
 * behind, and with them all they held, until V8 collects everything: that took most of the time of a capture.
 */
class KeptById {
  private list: (Kept | undefined)[] = []
  /** The id that the first place of the list stands for. */
  private firstId = 1
  /** Places before this one are empty. */
  private start = 0
  private count = 0

  get size(): number {
    return this.count
  }

  get nextId(): number {
    return this.firstId + this.list.length
  }

  get all(): CapturedExchange[] {
    const all: CapturedExchange[] = []
    for (const kept of this.list) if (kept !== undefined) all.push(exchangeOf(kept))
    return all
  }

  get oldest(): number | undefined {
    while (this.start < this.list.length && this.list[this.start] === undefined) this.start++
    return this.list[this.start]?.id
  }

  get(id: number): Kept | undefined {
    return this.list[id - this.firstId]
  }

  /** Of a new one, `id` is `nextId`. */
  set(id: number, kept: Kept): void {
    const place = id - this.firstId
    if (this.list[place] === undefined) this.count++
    this.list[place] = kept
  }

  delete(id: number): void {
    const place = id - this.firstId
    if (this.list[place] === undefined) return
    this.list[place] = undefined
    this.count--
    if (this.start > 1000 && this.start > this.list.length / 2) {
      this.list = this.list.slice(this.start)
      this.firstId += this.start
      this.start = 0
    }
  }

  clear(): void {
    this.firstId = this.nextId
    this.list = []
    this.start = 0
    this.count = 0
  }
}

/** What they cost besides their bytes; measured, about. */
const ofExchange = 1400
const ofField = 120
const ofMessage = 300

function bytesOf({ request, response, webSocket }: CapturedExchange): number {
  let bytes = ofExchange + ofText(request.target) + ofFields(request.fields) + ofFields(request.trailers)
  bytes += ofBody(request.body)
  if (response !== undefined) {
    bytes += ofFields(response.fields) + ofFields(response.trailers) + ofBody(response.body)
    for (const { fields } of response.informed) bytes += ofFields(fields)
  }
  for (const { body } of webSocket?.messages ?? []) bytes += ofMessage + ofBody(body)
  return bytes
}

function ofFields(fields: readonly Field[]): number {
  let bytes = 0
  for (const [name, value] of fields) bytes += ofField + ofText(name) + ofText(value)
  return bytes
}

/** Some engines keep two bytes a letter. */
function ofText({ length }: string): number {
  return 2 * length
}

/** A body that still grows has more memory than bytes. For a short one, asking would make V8 move it. */
function ofBody({ bytes }: CapturedBody): number {
  return bytes.length <= longestOnHeap ? bytes.length : bytes.buffer.byteLength
}

/** V8 keeps typed arrays of up to so many bytes among its objects (typed_array_max_size_in_heap). */
const longestOnHeap = 64
