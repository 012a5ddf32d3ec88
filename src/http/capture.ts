import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import type { ExchangeSource } from './capturedExchange'
import type { Exchange, ExchangeStage } from './exchange'
import type { Exchanges } from './exchanges'
import type { GateOptions } from './gateOptions'
import type { RecordDelivery } from './heldRequest'
import { OpenRecordings } from './openRecordings'
import { Recording, type Told } from './recording'
import { visitorAddress } from './visitorAddress'
import { watchExchange, type HowItEnded } from './watchedExchange'

/**
 * A stage for exchanges: keeps what passes, and changes and delays nothing. What is kept of an exchange that is still
 * open is renewed a few times a second, however much comes.
 */
export class Capture implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly open = new OpenRecordings()
  private timer: Disposable | undefined

  constructor(
    private readonly options: {
      readonly exchanges: Exchanges
      readonly tunnelId: number
      readonly isEdge: boolean
      readonly gate: () => GateOptions
      /** Counts what visitors ask, kept or not. */
      readonly count: ExchangeCount
      readonly clock: Clock
    },
  ) {
    this.owned.add(
      options.exchanges.onDidChange((change) => {
        if (change.kind === 'removed' && this.open.size > 0) this.renewSoon()
      }),
    )
    this.owned.add(toDisposable(() => this.renew()))
  }

  readonly accept: ExchangeStage = (exchange, next) => {
    const { exchanges, gate, isEdge, count, clock } = this.options
    count.onRequest()
    const counted = new Counting(count, clock)
    if (!exchanges.takesNew || gate().capture === false) return next(watchExchange(exchange, counted))
    const address = visitorAddress(exchange, { isEdge })
    next(this.record(exchange, { source: visitorSource, visitorAddress: address, told: counted }).exchange)
  }

  /** Keeps an exchange whatever a person has set. The one to pass on is another. */
  record(
    exchange: Exchange,
    from: {
      readonly source: ExchangeSource
      readonly visitorAddress: string
      readonly told?: Told
    },
  ): { readonly id: number; readonly exchange: Exchange } {
    const { exchanges, tunnelId, clock } = this.options
    const { source, visitorAddress, told } = from
    const { mostBodyBytes } = exchanges.limits()
    const recording = new Recording(
      { request: exchange.request, tunnelId, source, visitorAddress, mostBodyBytes, clock, told },
      this,
    )
    exchanges.begin(recording)
    this.open.add(recording)
    this.change(recording)
    const { id } = recording
    return { id, exchange: watchExchange(exchange, recording, id) }
  }

  /** Keeps a request that is sent once more, after its visitor has been answered, as a replay; if the first is kept. */
  readonly recordDelivery: RecordDelivery = (delivery, { capturedAs }, next) => {
    if (capturedAs === undefined) return next(delivery)
    const source = { kind: 'replay', of: capturedAs, isEdited: false } as const
    const address = visitorAddress(delivery, this.options)
    next(this.record(delivery, { source, visitorAddress: address }).exchange)
  }

  dispose(): void {
    this.timer?.dispose()
    this.owned.dispose()
  }

  /** Called by a recording: more has come of it. */
  change(recording: Recording): void {
    // Messages are made readable after the end, too.
    if (recording.isOver) return this.options.exchanges.update(recording.now)
    if (recording.hasChanged || this.owned.isDisposed) return
    recording.hasChanged = true
    this.renewSoon()
  }

  /** Called by a recording at its end. */
  over(recording: Recording): void {
    this.open.delete(recording)
    this.options.exchanges.update(recording.now)
  }

  private renewSoon(): void {
    this.timer ??= this.options.clock.after(renewalMs, () => this.renew())
  }

  private renew(): void {
    this.timer = undefined
    const { exchanges } = this.options
    this.open.letGo(({ id }) => !exchanges.has(id))
    for (const recording of this.open.changed()) exchanges.update(recording.now)
  }
}

const visitorSource: ExchangeSource = { kind: 'visitor' }

/** What is counted of visitors' exchanges. */
export interface ExchangeCount {
  onRequest(): void
  /** From the request's head to the first byte of the answer. */
  onAnswer(latencyMs: number): void
  onError(): void
}

/** Counts one exchange. */
class Counting implements Told {
  private readonly at: number
  private isError = false

  constructor(
    private readonly count: ExchangeCount,
    private readonly clock: Clock,
  ) {
    this.at = clock.now()
  }

  onBegin(status: number): void {
    this.count.onAnswer(this.clock.now() - this.at)
    this.isError = status >= 500
    if (this.isError) this.count.onError()
  }

  onOver(how: HowItEnded): void {
    if (how === 'broken off' && !this.isError) this.count.onError()
  }
}

const renewalMs = 250
