import type { ExchangeSummary } from '../http/capturedExchange'
import type { EditProblem } from '../http/edit/requestEdit'
import type {
  Draft,
  DraftField,
  FromInspector,
  ShownCapture,
  ShownExchange,
  ShownTunnel,
  ToInspector,
} from '../http/inspectorMessages'
import { ExchangeList } from './exchangeList'
import { filtered, noFilter, type Filter } from './filter'
import { readSavedState, type SavedState } from './savedState'

/** What the page needs of the window it is in. */
export interface Surroundings {
  post(message: FromInspector): void
  save(state: SavedState): void
  /** Draws the page again, soon. */
  draw(): void
}

export type DetailTab = 'request' | 'response' | 'messages' | 'compare' | 'timing'

/** What the page shows, and what a person does with it; knows nothing of how it is drawn. */
export class Page {
  private readonly list = new ExchangeList()
  private rowsNow: readonly ExchangeSummary[] | undefined
  private saved: SavedState
  tunnels: readonly ShownTunnel[] = []
  capture: ShownCapture = { isOn: true, isPaused: false, leftOut: 0 }
  /** Undefined until the extension has sent the first list. */
  isLoaded = false
  /** Of the selected exchange, once it has come. */
  shown: ShownExchange | undefined
  draft: Draft | undefined
  /** Why the draft cannot be sent. */
  problems: readonly EditProblem[] = []
  tab: DetailTab = 'request'
  /** How bodies are looked at, where that fits. */
  bodyView: string | undefined

  constructor(
    private readonly around: Surroundings,
    saved: unknown,
  ) {
    this.saved = readSavedState(saved)
  }

  get filter(): Filter {
    return this.saved.filter
  }
  get isFiltering(): boolean {
    const { text, statuses, method, tunnelId } = this.filter
    return text.trim() !== '' || statuses.length > 0 || method !== '' || tunnelId !== undefined
  }
  get selected(): number | undefined {
    return this.saved.selected
  }
  get listShare(): number {
    return this.saved.listShare
  }
  get scrollTop(): number {
    return this.saved.scrollTop
  }
  /** What passes the filter, newest first. */
  get rows(): readonly ExchangeSummary[] {
    return (this.rowsNow ??= filtered(this.list.all, this.filter))
  }
  get count(): number {
    return this.list.all.length
  }
  get methods(): readonly string[] {
    return [...new Set(this.list.all.map(({ method }) => method))].sort()
  }
  get selectedRow(): number {
    return this.rows.findIndex(({ id }) => id === this.selected)
  }

  receive(message: ToInspector): void {
    switch (message.kind) {
      case 'all':
        this.begin(message)
        break
      case 'changed':
        this.list.change(message.exchanges, message.removed)
        this.capture = message.capture
        this.rowsNow = undefined
        if (this.selected !== undefined && message.removed.includes(this.selected)) this.select(undefined)
        break
      case 'tunnels':
        this.tunnels = message.tunnels
        break
      case 'shown':
        this.show(message.exchange)
        break
      case 'gone':
        if (message.id === this.selected) this.select(undefined)
        break
      case 'select':
        this.select(message.id)
        break
      case 'edit':
        this.problems = []
        this.draft = message.draft
        break
      case 'problems':
        this.problems = message.problems
        break
      case 'only':
        this.setFilter({ tunnelId: message.tunnelId })
        break
    }
    this.around.draw()
  }

  post(message: FromInspector): void {
    this.around.post(message)
  }

  select(id: number | undefined): void {
    if (id === this.selected) return
    this.keep({ selected: id })
    this.draft = undefined
    if (id === undefined) this.shown = undefined
    this.post({ kind: 'select', id })
    this.around.draw()
  }

  /** Selects the row so many below, at most the last; where none is selected, it begins above the first. */
  move(by: number): void {
    const { rows, selectedRow } = this
    const row = rows[Math.min(Math.max(selectedRow + by, 0), rows.length - 1)]
    if (row !== undefined) this.select(row.id)
  }

  setFilter(change: Partial<Filter>): void {
    this.keep({ filter: { ...this.filter, ...change } })
    this.rowsNow = undefined
    this.around.draw()
  }

  clearFilter(): void {
    this.setFilter(noFilter)
  }

  setListShare(share: number): void {
    this.keep({ listShare: Math.min(Math.max(Math.round(share), 15), 85) })
    this.around.draw()
  }

  setScrollTop(scrollTop: number): void {
    this.keep({ scrollTop })
    this.around.draw()
  }

  setTab(tab: DetailTab): void {
    this.tab = tab
    this.around.draw()
  }

  setBodyView(kind: string): void {
    this.bodyView = kind
    this.around.draw()
  }

  setDraft(draft: Draft | undefined): void {
    this.draft = draft
    this.around.draw()
  }

  /** What is typed is on the page already, and is only kept. */
  changeDraft(change: Partial<Draft>): void {
    if (this.draft !== undefined) this.draft = { ...this.draft, ...change }
  }

  changeDraftField(index: number, change: Partial<DraftField>): void {
    const fields = this.draft?.fields.map((field, other) =>
      other === index ? { ...field, ...change } : field,
    )
    if (fields !== undefined) this.changeDraft({ fields })
  }

  addDraftField(): void {
    const added = { name: '', value: '', isMasked: false, ofField: undefined }
    this.changeDraft({ fields: [...(this.draft?.fields ?? []), added] })
    this.around.draw()
  }

  removeDraftField(index: number): void {
    this.changeDraft({ fields: this.draft?.fields.filter((_, other) => other !== index) ?? [] })
    this.around.draw()
  }

  private begin(message: Extract<ToInspector, { kind: 'all' }>): void {
    const { life, exchanges, tunnels, capture } = message
    this.isLoaded = true
    this.list.replace(exchanges)
    this.rowsNow = undefined
    this.tunnels = tunnels
    this.capture = capture
    const isSameLife = life === this.saved.life
    const isKnown = this.selected !== undefined && this.list.get(this.selected) !== undefined
    if (!isSameLife) this.keep({ life, filter: { ...this.filter, tunnelId: undefined } })
    if (isSameLife && isKnown) this.post({ kind: 'select', id: this.selected })
    else this.select(undefined)
  }

  private show(exchange: ShownExchange): void {
    if (exchange.summary.id !== this.selected) return
    const isAnother = this.shown?.summary.id !== exchange.summary.id
    this.shown = exchange
    const isMissing =
      (this.tab === 'messages' && exchange.messages === undefined) ||
      (this.tab === 'compare' && exchange.comparison === undefined)
    if (isMissing) this.tab = 'request'
    if (isAnother && exchange.comparison !== undefined) this.tab = 'compare'
  }

  private keep(change: Partial<SavedState>): void {
    this.saved = { ...this.saved, ...change }
    this.around.save(this.saved)
  }
}
