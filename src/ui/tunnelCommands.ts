import { commands, env, window, type QuickPickItem } from 'vscode'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import { secretsOf } from '../servers/services/secrets'
import { sshCommandOf } from '../servers/sshCommand'
import { titleOf } from '../servers/visibility'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds, innerCommandIds } from './commandIds'
import { formatLocalTarget } from './localTarget'
import { plainText } from './plainText'
import { showFailure } from './showFailure'
import { problemOf } from './tunnelText'
import type { UrlClipboard } from './urlClipboard'

/** The commands on open tunnels. Each takes a tunnel's id, or a row of a view, or asks which one where there are several. */
export function registerTunnelCommands(parts: {
  readonly tunnels: Tunnels
  readonly clipboard: UrlClipboard
  readonly log: Log
}): Disposable {
  const { tunnels, clipboard, log } = parts
  const owned = new DisposableStore()
  const onTunnel = (command: string, question: string, act: (tunnel: Tunnel) => Promise<void>) =>
    owned.add(
      commands.registerCommand(command, async (id: unknown) => {
        const tunnel = await chooseTunnel(tunnels, question, id)
        try {
          if (tunnel !== undefined) await act(tunnel)
        } catch (error) {
          await showFailure(error, log)
        }
      }),
    )
  onTunnel(commandIds.stop, 'Which tunnel should stop?', stop)
  onTunnel(commandIds.copyPublicUrl, 'Which URL should be copied?', (tunnel) => clipboard.copy(tunnel))
  onTunnel(commandIds.openPublicUrl, 'Which URL should be opened?', (tunnel) => clipboard.open(tunnel))
  onTunnel(commandIds.copySshCommand, 'The ssh command for which tunnel?', copySshCommand)
  onTunnel(commandIds.retry, 'Which tunnel should be tried again?', (tunnel) => {
    tunnel.retryNow()
    return Promise.resolve()
  })
  onTunnel(innerCommandIds.showProblem, 'The problem of which tunnel?', (tunnel) => showProblem(tunnel, log))
  owned.add(commands.registerCommand(commandIds.stopAll, () => tunnels.stopAll()))
  return owned
}

/** The tunnel that is named, else the only one or the one that is picked; says so when there is none. */
export async function chooseTunnel(
  tunnels: Tunnels,
  placeHolder: string,
  named: unknown,
): Promise<Tunnel | undefined> {
  const all = tunnels.all
  const id = idFrom(named)
  if (id !== undefined) return all.find((tunnel) => tunnel.id === id)
  if (all.length === 1) return all[0]
  if (all.length === 0) {
    void window.showInformationMessage('Nothing is exposed.')
    return undefined
  }
  const rows: (QuickPickItem & { tunnel: Tunnel })[] = [...all].reverse().map((tunnel) => ({
    label: tunnel.title,
    description: `port ${formatLocalTarget(tunnel.app)}`,
    detail: titleOf(tunnel.server.profile),
    tunnel,
  }))
  return (await window.showQuickPick(rows, { placeHolder, matchOnDescription: true, matchOnDetail: true }))
    ?.tunnel
}

async function stop(tunnel: Tunnel): Promise<void> {
  const { held, title } = tunnel
  await tunnel.stop()
  if (held === 0) return
  const what = held === 1 ? '1 request that was held' : `${held} requests that were held`
  void window.showWarningMessage(plainText(`${title} was closed, and ${what} for its app did not reach it.`))
}

/** Links pass a tunnel's id, views the row that was clicked. */
export function idFrom(named: unknown): number | undefined {
  if (typeof named === 'number') return named
  if (typeof named !== 'object' || named === null || !('tunnelId' in named)) return undefined
  return typeof named.tunnelId === 'number' ? named.tunnelId : undefined
}

async function copySshCommand({ server, way, app, name }: Tunnel): Promise<void> {
  if (way === undefined) return void window.showInformationMessage('This tunnel is still being opened.')
  const { profile } = server
  const { command, lacks } = sshCommandOf({ profile, way, name, app })
  await env.clipboard.writeText(command)
  // What is on the clipboard may hold a token.
  const copied = secretsOf(profile).length > 0 ? 'The command is on the clipboard.' : `Copied: ${command}`
  void window.showInformationMessage([copied, ...(lacks === undefined ? [] : [lacks])].join(' '))
}

async function showProblem(tunnel: Tunnel, log: Log): Promise<void> {
  const failure = problemOf(tunnel.state)
  if (failure !== undefined && (await showFailure(failure, log, 'warning'))) tunnel.retryNow()
}
