import { workspace } from 'vscode'
import type { Disposable } from '../base/disposable'
import type { CaptureLimits } from '../http/exchanges'
import { settings } from './settings'

/** How much is captured now. Each request asks, so the settings are read again only when they have changed. */
export class CurrentCaptureLimits implements Disposable {
  private limits: CaptureLimits | undefined
  private readonly watching = workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration('exposePort.capture')) this.limits = undefined
  })

  readonly now = (): CaptureLimits => (this.limits ??= settings.capture())

  dispose(): void {
    this.watching.dispose()
  }
}
