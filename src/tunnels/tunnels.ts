import type { LookupFunction } from 'node:net'
import { formatAddress, formatHostPort } from '../base/address'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Failure, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'
import { Exchanges, type CaptureLimits } from '../http/exchanges'
import type { GateOptions } from '../http/gateOptions'
import type { ListeningPort } from '../ports/listeningPort'
import type { ExposurePrompts } from '../servers/listen'
import type { PublicWay, ServerProfile } from '../servers/profile'
import type { Server } from '../servers/server'
import { titleOf } from '../servers/visibility'
import { secretsOf } from '../servers/services/secrets'
import { servicePrompts } from '../servers/services/servicePrompts'
import type { Connection } from '../ssh/connection'
import type { Connections } from '../ssh/connections'
import { NetworkWatch } from '../ssh/networkWatch'
import type { openTransport } from '../ssh/openTransport'
import type { SshPrompts } from '../ssh/prompts'
import { resolveSshSettings } from '../ssh/sshConfig'
import type { Transport } from '../ssh/transport'
import type { Certificate } from '../tls/certificate'
import { addressAlreadyExposed, addressOf, heldByAnotherWindow } from './clash'
import type { LocalApp } from './localApp'
import { describeNeighbour, type Neighbours } from './neighbours'
import type * as onDemand from './onDemand'
import { RememberedAddresses, type TunnelMemory } from './rememberedAddresses'
import type { Tunnel } from './tunnel'

/** The one list of open tunnels. Every surface derives what it shows from this list and its one event. */
export class Tunnels implements Disposable {
  private readonly didChange = new Emitter<readonly Tunnel[]>()
  private connections: Connections | undefined
  /** In the order they were opened. */
  private readonly list = new Set<Tunnel>()
  /** Those that have left the list and whose server has not confirmed it yet. */
  private readonly ending = new Set<Tunnel>()
  /** By the server's id: why nothing could be opened there the last time. */
  private readonly refusals = new Map<string, Failure>()
  private readonly remembered: RememberedAddresses
  private readonly networkWatch: Pick<NetworkWatch, 'hold' | 'onDidChange'>
  private nextId = 1
  /** What visitors of all of them have asked; it outlives each. */
  readonly exchanges: Exchanges

  /** Fires when a tunnel comes, goes or changes its state, or could not be opened. */
  readonly onDidChange = this.didChange.event

  constructor(private readonly options: TunnelsOptions) {
    this.remembered = new RememberedAddresses(options.memory)
    this.networkWatch = options.networkWatch ?? new NetworkWatch(options)
    this.exchanges = new Exchanges(options.captureLimits)
  }

  get all(): readonly Tunnel[] {
    return [...this.list]
  }

  /** Why the latest tunnel through this server could not be opened; undefined once one could. */
  lastRefusal(serverId: string): Failure | undefined {
    return this.refusals.get(serverId)
  }

  /** The tunnel that leads to this app through this server, if there is one. */
  find(app: Pick<LocalApp, 'host' | 'port'>, serverId: string): Tunnel | undefined {
    return this.all.find(
      (tunnel) =>
        tunnel.app.host === app.host && tunnel.app.port === app.port && tunnel.server.profile.id === serverId,
    )
  }

  /** Reads what opening a tunnel takes, while something else is waited for. */
  preload(): void {
    // Whoever opens one hears of it.
    this.load()
      .then(({ loadSsh2 }) => loadSsh2())
      .catch(() => undefined)
  }

