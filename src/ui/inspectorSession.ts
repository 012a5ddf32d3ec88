import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Event } from '../base/event'
import type { Log } from '../base/log'
import type { CapturedExchange, EventLabel, ExchangeSummary } from '../http/capturedExchange'
import type { Exchanges, ExchangesChange } from '../http/exchanges'
import type {
  FromInspector,
  ShownCapture,
  ShownExchange,
  ShownTunnel,
  ToInspector,
} from '../http/inspectorMessages'
import { summaryOf } from '../http/summaryOf'
import { readInspectorRequest } from './inspectorRequests'

export interface InspectorSessionOptions {
  /** Tells the page; whether it listens is not known. */
  readonly tell: (message: ToInspector) => void
  readonly exchanges: Exchanges
  readonly tunnels: () => readonly ShownTunnel[]
  readonly onDidChangeTunnels: Event<unknown>
  readonly show: (
    exchange: CapturedExchange,
    options: { readonly secrets: 'masked' | 'shown' },
  ) => Promise<ShownExchange>
  readonly labels: EventLabels
  /** What the page asks for that is more than to look. */
  readonly act: (request: Action, session: InspectorSession) => Promise<void>
  /** Another one for each life of the extension. */
  readonly life: string
  readonly clock: Clock
  readonly log: Log
}

/** Says which exchanges are webhooks, and which ones. */
export interface EventLabels {
  label(exchange: CapturedExchange): EventLabel | undefined
  /** Fires when it would say something else of the same exchanges. */
  readonly onDidChange: Event<void>
}

/** What the page asks for that is more than to look. */
export type Action = Exclude<FromInspector, { kind: 'ready' | 'select' | 'show secrets' }>

/**
 * Keeps one page of the inspector told: of all exchanges when it is ready, then of what has changed, ten times a second
 * at most, and of the selected exchange in full. While it is hidden it is told nothing.
 */
export class InspectorSession implements Disposable {
  private readonly owned = new DisposableStore()
  private isReady = false
  private readonly changed = new Map<number, CapturedExchange>()
  private readonly removed = new Set<number>()
  private selected: number | undefined
  /** Whose secrets are shown. */
  private unmasked: number | undefined
  /** Until the next look at what has changed. */
  private timer: Disposable | undefined
  private isSoon = false
  private showTimer: Disposable | undefined
  private lastTunnels = ''
  private waiting: ToInspector[] = []

  constructor(private readonly options: InspectorSessionOptions) {
    const { exchanges, onDidChangeTunnels, labels } = options
    this.owned.add(exchanges.onDidChange((change) => this.note(change)))
    this.owned.add(onDidChangeTunnels(() => this.soon()))
    this.owned.add(labels.onDidChange(() => this.labelAgain()))
  }

  /** A message of the page. */
  receive(message: unknown): void {
    const request = readInspectorRequest(message)
    if (request === undefined) {
      this.options.log.warn('the inspector’s page asked for something that is not known')
      return
    }
    switch (request.kind) {
      case 'ready':
        this.begin()
        return
      case 'select':
        this.select(request.id)
        return
      case 'show secrets':
        this.unmasked = request.isShown ? request.id : undefined
        this.showSelected()
        return
      default:
        void this.options.act(request, this)
    }
  }

  /** The page is gone for now, and begins anew when it is seen again. */
  hide(): void {
    this.isReady = false
    this.timer?.dispose()
    this.showTimer?.dispose()
    this.timer = this.showTimer = undefined
  }

  /** Tells the page something, when it is ready for it. */
  tell(message: ToInspector): void {
    if (this.isReady) this.options.tell(message)
    else this.waiting.push(message)
  }

  /** Whether a person has asked to see this exchange's secrets. */
  showsSecretsOf(id: number): boolean {
    return this.unmasked === id
  }

  dispose(): void {
    this.hide()
    this.owned.dispose()
  }

