import { sep } from 'node:path'
import { ProgressLocation, window, workspace, type Memento } from 'vscode'
import { Cancelled, Failure, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { ListeningPort } from '../ports/listeningPort'
import { probeLocalPort, type LocalProtocol } from '../ports/probe'
import { riskOf } from '../ports/risk'
import type { PortWatcher } from '../ports/watcher'
import { tunnelName } from '../servers/name'
import { fillIn } from '../servers/profile'
import type { Server } from '../servers/server'
import type { LocalApp } from '../tunnels/localApp'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import { Consent } from './consent'
import { formatLocalTarget, parseLocalTarget, type LocalTarget } from './localTarget'
import { pickPort, processText, realPath } from './portPick'
import { pickServer } from './serverPick'
import { settings } from './settings'
import { showFailure } from './showFailure'
import type { UrlClipboard } from './urlClipboard'

interface ExposeParts {
  readonly watcher: PortWatcher
  readonly tunnels: Tunnels
  readonly clipboard: UrlClipboard
  readonly thisMachine: () => Promise<Server>
  readonly memory: Memento
  readonly log: Log
}

/** The command "Expose Port": from a listening port to its public URL on the clipboard. */
export class ExposeCommand {
  private readonly consent: Consent

  constructor(private readonly parts: ExposeParts) {
    this.consent = new Consent(parts.memory)
  }

  /**
   * Answers the public URL, or undefined when it was cancelled or failed (which has then been shown).
   * `argument` may name the target: a port, `host:port`, or a row of VS Code's Ports view.
   */
  async run(argument?: unknown): Promise<string | undefined> {
    for (;;) {
      try {
        return await this.expose(argument)
      } catch (error) {
        if (!(await showFailure(error, this.parts.log))) return undefined
      }
    }
  }

  private async expose(argument: unknown): Promise<string | undefined> {
    const { watcher, tunnels } = this.parts
    const given = targetFrom(argument)
    const picked = given
      ? { target: given, listening: await lookUp(given, watcher) }
      : await pickPort(watcher, tunnels)
    if (picked === undefined) return undefined
    const { target, listening } = picked
    const abort = new AbortController()
    // It looks while the person chooses a server.
    const probed = probeLocalPort(target, { signal: abort.signal, process: listening?.process })
    try {
      return await this.exposeTarget(target, listening, probed)
    } finally {
      abort.abort(new Cancelled())
      // Whoever cancelled does not want to hear of it any more.
      probed.catch(() => undefined)
    }
  }

  private async exposeTarget(
    target: LocalTarget,
    listening: ListeningPort | undefined,
    probed: Promise<LocalProtocol>,
  ): Promise<string | undefined> {
    const { tunnels, clipboard, log, thisMachine } = this.parts
    // A port that was typed may have no listener at all; better said before the next question.
    if (listening === undefined) await probed
    const server = await pickServer({ log, thisMachine })
    if (server === undefined) return undefined

    const open = tunnels.find(target, server.profile.id)
    if (open !== undefined) {
      if (open.state.kind !== 'open') open.retryNow()
      await clipboard.copy(open)
      return open.publicUrl
    }
    const name = tunnelName(folderFor(listening), target.port)
    const { publicUrl } = fillIn(server.profile, name)
    const protocol = await probed
    const agreed = await this.consent.ask({
      target,
      serverId: server.profile.id,
      process: processText(listening),
      protocol,
      publicUrl,
      risk: riskOf({ port: target.port, ...(listening?.process ? { process: listening.process } : {}) }),
    })
    if (!agreed) return undefined
    const tunnel = await this.open({ ...target, protocol }, server, name)
    await this.announce(tunnel)
    return tunnel.publicUrl
  }

  private open(app: LocalApp, server: Server, name: string): Promise<Tunnel> {
    const { tunnels } = this.parts
    return Promise.resolve(
      window.withProgress(
        {
          location: ProgressLocation.Notification,
          cancellable: true,
          title: `Exposing port ${formatLocalTarget(app)}`,
        },
        async (progress, token) => {
          const abort = new AbortController()
          const onCancel = token.onCancellationRequested(() => abort.abort(new Cancelled()))
          const onChange = tunnels.onDidChange((all) => {
            const tunnel = all.find((one) => isSame(one.app, app) && one.state.kind === 'connecting')
            if (tunnel?.state.kind === 'connecting') {
              progress.report({ message: hopText(tunnel.state.hop, server.profile.ssh) })
            } else if (all.some((one) => isSame(one.app, app) && one.state.kind === 'open')) {
              progress.report({ message: 'checking the public URL' })
            }
          })
          try {
            return await tunnels.open({ app, server, name, signal: abort.signal })
          } finally {
            onChange.dispose()
            onCancel.dispose()
          }
        },
      ),
    )
  }

  /** The URL goes to the clipboard only once it has been seen to lead here. */
  private async announce(tunnel: Tunnel): Promise<void> {
    const { clipboard, log } = this.parts
    const { state, publicUrl } = tunnel
    if (state.kind === 'open' && state.check instanceof Failure) {
      void showFailure(state.check, log, 'warning').then((retry) => {
        if (retry) tunnel.retryNow()
      })
      return
    }
    const copied = settings.copyUrl()
    if (copied) await clipboard.copy(tunnel)
    const where = copied ? ' The URL is on the clipboard.' : ''
    const message = `Port ${formatLocalTarget(tunnel.app)} is public at ${publicUrl}${where === '' ? '' : '.'}${where}`
    void window.showInformationMessage(message, 'Open', 'Copy').then((chosen) => {
      if (chosen === 'Open') void clipboard.open(tunnel)
      if (chosen === 'Copy') void clipboard.copy(tunnel)
    })
  }
}

function isSame(app: LocalTarget, target: LocalTarget): boolean {
  return app.host === target.host && app.port === target.port
}

async function lookUp(target: LocalTarget, watcher: PortWatcher): Promise<ListeningPort | undefined> {
  if (target.host !== 'localhost') return undefined
  return (await watcher.refresh()).find(({ port }) => port === target.port)
}

/** The workspace folder the listening process runs in, else the first one: its name becomes part of the URL. */
function folderFor(listening: ListeningPort | undefined): string | undefined {
  const folders = workspace.workspaceFolders ?? []
  const processFolder = listening?.process?.folder
  const inside = folders.find(({ uri }) => {
    const path = realPath(uri.fsPath)
    return processFolder === path || processFolder?.startsWith(path + sep) === true
  })
  return (inside ?? folders[0])?.name
}

/** Another extension, a keybinding or the Ports view may name the target; what they pass is not trusted. */
function targetFrom(argument: unknown): LocalTarget | undefined {
  if (typeof argument === 'number') return parseLocalTarget(String(argument))
  if (typeof argument === 'string') return parseLocalTarget(argument)
  if (typeof argument === 'object' && argument !== null && 'remotePort' in argument) {
    return typeof argument.remotePort === 'number' ? parseLocalTarget(String(argument.remotePort)) : undefined
  }
  return undefined
}

function hopText(hop: Hop, server: string): string {
  switch (hop) {
    case 'settings':
      return 'reading the settings'
    case 'local app':
      return 'looking at the local app'
    case 'DNS':
      return `looking up ${server}`
    case 'TCP':
      return `connecting to ${server}`
    case 'SSH handshake':
      return `SSH handshake with ${server}`
    case 'host key':
      return `checking the host key of ${server}`
    case 'authentication':
      return `logging in to ${server}`
    case 'remote forward':
      return `asking ${server} to listen`
    case 'connection':
      return `connecting to ${server}`
    case 'public URL':
      return 'checking the public URL'
  }
}