  /**
   * Opens a tunnel and keeps it in the list until it is stopped.
   * @throws Failure, or Cancelled; the list is then as before.
   */
  async open(request: TunnelRequest & { readonly signal: AbortSignal }): Promise<Tunnel> {
    const { app, server, name, signal } = request
    const parts = await this.load()
    this.refuseClash(server, name)
    const tunnel = this.create(request, parts)
    this.list.add(tunnel)
    tunnel.onDidChange((state) => {
      if (state.kind === 'closed') {
        this.list.delete(tunnel)
        this.ending.add(tunnel)
        // In a moment: it is only about to end now.
        queueMicrotask(() => void tunnel.stop().then(() => this.ending.delete(tunnel)))
      }
      this.fire()
    })
    this.fire()
    this.options.log.info(
      `exposing ${app.host}:${app.port} at ${tunnel.title} through ${titleOf(server.profile)}`,
    )
    try {
      await tunnel.open(signal)
    } catch (error) {
      const reason = await this.withHolder(error, tunnel)
      if (reason instanceof Failure) this.remark(server, reason)
      throw reason
    }
    this.remark(server, undefined)
    if (tunnel.way !== undefined) this.remembered.remember(server.profile, name, tunnel.way)
    return tunnel
  }

  /**
   * Logs in to a server, or joins the connection that stands. What is lent keeps the connection until it is disposed,
   * and a tunnel that is opened meanwhile, or in the moment after, needs no other login. `anew` closes what nobody
   * uses first: a session of sshd's keeps the configuration it began with.
   * @throws Failure, or Cancelled.
   */
  async connect(
    server: Server,
    options: {
      readonly anew?: boolean
      readonly signal: AbortSignal
      readonly onHop: (hop: Hop) => void
    },
  ): Promise<LentTransport> {
    const { connections } = await this.load()
    if (options.anew === true) connections.closeUnused()
    const connection = this.connectionTo(server, '', connections)
    const use = connection.use()
    const progress = connection.onDidChange((state) => {
      if (state.kind === 'connecting') options.onHop(state.hop)
    })
    try {
      const transport = await connection.connect(options.signal)
      return { transport, dispose: () => use.dispose() }
    } catch (error) {
      use.dispose()
      throw error
    } finally {
      progress.dispose()
    }
  }

  /** Ends every tunnel and every connection; resolves when the servers have confirmed it or their time is over. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.list, ...this.ending].map((tunnel) => tunnel.stop()))
    this.connections?.closeUnused()
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
    this.exchanges.dispose()
  }

  private remark({ profile }: Server, refusal: Failure | undefined): void {
    if (refusal === undefined) this.refusals.delete(profile.id)
    else this.refusals.set(profile.id, refusal)
    this.fire()
  }

  /** What carries visitors is half of this program, and start-up has no use for it. */
  private async load(): Promise<Parts> {
    const { Connections, ...parts } = await import('./onDemand')
    return { ...parts, connections: (this.connections ??= new Connections()) }
  }

  private create({ app, gate = {}, server, name }: TunnelRequest, parts: Parts): Tunnel {
    const { clock, log, prompts, certificateFor, lookup, neighbours } = this.options
    const { profile } = server
    // A service gives one tunnel to a connection.
    const own = profile.kind === 'service' ? `${name} ${formatHostPort(app.host, app.port)}` : ''
    const connection = this.connectionTo(server, own, parts.connections)
    const tunnel: Tunnel = new parts.Tunnel({
      exchanges: this.exchanges,
      ...{ app, gate, server, name, connection, prompts, clock, log },
      id: this.nextId++,
      expectedUrl: this.expectedUrl(profile, name),
      wishedPort: this.remembered.port(profile, name),
      checker: new parts.PublicChecker({ log, ca: server.ca, lookup }),
      certificateFor: (way) => {
        if (certificateFor === undefined) throw new Error('no certificates here')
        return certificateFor(way)
      },
      holderOf: async (address, { sinceThen } = { sinceThen: false }) => {
        const holder = await neighbours?.holderOf(profile.ssh, address)
        if (holder === undefined || (sinceThen && holder.since <= tunnel.since)) return undefined
        return describeNeighbour(holder)
      },
    })
    return tunnel
  }

