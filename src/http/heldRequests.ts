import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Clock } from '../base/clock'
import { toDisposable, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import { tokensOf, type AcceptExchange, type Exchange } from './exchange'
import type { GateOptions } from './gateOptions'
import { gateAnswers, type GateAnswer } from './gatePage'
import { HeldQueue } from './heldQueue'
import { HeldRequest, type RecordDelivery } from './heldRequest'
import { longestHeldBody, mayBeHeld, mostHeldBytes, type HoldOptions } from './hold'
import { readBody } from './readBody'
import type { ToApp } from './toApp'

/**
 * The stage before the app that keeps what would be lost while the app is down, where the user wants that: a request
 * that may be held is read whole, passes at once if the app takes it, and else waits until the app is back. What waits
 * is sent in the order in which it came, each once the one before has been answered, and never twice: an app that broke
 * off in the middle of one may have acted on it.
 */
export class HeldRequests implements Disposable {
  private readonly queue = new HeldQueue<HeldRequest>()
  private nextNumber = 1
  /** Of bodies in memory: of what is read, asked and held. */
  private bytes = 0
  private isDelivering = false
  private isClosed = false
  private retry = toDisposable(() => undefined)
  private retryAt = Infinity

  constructor(
    private readonly options: {
      readonly toApp: Pick<ToApp, 'accept' | 'ask'>
      readonly gate: () => GateOptions
      readonly record: RecordDelivery
      /** Another number of requests is held now. */
      readonly onChange: () => void
      readonly clock: Clock
      readonly log: Log
    },
  ) {}

  readonly accept: AcceptExchange = (exchange) => {
    const { gate, toApp } = this.options
    const { hold } = gate()
    if (hold === undefined || !mayBeHeld(exchange.request, hold)) toApp.accept(exchange)
    else void this.take(exchange, hold)
  }

  get count(): number {
    return this.queue.count
  }

  /** The app takes connections, it seems. */
  appAnswers(): void {
    this.deliver()
  }

  /** What is held is dropped. Resolves when those who still waited have been told. */
  async close(): Promise<void> {
    this.isClosed = true
    this.retry.dispose()
    const held = this.isDelivering ? this.queue.all.slice(1) : this.queue.all
    if (held.length > 0) this.options.log.warn(`${held.length} held requests were dropped with the tunnel`)
    const said = held.flatMap(
      (one) => this.drop(one, gateAnswers.closed, 'Dropped: the tunnel was closed.') ?? [],
    )
    await Promise.allSettled(said.map((out) => finished(out, { readable: false })))
  }

  dispose(): void {
    void this.close()
  }

  private async take(exchange: Exchange, hold: HoldOptions): Promise<void> {
    const { request, response } = exchange
    const { toApp, record, clock } = this.options
    const left = new AbortController()
    response.onGone(() => left.abort())
    const fields = request.fields.filter(([name]) => name.toLowerCase() !== 'expect')
    // It is up to us now to ask for the body (RFC 9110 10.1.1).
    if (tokensOf(request.fields, 'expect').includes('100-continue')) response.inform(100, [])
    let size = 0
    const mayTake = (bytes: number) => {
      size += bytes
      this.bytes += bytes
      return size <= longestHeldBody && this.bytes <= mostHeldBytes
    }
    const body = await readBody(request.body, mayTake).catch(() => undefined)
    const hasLeft = body === undefined || left.signal.aborted
    if (!Buffer.isBuffer(body) || hasLeft) this.bytes -= size
    if (hasLeft) return
    if (!Buffer.isBuffer(body)) {
      toApp.accept({ ...exchange, request: { ...request, fields, body } })
      return
    }
    const trailers = request.trailers()
    const whole = { ...exchange, request: { ...request, fields, trailers: () => trailers } }
    const number = this.nextNumber++
    const held = new HeldRequest({ exchange: whole, body, number, hold, record, clock })
    if (this.count > 0) this.keep(held, hold)
    else this.askAtOnce(held, hold)
  }

  private askAtOnce(held: HeldRequest, hold: HoldOptions): void {
    this.options.toApp.ask(
      held.ask(() => this.forget(held)),
      { onReached: () => held.reached(), onUnsent: () => this.keep(held, hold) },
    )
  }

  private keep(held: HeldRequest, hold: HoldOptions): void {
    if (this.isClosed) {
      this.drop(held, gateAnswers.closed, 'Dropped: the tunnel was closed.')
    } else if (!this.queue.add(held, hold)) {
      this.drop(held, gateAnswers.full, `Not held: ${this.count} are held already.`)
    } else {
      held.keep()
      this.options.onChange()
      this.waitForApp()
    }
  }

  /** Sends the oldest; when it has been answered, the next. */
  private deliver(): void {
    if (this.isDelivering || this.isClosed) return
    this.dropOld()
    const { first } = this.queue
    if (first === undefined) return
    this.isDelivering = true
    const onEnd = () => {
      this.isDelivering = false
      this.forget(first)
      this.deliver()
    }
    const onUnsent = () => {
      this.isDelivering = false
      if (this.isClosed) this.drop(first, gateAnswers.closed, 'Dropped: the tunnel was closed.')
      else this.waitForApp()
    }
    this.options.toApp.ask(first.ask(onEnd), { onReached: () => first.reached(), onUnsent })
  }

  /** Whoever watches the port tells soonest; this is for what nobody watches, and for visitors who wait. */
  private waitForApp(): void {
    const { clock } = this.options
    const now = clock.now()
    const isUrgent = this.queue.all.some(({ hasVisitor }) => hasVisitor)
    const at = now + (isUrgent ? urgentRetryMs : usualRetryMs)
    if (this.isDelivering || this.count === 0 || this.retryAt <= at) return
    this.retry.dispose()
    this.retryAt = at
    this.retry = clock.after(at - now, () => {
      this.retryAt = Infinity
      this.deliver()
    })
  }

  private dropOld(): void {
    const old = this.queue.takeOld(this.options.clock.now())
    for (const held of old) {
      this.options.log.warn(`a request was held for ${held.forMs / 1000} s, and dropped`)
      this.drop(held, gateAnswers.noAnswer, `Dropped: the app was not back within ${held.forMs / 1000} s.`)
    }
  }

  private drop(held: HeldRequest, why: GateAnswer, note: string): Writable | undefined {
    const out = held.drop(why, note)
    this.forget(held)
    return out
  }

  private forget(held: HeldRequest): void {
    const { count } = this
    this.bytes -= held.size
    this.queue.remove(held)
    if (this.count === count) return
    this.options.onChange()
    if (this.count > 0) return
    this.retry.dispose()
    this.retryAt = Infinity
  }
}

const urgentRetryMs = 500
const usualRetryMs = 5000
