import { formatAddress } from '../base/address'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { ListeningPort } from '../ports/listeningPort'
import { fillIn } from '../servers/profile'
import type { Server } from '../servers/server'
import { Connections } from '../ssh/connections'
import { NetworkWatch } from '../ssh/networkWatch'
import type { SshPrompts } from '../ssh/prompts'
import { resolveSshSettings } from '../ssh/sshConfig'
import type { LocalApp } from './localApp'
import { Tunnel } from './tunnel'

/** The one list of open tunnels. Every surface derives what it shows from this list and its one event. */
export class Tunnels implements Disposable {
  private readonly didChange = new Emitter<readonly Tunnel[]>()
  private readonly connections = new Connections()
  /** In the order they were opened. */
  private readonly list = new Set<Tunnel>()
  /** Those that have left the list and whose server has not confirmed it yet. */
  private readonly ending = new Set<Tunnel>()
  private readonly networkWatch: Pick<NetworkWatch, 'hold' | 'onDidChange'>
  private nextId = 1

  /** Fires when a tunnel comes, goes or changes its state. */
  readonly onDidChange = this.didChange.event

  constructor(
    private readonly options: {
      readonly prompts: SshPrompts
      readonly clock: Clock
      readonly log: Log
      /** The machine's own unless given. */
      readonly networkWatch?: Pick<NetworkWatch, 'hold' | 'onDidChange'>
    },
  ) {
    this.networkWatch = options.networkWatch ?? new NetworkWatch(options)
  }

  get all(): readonly Tunnel[] {
    return [...this.list]
  }

  /** The tunnel that leads to this app through this server, if there is one. */
  find(app: Pick<LocalApp, 'host' | 'port'>, serverId: string): Tunnel | undefined {
    return this.all.find(
      (tunnel) =>
        tunnel.app.host === app.host && tunnel.app.port === app.port && tunnel.server.profile.id === serverId,
    )
  }

  /**
   * Opens a tunnel and keeps it in the list until it is stopped.
   * @throws Failure, or Cancelled; the list is then as before.
   */
  async open(request: { app: LocalApp; server: Server; name: string; signal: AbortSignal }): Promise<Tunnel> {
    const { app, server, name, signal } = request
    const { clock, log, prompts } = this.options
    const way = fillIn(server.profile, name)
    this.refuseClash(server, formatAddress(way.bind))
    const resolve = server.resolve ?? ((jump) => resolveSshSettings(jump, log))
    const key = `${server.profile.id}\n${server.profile.ssh}\n${server.profile.identityFile ?? ''}`
    const connection = this.connections.get(key, {
      settings: () => server.settings(),
      resolve,
      prompts,
      clock,
      log,
      networkWatch: this.networkWatch,
    })
    const tunnel = new Tunnel({ id: this.nextId++, app, server, name, way, connection, clock, log })
    this.list.add(tunnel)
    tunnel.onDidChange((state) => {
      if (state.kind === 'closed') {
        this.list.delete(tunnel)
        this.ending.add(tunnel)
        // In a moment: it is only about to end now.
        queueMicrotask(() => void tunnel.stop().then(() => this.ending.delete(tunnel)))
      }
      this.didChange.fire(this.all)
    })
    this.didChange.fire(this.all)
    log.info(`exposing ${app.host}:${app.port} at ${way.publicUrl} through ${server.profile.ssh}`)
    await tunnel.open(signal)
    return tunnel
  }

  /** Ends every tunnel and every connection; resolves when the servers have confirmed it or their time is over. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.list, ...this.ending].map((tunnel) => tunnel.stop()))
    this.connections.closeUnused()
  }

  /** Told what listens on this machine: tunnels to a port that closed say so, and again when it is back. */
  setListeningPorts(ports: readonly ListeningPort[]): void {
    const listening = new Set(ports.map((port) => port.port))
    for (const tunnel of this.list) {
      if (tunnel.app.host === 'localhost') tunnel.setAppAnswers(listening.has(tunnel.app.port))
    }
  }

  dispose(): void {
    void this.stopAll()
    this.didChange.dispose()
  }

  /** Without {name} a profile has one address; a second tunnel would take the first one's visitors. */
  private refuseClash(server: Server, bind: string): void {
    const other = this.all.find(
      (tunnel) => tunnel.server.profile.ssh === server.profile.ssh && formatAddress(tunnel.way.bind) === bind,
    )
    if (other === undefined) return
    throw new Failure({
      kind: 'address-already-exposed',
      hop: 'remote forward',
      message: `${bind} on ${server.profile.ssh} already leads to port ${other.app.port}, at ${other.publicUrl}.`,
      advice: 'Stop that tunnel first, or give the server a "bind" and "publicUrl" with {name}.',
      remedies: [{ do: 'open settings' }],
      canHeal: false,
    })
  }
}
