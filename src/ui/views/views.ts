import { commands, workspace } from 'vscode'
import type { Clock } from '../../base/clock'
import { DisposableStore, type Disposable } from '../../base/disposable'
import type { PortWatcher } from '../../ports/watcher'
import type { Tunnels } from '../../tunnels/tunnels'
import { rankHere } from '../portPick'
import { settings } from '../settings'
import { ItemTree } from './itemTree'
import { portItems, portsUnreadable } from './portItems'
import { serverItems } from './serverItems'
import { tunnelItems } from './tunnelItems'
import { VisibleTicks } from './visibleTicks'

interface ViewParts {
  readonly watcher: PortWatcher
  readonly tunnels: Tunnels
  readonly clock: Clock
}

/** The three views of the activity bar, each derived from a list. What is not in sight costs nothing. */
export function registerViews(parts: ViewParts): Disposable {
  const owned = new DisposableStore()
  for (const view of [portsView, tunnelsView, serversView]) view(parts, owned)
  return owned
}

function portsView({ watcher, tunnels }: ViewParts, owned: DisposableStore): void {
  let looked: Promise<unknown> | undefined
  const derive = async () => {
    looked ??= watcher.refresh()
    try {
      await looked
    } catch (error) {
      looked = undefined
      return portsUnreadable(error instanceof Error ? error.message : String(error))
    }
    return portItems(rankHere(watcher.ports), tunnels.all)
  }
  const tree = owned.add(new ItemTree('exposePort.ports', derive, () => watcher.hold()))
  // A step of the walkthrough is done then.
  const first = watcher.onDidChange(({ ports }) => {
    if (!rankHere(ports).some(({ group }) => group === 'workspace')) return
    first.dispose()
    void commands.executeCommand('setContext', 'exposePort.isAppListening', true)
  })
  owned.add(first)
  owned.add(watcher.onDidChange(() => tree.update()))
  owned.add(tunnels.onDidChange(() => tree.update()))
  owned.add(workspace.onDidChangeWorkspaceFolders(() => tree.update()))
}

function tunnelsView({ tunnels, clock }: ViewParts, owned: DisposableStore): void {
  // Numbers and countdowns change without an event.
  const ticks = new VisibleTicks({
    clock,
    isNeeded: () => tunnels.all.length > 0,
    act: () => tree.update(),
  })
  const derive = () => tunnelItems(tunnels.all, clock.now())
  const tree = owned.add(new ItemTree('exposePort.tunnels', derive, () => ticks.whileVisible()))
  owned.add(
    tunnels.onDidChange(() => {
      tree.update()
      ticks.restart()
    }),
  )
}

function serversView({ tunnels }: ViewParts, owned: DisposableStore): void {
  const derive = () =>
    serverItems({
      servers: settings.servers(),
      defaultServer: settings.defaultServer(),
      tunnels: tunnels.all,
      lastRefusal: (id) => tunnels.lastRefusal(id),
    })
  const tree = owned.add(new ItemTree('exposePort.servers', derive))
  owned.add(tunnels.onDidChange(() => tree.update()))
  owned.add(
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('exposePort')) tree.update()
    }),
  )
}
