import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import type { ExchangeSource } from './capturedExchange'
import type { Exchange, ExchangeStage } from './exchange'
import type { Exchanges } from './exchanges'
import type { GateOptions } from './gateOptions'
import type { RecordDelivery } from './heldRequest'
import { OpenRecordings, type OpenRecording } from './openRecordings'
import { Recording } from './recording'
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
    const at = clock.now()
    let isError = false
    const counted: Counted = {
      onBegin: (status) => {
        count.onAnswer(clock.now() - at)
        isError = status >= 500
        if (isError) count.onError()
      },
      onOver: (how) => {
        if (how === 'broken off' && !isError) count.onError()
      },
    }
    if (!exchanges.takesNew || gate().capture === false) return next(watchExchange(exchange, counted))
    const address = visitorAddress(exchange, { isEdge })
    next(this.record(exchange, { source: { kind: 'visitor' }, visitorAddress: address, ...counted }).exchange)
  }

  /** Keeps an exchange whatever a person has set. The one to pass on is another. */
  record(
    exchange: Exchange,
    from: { readonly source: ExchangeSource; readonly visitorAddress: string } & Partial<Counted>,
  ): { readonly id: number; readonly exchange: Exchange } {
    const { exchanges, tunnelId, clock } = this.options
    const { source, visitorAddress, onBegin, onOver } = from
    const recording: Recording = new Recording(
      {
        ...{ request: exchange.request, tunnelId, source, visitorAddress },
        mostBodyBytes: exchanges.limits().mostBodyBytes,
        now: () => clock.now(),
      },
      {
        change: () => this.markChanged(entry),
        begin: (status) => onBegin?.(status),
        over: (how) => {
          this.open.delete(entry)
          exchanges.update(recording.snapshot(entry.id))
          onOver?.(how)
        },
      },
    )
    const id = exchanges.begin((given) => recording.snapshot(given))
    const entry = this.open.add(id, recording)
    this.markChanged(entry)
    return { id, exchange: { ...watchExchange(exchange, recording), capturedAs: id } }
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

  private markChanged(entry: OpenRecording): void {
    const { exchanges } = this.options
    // Messages are made readable after the end, too.
    if (entry.recording.isOver) return exchanges.update(entry.recording.snapshot(entry.id))
    if (entry.hasChanged || this.owned.isDisposed) return
    entry.hasChanged = true
    this.renewSoon()
  }

  private renewSoon(): void {
    this.timer ??= this.options.clock.after(renewalMs, () => this.renew())
  }

  private renew(): void {
    this.timer = undefined
    const { exchanges } = this.options
    this.open.letGo(({ id }) => exchanges.get(id) === undefined)
    for (const entry of this.open.changed()) exchanges.update(entry.recording.snapshot(entry.id))
  }
}

/** What is counted of visitors' exchanges. */
export interface ExchangeCount {
  onRequest(): void
  /** From the request's head to the first byte of the answer. */
  onAnswer(latencyMs: number): void
  onError(): void
}

interface Counted {
  onBegin(status: number): void
  onOver(how: HowItEnded): void
}

const renewalMs = 250
