import { Readable, type Writable } from 'node:stream'
import type { Clock } from '../base/clock'
import { toDisposable } from '../base/disposable'
import { answerByGate } from './answers'
import type { AcceptExchange, Exchange, Field, HttpRequest, HttpResponse, OwnDoing } from './exchange'
import type { GateAnswer } from './gatePage'
import { gateAnswers } from './gatePage'
import type { HoldOptions } from './hold'
import type { Queued } from './heldQueue'
import { UnseenResponse } from './unseenResponse'

/** Lets the capture stage see an exchange that comes from no visitor: the request of another one, once more. */
export type RecordDelivery = (delivery: Exchange, of: Exchange, next: AcceptExchange) => void

/**
 * A request whose body has been read whole. It is the way back for the app's answer, which goes to the visitor while
 * they wait; once they have been told that the request is held, or have left, it is only recorded.
 */
export class HeldRequest implements HttpResponse, Queued {
  readonly number: number
  readonly since: number
  readonly forMs: number
  hasBegun = false
  private visitorIs: 'waiting' | 'told' | 'gone' = 'waiting'
  private wasKept = false
  private isReached = false
  private delivery: HttpResponse | undefined
  private patience = toDisposable(() => undefined)
  private onEnd: () => void = () => undefined
  private giveUp: () => void = () => undefined

  constructor(
    private readonly options: {
      readonly exchange: Exchange
      readonly body: Buffer
      readonly number: number
      readonly hold: HoldOptions
      readonly record: RecordDelivery
      readonly clock: Clock
    },
  ) {
    this.number = options.number
    this.since = options.clock.now()
    this.forMs = options.hold.forMs
    options.exchange.response.onGone(() => this.leave())
  }

  get size(): number {
    return this.options.body.length
  }

  get hasVisitor(): boolean {
    return this.visitorIs === 'waiting'
  }

  /** For the app. `onEnd` is called once, when its answer has ended in whatever way. */
  ask(onEnd: () => void): Exchange {
    this.onEnd = onEnd
    return { visitor: this.options.exchange.visitor, request: this.again(), response: this }
  }

  /** Nobody took it. From now on the visitor waits for a moment only. */
  keep(): void {
    const { exchange, hold, clock } = this.options
    this.wasKept = true
    exchange.response.note?.({ text: 'Held: nothing answers on the port.', isAnswer: false })
    if (this.hasVisitor) this.patience = clock.after(hold.answerAfterMs, () => this.tell())
  }

  /** The app has it: it is not sent again, and whoever waits gets the app's own answer. */
  reached(): void {
    this.isReached = true
    this.patience.dispose()
    if (!this.hasVisitor) this.openDelivery()
  }

  /** It is not going to be sent. The result finishes when a visitor who waits has been told. */
  drop(why: GateAnswer, note: string): Writable | undefined {
    const { exchange } = this.options
    this.patience.dispose()
    if (this.hasVisitor) {
      this.visitorIs = 'told'
      return answerByGate(exchange, { ...why, note })
    }
    exchange.response.note?.({ text: note, isAnswer: false })
    return undefined
  }

  inform(status: number, fields: readonly Field[]): void {
    this.wayBack.inform(status, fields)
  }

  begin(status: number, reason: string, fields: readonly Field[]): Writable {
    const out = this.wayBack.begin(status, reason, fields)
    this.hasBegun = true
    return out
  }

  end(trailers: readonly Field[]): void {
    this.wayBack.end(trailers)
    this.onEnd()
  }

  abort(): void {
    this.wayBack.abort()
    this.onEnd()
  }

  onGone(callback: () => void): void {
    this.giveUp = callback
  }

  readonly note = (did: OwnDoing): void => this.wayBack.note?.(did)

  private get wayBack(): HttpResponse {
    return this.hasVisitor ? this.options.exchange.response : (this.delivery ?? this.openDelivery())
  }

  private tell(): void {
    this.visitorIs = 'told'
    answerByGate(this.options.exchange, gateAnswers.held)
  }

  /** A request that the app has is not taken back because its visitor has lost patience. */
  private leave(): void {
    if (!this.hasVisitor) return
    this.visitorIs = 'gone'
    this.patience.dispose()
    if (this.hasBegun) {
      this.giveUp()
      this.onEnd()
    } else if (this.isReached) this.openDelivery()
  }

  private openDelivery(): HttpResponse {
    const { exchange, record, clock } = this.options
    let opened: HttpResponse = new UnseenResponse()
    const delivery = { visitor: exchange.visitor, request: this.again(), response: opened }
    record(delivery, exchange, (recorded) => {
      recorded.request.body.resume()
      opened = recorded.response
    })
    const seconds = Math.round((clock.now() - this.since) / 1000)
    const text = this.wasKept
      ? `Held, and delivered after ${seconds} s.`
      : 'The visitor left before the app had answered.'
    opened.note?.({ text, isAnswer: false })
    exchange.response.note?.({ text, isAnswer: false })
    return (this.delivery = opened)
  }

  /** The same bytes once more. */
  private again(): HttpRequest {
    const { exchange, body } = this.options
    return {
      ...exchange.request,
      body: Readable.from(body.length === 0 ? [] : [body], { objectMode: false }),
    }
  }
}
