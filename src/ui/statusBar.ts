import { MarkdownString, StatusBarAlignment, ThemeColor, window, type StatusBarItem } from 'vscode'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import type { Event } from '../base/event'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds, innerCommandIds } from './commandIds'
import { statusBarView, type StatusBarView } from './statusBarView'

const copiedMs = 2000

/** The public URL in the status bar, derived from the list of tunnels. */
export class StatusBar implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly item: StatusBarItem
  private copied = toDisposable(() => undefined)
  private isCopied = false
  private shown: StatusBarView | undefined
  private tick = toDisposable(() => undefined)

  constructor(
    private readonly tunnels: Tunnels,
    onDidCopy: Event<void>,
    private readonly clock: Clock,
  ) {
    this.item = this.owned.add(window.createStatusBarItem('publicUrl', StatusBarAlignment.Left, 0))
    this.item.name = 'Expose Port: public URL'
    this.owned.add(tunnels.onDidChange(() => this.update()))
    this.owned.add(onDidCopy(() => this.showCopied()))
    this.owned.add(toDisposable(() => this.copied.dispose()))
    this.owned.add(toDisposable(() => this.tick.dispose()))
  }

  dispose(): void {
    this.owned.dispose()
  }

  private update(): void {
    const view = statusBarView(this.tunnels.all, { now: this.clock.now(), copied: this.isCopied })
    this.tick.dispose()
    if (view !== undefined)
      this.tick = this.clock.after(this.isCountingDown ? 1000 : 2000, () => this.update())
    // Most ticks find nothing new, and then nothing is sent to the window.
    if (JSON.stringify(view) === JSON.stringify(this.shown)) return
    this.shown = view
    if (view === undefined) this.item.hide()
    else this.show(view)
  }

  private show(view: StatusBarView): void {
    this.item.text = view.text
    this.item.command = view.command
    this.item.accessibilityInformation = { label: view.label, role: 'button' }
    this.item.tooltip = tooltip(view.tooltip)
    this.item.backgroundColor =
      view.severity === 'normal' ? undefined : new ThemeColor(`statusBarItem.${view.severity}Background`)
    this.item.show()
  }

  /** Besides the numbers in the tooltip, the only thing that changes without an event. */
  private get isCountingDown(): boolean {
    return this.tunnels.all.some((tunnel) => tunnel.state.kind === 'waiting')
  }

  private showCopied(): void {
    this.copied.dispose()
    this.isCopied = true
    this.update()
    this.copied = this.clock.after(copiedMs, () => {
      this.isCopied = false
      this.update()
    })
  }
}

function tooltip(text: string): MarkdownString {
  const markdown = new MarkdownString(text, true)
  markdown.isTrusted = { enabledCommands: [...Object.values(commandIds), ...Object.values(innerCommandIds)] }
  return markdown
}
