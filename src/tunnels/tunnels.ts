import type { LookupFunction } from 'node:net'
import { formatAddress } from '../base/address'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import { Failure, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import type { ListeningPort } from '../ports/listeningPort'
import type { ExposurePrompts } from '../servers/listen'
import { fillIn, isNamed, portsOf, type PublicWay, type ServerProfile } from '../servers/profile'
import type { Server } from '../servers/server'
import { titleOf } from '../servers/visibility'
import { servicePrompts } from '../servers/services/servicePrompts'
import type { Connection } from '../ssh/connection'
import { Connections } from '../ssh/connections'
import { NetworkWatch } from '../ssh/networkWatch'
import type { SshPrompts } from '../ssh/prompts'
import { resolveSshSettings } from '../ssh/sshConfig'
import type { Transport } from '../ssh/transport'
import type { Certificate } from '../tls/certificate'
import type { LocalApp } from './localApp'
import type { Neighbour, Neighbours } from './neighbours'
import { PublicChecker } from './publicChecker'
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

  constructor(private readonly options: TunnelsOptions) {
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
    this.refuseClash(server, name)
    const tunnel = this.create(request)
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
      throw await this.withHolder(error, tunnel)
    }
    this.remember(tunnel)
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
    if (options.anew === true) this.connections.closeUnused()
    const connection = this.connectionTo(server, '')
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

  private create({ app, server, name }: { app: LocalApp; server: Server; name: string }): Tunnel {
    const { clock, log, prompts, certificateFor, lookup, neighbours } = this.options
    const { profile } = server
    // A service gives one tunnel to a connection.
    const connection = this.connectionTo(server, profile.kind === 'service' ? name : '')
    const tunnel: Tunnel = new Tunnel({
      ...{ app, server, name, connection, prompts, clock, log },
      id: this.nextId++,
      expectedUrl: this.expectedUrl(profile, name),
      wishedPort: this.wishedPort(profile, name),
      checker: new PublicChecker({ log, ca: server.ca, lookup }),
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
  private connectionTo(server: Server, own: string): Connection {
    const { clock, log, prompts } = this.options
    const { profile } = server
    const key = [profile.id, profile.ssh, profile.identityFile ?? '', own].join('\n')
    return this.connections.get(key, {
      settings: () => server.settings(),
      resolve: server.resolve ?? ((jump) => resolveSshSettings(jump, log)),
      prompts: profile.kind === 'service' ? servicePrompts(profile.service, prompts) : prompts,
      clock,
      log,
      networkWatch: this.networkWatch,
      isTunnelService: profile.kind === 'service',
    })
  }

  /**
   * What visitors of a new tunnel will call: undefined where only the server can know it, and it has not been heard
   * yet.
   * @throws Failure when the name does not fit into the profile.
   */
  expectedUrl(profile: ServerProfile, name: string): string | undefined {
    switch (profile.kind) {
      case 'own': {
        const port = this.wishedPort(profile, name)
        return fillIn(profile, port === undefined ? { name } : { name, port }).publicUrl
      }
      case 'gateway': {
        const template = this.options.memory?.get(gatewayKey(profile.id))
        return typeof template === 'string' ? template.replace('{name}', name) : undefined
      }
      case 'service':
        return undefined
    }
  }

  /** What is remembered counts for as long as the profile has that port. */
  private wishedPort(profile: ServerProfile, name: string): number | undefined {
    const remembered = this.options.memory?.get(portKey(profile.id, name))
    return profile.kind === 'own' ? portsOf(profile.bind).find((port) => port === remembered) : undefined
  }

  private fire(): void {
    const { neighbours } = this.options
    void neighbours?.publish(
      this.all.flatMap(({ way, server, app, since }) =>
        way === undefined
          ? []
          : [
              {
                ssh: server.profile.ssh,
                address: formatAddress(way.bind),
                port: app.port,
                publicUrl: way.publicUrl,
                since,
              },
            ],
      ),
    )
    this.didChange.fire(this.all)
  }

  /** What the server said is expected next time; of a range of ports the same one keeps the URL. */
  private remember({ server, name, way }: Tunnel): void {
    const { profile } = server
    const { memory } = this.options
    if (profile.kind === 'gateway' && way !== undefined) {
      void memory?.update(gatewayKey(profile.id), way.publicUrl.replace(`//${name}.`, '//{name}.'))
    }
    if (profile.kind !== 'own' || profile.bind.kind !== 'tcp' || way?.bind.kind !== 'tcp') return
    if (profile.bind.firstPort === profile.bind.lastPort) return
    void memory?.update(portKey(profile.id, name), way.bind.port)
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
    const address = addressOf(server.profile, name)
    if (!isTaken || address === undefined) return error
    const holder = await this.options.neighbours?.holderOf(server.profile.ssh, address)
    return holder === undefined ? error : heldByAnotherWindow(error, address, holder)
  }
}

export interface TunnelsOptions {
  readonly prompts: SshPrompts & ExposurePrompts
  readonly clock: Clock
  readonly log: Log
  /** For profiles whose HTTPS ends on this machine. */
  readonly certificateFor?: (way: PublicWay) => Certificate
  /** Keeps what servers said from one time to the next: ports of ranges, domains of gateways. */
  readonly memory?: TunnelMemory
  /** The other windows of this machine. */
  readonly neighbours?: Pick<Neighbours, 'publish' | 'holderOf'>
  /** The machine's own unless given. */
  readonly networkWatch?: Pick<NetworkWatch, 'hold' | 'onDidChange'>
  /** Resolves the names of public URLs; the machine's own resolver unless given. */
  readonly lookup?: LookupFunction
}

/** A connection's transport, kept open until this is disposed. */
export interface LentTransport extends Disposable {
  readonly transport: Transport
}

export interface TunnelMemory {
  get(key: string): unknown
  update(key: string, value: unknown): PromiseLike<void>
}

function gatewayKey(serverId: string): string {
  return `gateway ${serverId}`
}

function portKey(serverId: string, name: string): string {
  return `port ${serverId} ${name}`
}

/** The address a second tunnel must not have; undefined where the server or the service finds a free one. */
function addressOf(profile: ServerProfile, name: string): string | undefined {
  switch (profile.kind) {
    case 'own': {
      const { bind } = profile
      if (bind.kind === 'tcp' && bind.firstPort !== bind.lastPort) return undefined
      return formatAddress(fillIn(profile, { name }).bind)
    }
    case 'gateway':
      return name
    case 'service':
      return undefined
  }
}

function addressAlreadyExposed({ profile }: Server, address: string, other: Tunnel): Failure {
  const hasNames = profile.kind !== 'own' || isNamed(profile)
  return new Failure({
    kind: 'address-already-exposed',
    hop: 'remote forward',
    message: `${address} on ${profile.ssh} already leads to port ${other.app.port}, at ${other.title}.`,
    advice: hasNames
      ? 'Stop that tunnel first, or give one of the ports another name.'
      : 'Stop that tunnel first, or give the server a "bind" and "publicUrl" with {name}.',
    remedies: [hasNames ? { do: 'change name' } : { do: 'open settings' }],
    canHeal: false,
  })
}

function heldByAnotherWindow(refused: Failure, address: string, holder: Neighbour): Failure {
  return new Failure({
    kind: 'held-by-another-window',
    hop: 'remote forward',
    message: `${address} is in use by ${describeNeighbour(holder)}.`,
    ...(refused.said === undefined ? {} : { said: refused.said }),
    advice: 'Stop it there, or give this port another name.',
    remedies: [{ do: 'change name' }, { do: 'retry' }],
    canHeal: true,
    cause: refused,
  })
}

function describeNeighbour({ window, port, publicUrl }: Neighbour): string {
  return `the window "${window}", for its port ${port} at ${publicUrl}`
}