  private begin(): void {
    const { exchanges, life } = this.options
    this.isReady = true
    this.changed.clear()
    this.removed.clear()
    this.selected = undefined
    const tunnels = this.options.tunnels()
    this.lastTunnels = JSON.stringify(tunnels)
    this.options.tell({
      kind: 'all',
      exchanges: exchanges.all.map((exchange) => this.summary(exchange)),
      ...{ life, tunnels, capture: this.capture() },
    })
    for (const message of this.waiting.splice(0)) this.options.tell(message)
    this.later()
  }

  private note(change: ExchangesChange): void {
    if (!this.isReady) return
    switch (change.kind) {
      case 'added':
      case 'updated':
        this.changed.set(change.exchange.id, change.exchange)
        break
      case 'removed':
        for (const id of change.ids) {
          this.changed.delete(id)
          this.removed.add(id)
        }
        break
      case 'paused or resumed':
        break
    }
    this.soon()
  }

  private labelAgain(): void {
    for (const exchange of this.options.exchanges.all) this.note({ kind: 'updated', exchange })
  }

  private summary(exchange: CapturedExchange): ExchangeSummary {
    return { ...summaryOf(exchange), event: this.options.labels.label(exchange) }
  }

  /** The numbers of tunnels change without an event, so they are looked at from time to time. */
  private later(): void {
    this.timer?.dispose()
    this.timer = this.options.clock.after(idleMs, () => this.flush())
    this.isSoon = false
  }

  private soon(): void {
    if (!this.isReady || this.isSoon) return
    this.isSoon = true
    this.timer?.dispose()
    this.timer = this.options.clock.after(batchMs, () => this.flush())
  }

  private flush(): void {
    this.tellTunnels()
    if (this.isSoon) this.tellChanges()
    this.later()
  }

  private tellChanges(): void {
    const isSelectedChanged = this.selected !== undefined && this.changed.has(this.selected)
    this.options.tell({
      kind: 'changed',
      exchanges: Array.from(this.changed.values(), (exchange) => this.summary(exchange)),
      removed: [...this.removed],
      capture: this.capture(),
    })
    this.changed.clear()
    this.removed.clear()
    if (isSelectedChanged) this.showTimer ??= this.options.clock.after(showMs, () => this.showSelected())
  }

  private tellTunnels(): void {
    const tunnels = this.options.tunnels()
    const now = JSON.stringify(tunnels)
    if (now === this.lastTunnels) return
    this.lastTunnels = now
    this.options.tell({ kind: 'tunnels', tunnels })
  }

  private capture(): ShownCapture {
    const { isPaused, leftOut, limits } = this.options.exchanges
    return { isOn: limits().isOn !== false, isPaused, leftOut }
  }

  private select(id: number | undefined): void {
    if (id !== this.unmasked) this.unmasked = undefined
    this.selected = id
    this.showSelected()
  }

  private showSelected(): void {
    this.showTimer?.dispose()
    this.showTimer = undefined
    const { selected: id } = this
    if (id === undefined) return
    const exchange = this.options.exchanges.get(id)
    if (exchange === undefined) return this.tell({ kind: 'gone', id })
    const secrets = this.unmasked === id ? 'shown' : 'masked'
    this.options
      .show(exchange, { secrets })
      .then((shown) => {
        // A slow one must not take the place of what was asked for since.
        const isWanted =
          this.isReady && this.selected === id && (this.unmasked === id) === (secrets === 'shown')
        if (!isWanted) return
        const summary = { ...shown.summary, event: this.options.labels.label(exchange) }
        this.options.tell({ kind: 'shown', exchange: { ...shown, summary } })
      })
      .catch((error: unknown) => this.options.log.error(`exchange ${id} cannot be shown: ${String(error)}`))
  }
}

const batchMs = 100
const idleMs = 1000
/** Bodies are larger than summaries: a stream that runs is drawn less often. */
const showMs = 300
