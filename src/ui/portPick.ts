import { realpathSync } from 'node:fs'
import { QuickPickItemKind, window, workspace, type QuickPickItem } from 'vscode'
import { DisposableStore } from '../base/disposable'
import type { ListeningPort } from '../ports/listeningPort'
import { rankPorts, type RankedPort } from '../ports/ranking'
import type { PortWatcher } from '../ports/watcher'
import type { Tunnels } from '../tunnels/tunnels'
import { formatLocalTarget, parseLocalTarget, type LocalTarget } from './localTarget'
import { processDetail, processText } from './portText'

/** What was picked: a target, with what is known of the process that listens there. */
export interface PickedPort {
  readonly target: LocalTarget
  readonly listening?: ListeningPort
}

/** Lets a person pick a listening port from a list that stays live while it is open. Undefined on Escape. */
export async function pickPort(watcher: PortWatcher, tunnels: Tunnels): Promise<PickedPort | undefined> {
  const owned = new DisposableStore()
  const pick = owned.add(window.createQuickPick<PortItem>())
  pick.title = 'Expose Port'
  pick.placeholder = 'Which port should be public?'
  pick.matchOnDescription = true
  pick.matchOnDetail = true
  pick.busy = true
  // The list changes by itself; whoever scrolled must not be thrown back.
  pick.keepScrollPosition = true
  const update = () => {
    const active = pick.activeItems[0]
    pick.items = items(watcher.ports, tunnels, pick.value)
    // The last row is active only because the list was empty at first: the best guess takes its place.
    const again = pick.items.find((item) => item.key === active?.key && item.choice !== 'enter')
    if (again !== undefined) pick.activeItems = [again]
  }
  owned.add(watcher.hold())
  owned.add(watcher.onDidChange(update))
  owned.add(tunnels.onDidChange(update))
  owned.add(pick.onDidChangeValue(update))
  try {
    const chosen = await new Promise<Choice | undefined>((resolve, reject) => {
      owned.add(pick.onDidHide(() => resolve(undefined)))
      owned.add(
        pick.onDidAccept(() => {
          const choice = pick.activeItems[0]?.choice
          if (choice !== undefined) resolve(choice)
        }),
      )
      pick.show()
      update()
      watcher.refresh().then(() => {
        pick.busy = false
        update()
      }, reject)
    })
    return chosen === 'enter' ? await enterTarget() : chosen
  } finally {
    owned.dispose()
  }
}

interface PortItem extends QuickPickItem {
  readonly key: string
  readonly choice: Choice | undefined
}

type Choice = PickedPort | 'enter'

const groupTitles: Record<RankedPort['group'], string> = {
  workspace: 'this workspace',
  other: 'other',
  system: 'system',
}

function items(ports: readonly ListeningPort[], tunnels: Tunnels, typed: string): PortItem[] {
  const rows: PortItem[] = []
  let group: RankedPort['group'] | undefined
  for (const { listening, group: itsGroup } of rankHere(ports)) {
    if (itsGroup !== group) rows.push(separator(groupTitles[itsGroup]))
    group = itsGroup
    rows.push(portRow(listening, tunnels))
  }
  const target = parseLocalTarget(typed)
  const isListed = target?.host === 'localhost' && ports.some((port) => port.port === target.port)
  rows.push(separator(''))
  if (target !== undefined && !isListed) {
    rows.push({
      key: 'typed',
      label: `$(edit) Expose ${formatLocalTarget(target)}`,
      alwaysShow: true,
      choice: { target },
    })
  } else {
    rows.push({
      key: 'enter',
      label: '$(edit) Enter a port or host:port…',
      alwaysShow: true,
      choice: 'enter',
    })
  }
  return rows
}

/** Best guess first, as seen from this window. */
export function rankHere(ports: readonly ListeningPort[]): readonly RankedPort[] {
  return rankPorts(ports, {
    folders: (workspace.workspaceFolders ?? []).map((folder) => realPath(folder.uri.fsPath)),
    ownPids: [process.pid, process.ppid],
  })
}

function portRow(listening: ListeningPort, tunnels: Tunnels): PortItem {
  const { port } = listening
  const tunnel = tunnels.all.find(({ app }) => app.host === 'localhost' && app.port === port)
  const name = processText(listening)
  return {
    key: String(port),
    label: String(port),
    description: tunnel ? `${name} → ${tunnel.title}`.trim() : name,
    detail: processDetail(listening),
    choice: { target: { host: 'localhost', port }, listening },
  }
}

/** A process tells its folder with symbolic links resolved. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function separator(label: string): PortItem {
  return { key: `separator ${label}`, label, kind: QuickPickItemKind.Separator, choice: undefined }
}

async function enterTarget(): Promise<PickedPort | undefined> {
  const text = await window.showInputBox({
    title: 'Expose Port',
    prompt: 'A port of this machine, or host:port of one it can reach',
    placeHolder: '3000 or 192.168.1.20:8080',
    validateInput: (value) =>
      parseLocalTarget(value) === undefined ? 'Write a port from 1 to 65535, or host:port.' : undefined,
  })
  const target = text === undefined ? undefined : parseLocalTarget(text)
  return target && { target }
}
