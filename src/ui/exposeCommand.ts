import type { Memento } from 'vscode'
import { DisposableStore } from '../base/disposable'
import { Cancelled, Failure } from '../base/failure'
import type { ListeningPort } from '../ports/listeningPort'
import type { LocalProtocol } from '../ports/probe'
import { Probes } from '../ports/probes'
import { riskOf } from '../ports/risk'
import type { PortWatcher } from '../ports/watcher'
import type { ServerProfile } from '../servers/profile'
import { keyOf } from '../servers/portWishes'
import { readsHttp } from '../tunnels/readsHttp'
import type { Tunnels } from '../tunnels/tunnels'
import { askPassword } from './askPassword'
import { askAnotherName } from './changeName'
import { Consent } from './consent'
import { anotherNameWanted } from './exposurePrompts'
import { parseLocalTarget, type LocalTarget } from './localTarget'
import { announce, openInProgress } from './openTunnel'
import type { PortAccess } from './portAccess'
import { portAccess, portName, type NamedTarget } from './portName'
import { pickPort } from './portPick'
import { processText } from './portText'
import { pickServer, type ServerPickParts } from './serverPick'
import { showFailure } from './showFailure'
import type { UrlClipboard } from './urlClipboard'

interface ExposeParts extends ServerPickParts {
  readonly watcher: PortWatcher
  readonly tunnels: Tunnels
  readonly clipboard: UrlClipboard
  readonly memory: Memento
  readonly access: PortAccess
}

/** What has been chosen so far; the next try goes on from there. */
interface Choices {
  target: LocalTarget | undefined
  listening?: ListeningPort | undefined
  profile?: ServerProfile
  name?: string
}

/** The command "Expose Port": from a listening port to its public URL on the clipboard. */
export class ExposeCommand {
  private readonly consent: Consent
  private readonly probes = new Probes()

  constructor(private readonly parts: ExposeParts) {
    this.consent = new Consent(parts.memory)
  }

  /**
   * Answers the public URL, or undefined when it was cancelled or failed (which has then been shown).
   * `argument` may name the target: a port, `host:port`, or a row of VS Code's Ports view or of ours.
   */
  async run(argument?: unknown): Promise<string | undefined> {
    const choices: Choices = { target: targetFrom(argument) }
    for (;;) {
      // A server that is added on the way keeps its connection until the port is exposed.
      const until = new DisposableStore()
      try {
        return await this.expose(choices, until)
      } catch (error) {
        if (!(await this.mayTryAgain(error, choices))) return undefined
      } finally {
        until.dispose()
      }
    }
  }

  private async mayTryAgain(error: unknown, choices: Choices): Promise<boolean> {
    const { tunnels, log } = this.parts
    const { target, listening, profile, name } = choices
    if (target === undefined || profile === undefined || name === undefined) return showFailure(error, log)
    const changeName = async () => {
      const named = { target, listening }
      return (await askAnotherName(named, { profile, name, tunnels })) !== undefined
    }
    const isAsked = error instanceof Failure && error.kind === anotherNameWanted
    return isAsked ? changeName() : showFailure(error, log, 'error', changeName)
  }

  private async expose(choices: Choices, until: DisposableStore): Promise<string | undefined> {
    const { watcher, tunnels } = this.parts
    const picked = choices.target
      ? { target: choices.target, listening: await lookUp(choices.target, watcher) }
      : await pickPort(watcher, tunnels)
    if (picked === undefined) return undefined
    const { target, listening } = picked
    Object.assign(choices, { target, listening })
    const abort = new AbortController()
    // It looks while the person chooses a server.
    const probed = this.probes.probe(target, { signal: abort.signal, process: listening?.process })
    tunnels.preload()
    try {
      return await this.exposeTarget(target, choices, { probed, until })
    } finally {
      abort.abort(new Cancelled())
      // Whoever cancelled does not want to hear of it any more.
      probed.catch(() => undefined)
    }
  }

  private async exposeTarget(
    target: LocalTarget,
    choices: Choices,
    { probed, until }: { readonly probed: Promise<LocalProtocol>; readonly until: DisposableStore },
  ): Promise<string | undefined> {
    const { tunnels, clipboard, log } = this.parts
    const { listening } = choices
    // A port that was typed may have no listener at all; better said before the next question.
    if (listening === undefined) await probed
    const server = await pickServer(this.parts, { until, again: choices.profile?.id })
    if (server === undefined) return undefined
    const { profile } = server

    const open = tunnels.find(target, profile.id)
    if (open !== undefined) {
      if (open.state.kind !== 'open') open.retryNow()
      // Before it has stood, its URL is only expected.
      if (open.way !== undefined) await clipboard.copy(open)
      return open.way?.publicUrl
    }
    const named = { target, listening }
    const name = portName(named, profile, log)
    Object.assign(choices, { profile, name })
    const protocol = await probed
    const readsHttp = mayReadHttp(profile, protocol)
    const agreed = await this.consent.ask({
      ...{ target, profile, protocol, readsHttp },
      access: portAccess(named),
      process: processText(listening),
      publicUrl: tunnels.expectedUrl(profile, name),
      risk: riskOf({ port: target.port, ...(listening?.process ? { process: listening.process } : {}) }),
    })
    if (agreed === undefined) return undefined
    if (agreed === 'with a password' && !(await this.setPassword(named))) return undefined
    const app = { ...target, protocol }
    const gate = await this.parts.access.gateFor(named, { readsHttp })
    const tunnel = await openInProgress(tunnels, { app, gate, server, name })
    await announce(tunnel, this.parts)
    return tunnel.publicUrl
  }

  /** False when the person does not give one. */
  private async setPassword(named: NamedTarget): Promise<boolean> {
    const { access } = this.parts
    const password = await askPassword(named.target)
    if (password === undefined) return false
    await access.secrets.setPassword(keyOf(named.target), password)
    await access.choose(named, { ...portAccess(named), password: true })
    return true
  }
}

/** As far as it is known before the server has been asked. */
function mayReadHttp(profile: ServerProfile, protocol: LocalProtocol): boolean {
  return profile.kind === 'own' ? readsHttp(profile, { protocol }) : protocol !== 'tcp'
}

async function lookUp(target: LocalTarget, watcher: PortWatcher): Promise<ListeningPort | undefined> {
  if (target.host !== 'localhost') return undefined
  return (await watcher.refresh()).find(({ port }) => port === target.port)
}

/** Another extension, a keybinding or the Ports view may name the target; what they pass is not trusted. */
function targetFrom(argument: unknown): LocalTarget | undefined {
  if (typeof argument === 'number') return parseLocalTarget(String(argument))
  if (typeof argument === 'string') return parseLocalTarget(argument)
  if (typeof argument !== 'object' || argument === null) return undefined
  const port = 'remotePort' in argument ? argument.remotePort : 'port' in argument ? argument.port : undefined
  return typeof port === 'number' ? parseLocalTarget(String(port)) : undefined
}