  /** `own` tells apart those that lead to the same server. */
  private connectionTo(server: Server, own: string, connections: Connections): Connection {
    const { clock, log, prompts, redactor, openTransport } = this.options
    const { profile } = server
    for (const secret of secretsOf(profile)) redactor?.add(secret)
    const key = [profile.id, profile.ssh, profile.identityFile ?? '', own].join('\n')
    return connections.get(key, {
      settings: () => server.settings(),
      resolve: server.resolve ?? ((jump) => resolveSshSettings(jump, log)),
      prompts: profile.kind === 'service' ? servicePrompts(profile.service, prompts) : prompts,
      clock,
      log,
      networkWatch: this.networkWatch,
      isTunnelService: profile.kind === 'service',
      ...(openTransport && { openTransport }),
    })
  }

  /** What visitors of a new tunnel will call, so far as that is known. @throws Failure as `fillIn`. */
  expectedUrl(profile: ServerProfile, name: string): string | undefined {
    return this.remembered.expectedUrl(profile, name)
  }

  private fire(): void {
    const { neighbours } = this.options
    void neighbours?.publish(
      this.all.flatMap(({ way, server, app, since }) =>
        way === undefined
          ? []
          : [{ ...placeOf(server.profile, way), port: app.port, publicUrl: way.publicUrl, since }],
      ),
    )
    this.didChange.fire(this.all)
  }

  /** Without {name} a profile has one address; a second tunnel would take the first one's visitors. */
  private refuseClash(server: Server, name: string): void {
    const address = addressOf(server.profile, name)
    const other = this.all.find(
      (tunnel) =>
        tunnel.server.profile.ssh === server.profile.ssh &&
        address !== undefined &&
        addressOf(tunnel.server.profile, tunnel.name) === address,
    )
    if (other !== undefined) throw addressAlreadyExposed(server, address ?? '', other)
  }

  /** A refused address may be another window's. */
  private async withHolder(error: unknown, { server, name }: Tunnel): Promise<unknown> {
    const isTaken =
      error instanceof Failure && ['forward-address-taken', 'socket-path-taken'].includes(error.kind)
    const { profile } = server
    const address = profile.kind === 'own' ? addressOf(profile, name) : undefined
    if (!isTaken || address === undefined) return error
    const holder = await this.options.neighbours?.holderOf(profile.ssh, address)
    return holder === undefined ? error : heldByAnotherWindow(error, address, holder)
  }
}

/** A service listens nowhere that another could take, and whoever logs in there may be a secret. */
function placeOf(profile: ServerProfile, way: PublicWay): { readonly ssh: string; readonly address: string } {
  if (profile.kind === 'service') return { ssh: '', address: '' }
  return { ssh: profile.ssh, address: formatAddress(way.bind) }
}

type Parts = Omit<typeof onDemand, 'Connections'> & {
  readonly connections: Connections
}

/** What is to become public, and how. */
export interface TunnelRequest {
  readonly app: LocalApp
  /** What the user wishes of the gate; nothing unless given. */
  readonly gate?: GateOptions
  readonly server: Server
  readonly name: string
}

export interface TunnelsOptions {
  readonly prompts: SshPrompts & ExposurePrompts
  readonly clock: Clock
  readonly log: Log
  /** Told of what must not come out in the log. */
  readonly redactor?: Pick<Redactor, 'add'>
  /** For profiles whose HTTPS ends on this machine. */
  readonly certificateFor?: (way: PublicWay) => Certificate
  /** Keeps what servers said from one time to the next: ports of ranges, domains of gateways. */
  readonly memory?: TunnelMemory
  /** The other windows of this machine. */
  readonly neighbours?: Pick<Neighbours, 'publish' | 'holderOf'>
  /** How much is kept of what visitors ask, now; the usual limits unless given. */
  readonly captureLimits?: () => CaptureLimits
  /** The machine's own unless given. */
  readonly networkWatch?: Pick<NetworkWatch, 'hold' | 'onDidChange'>
  /** The real one unless given. */
  readonly openTransport?: typeof openTransport
  /** Resolves the names of public URLs; the machine's own resolver unless given. */
  readonly lookup?: LookupFunction
}

/** A connection's transport, kept open until this is disposed. */
export interface LentTransport extends Disposable {
  readonly transport: Transport
}
