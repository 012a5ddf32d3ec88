import { isIP } from 'node:net'
import { dirname } from 'node:path/posix'
import type { Clock } from '../../base/clock'
import { Cancelled, type Failure } from '../../base/failure'
import type { Log } from '../../base/log'
import { probeGatewayPorts } from '../../ssh/gatewayPorts'
import type { Transport } from '../../ssh/transport'
import { readGatewayBanner } from '../gateway'
import { bounded, type Bounds } from './bounded'
import { describeEvidence } from './describe'
import {
  defaultSocketDirectory,
  rawPorts,
  type DirectoryEvidence,
  type DomainEvidence,
  type ForwardEvidence,
  type FrontEvidence,
  type GatewayEvidence,
  type PortEvidence,
  type RouteEvidence,
  type ServerEvidence,
  type ShellEvidence,
} from './evidence'
import { ForwardLook } from './forwards'
import { isDomain } from './names'
import { Outside, programOf, systemResolver, type Resolver } from './outside'
import { lookAtRoutes, visibleLabel } from './routeLook'
import { lookAtDirectories, lookInside } from './shell'

export interface LookRequest {
  readonly transport: Transport
  /** The destination as the user wrote it. */
  readonly ssh: string
  /** A domain that the user has for this; the name the server was dialled by unless given. */
  readonly domain?: string
  readonly resolver?: Resolver
  /** Certificate authorities (PEM) in place of the usual ones. */
  readonly ca?: string
  /** 443 and 80 unless given. */
  readonly ports?: { readonly https: number; readonly http: number }
  /** Where sockets with names would lie; /run/expose unless given. */
  readonly socketDirectory?: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Hears in a few words what is being looked at. */
  readonly onProgress: (text: string) => void
}

/**
 * Looks at a server that was logged in to: its banner, which forwards it permits, what its user may read of sshd, nginx
 * and Caddy, and what a visitor sees of it. Each look is bounded in time, and what it does not find is evidence too.
 * Nothing is changed there: listeners that are asked for lead nowhere and are gone at once.
 * @throws Cancelled when the signal is aborted; Failure when the connection is lost.
 */
export async function lookAtServer(request: LookRequest): Promise<ServerEvidence> {
  const { transport } = request
  const lost = new AbortController()
  const listening = transport.onDidClose((failure) => lost.abort(failure))
  try {
    return await look({ ...request, signal: AbortSignal.any([request.signal, lost.signal]) })
  } catch (error) {
    throw request.signal.aborted
      ? new Cancelled()
      : lost.signal.aborted
        ? (lost.signal.reason as Failure)
        : error
  } finally {
    listening.dispose()
  }
}

async function look(request: LookRequest): Promise<ServerEvidence> {
  const evidence = await new Look(request).run()
  for (const line of describeEvidence(evidence)) request.log.info(`${request.ssh}: ${line}`)
  return evidence
}

class Look {
  private readonly bounds: Bounds
  private readonly ports: { readonly https: number; readonly http: number }
  private readonly forwards: ForwardLook

  constructor(private readonly request: LookRequest) {
    const { clock, signal, transport, ports = { https: 443, http: 80 } } = request
    this.bounds = { clock, signal }
    this.ports = ports
    this.forwards = new ForwardLook(transport, this.bounds)
  }

  async run(): Promise<ServerEvidence> {
    const { transport, onProgress } = this.request
    const outside = await this.outside()
    const banner = readGatewayBanner(transport.banner)
    if (banner !== undefined) {
      onProgress(`Looking up names below ${banner.base}`)
      const leadsHere = await outside.belowLeadsHere(banner.base)
      return this.evidence({ gateway: { ...banner, leadsHere } })
    }
    onProgress('Asking sshd which forwards it permits')
    const forwards = await this.forwards.permitted()
    const gatewayPorts = await bounded(this.bounds, 6000, () => probeGatewayPorts(transport))
    onProgress('Looking at sshd, nginx and Caddy')
    const inside = await lookInside(transport, this.bounds, this.request.log)
    const sftp = (await bounded(this.bounds, 6000, () => this.hasSftp())) ?? false
    onProgress('Looking at the server from outside')
    const routes = await lookAtRoutes({
      ...{
        routes: inside?.routes ?? [],
        domain: this.givenDomain,
        shell: inside?.shell,
        permitted: forwards,
      },
      ...{ forwards: this.forwards, outside, transport },
    })
    const domain = await this.domain(routes, outside)
    const front = await this.front(inside?.shell, domain, outside)
    const seen = { forwards, gatewayPorts, sftp, shell: inside?.shell, routes, domain, front }
    const socketDirectories = await this.directories(seen)
    onProgress('Trying whether ports are reached from outside')
    return this.evidence({ ...seen, socketDirectories, ...(await this.reach(seen)) })
  }

  private evidence(seen: Partial<ServerEvidence> & { gateway?: GatewayEvidence }): ServerEvidence {
    const { ssh, transport } = this.request
    const { hostName, user } = transport.settings
    const untried = { canBind: 'unknown', isReached: 'unknown' } as const
    return {
      ssh,
      hostName,
      user,
      address: this.address,
      gateway: undefined,
      gatewayPorts: undefined,
      forwards: { tcp: 'unknown', sockets: 'unknown' },
      sftp: false,
      shell: undefined,
      routes: [],
      domain: undefined,
      front: { kind: 'unknown', holdsHttps: 'unknown' },
      socketDirectories: [],
      httpsPort: { port: this.ports.https, ...untried },
      rawPort: { port: rawPorts.first, ...untried },
      ...seen,
    }
  }

  /** IPv4 in its own form where it came as IPv6 (RFC 4291 2.5.5.2). */
  private get address(): string | undefined {
    return this.request.transport.peerAddress?.replace(/^::ffff:/, '')
  }

  private async outside(): Promise<Outside> {
    const { resolver = systemResolver, ca, transport } = this.request
    const { hostName } = transport.settings
    const bounds = this.bounds
    const named = isIP(hostName) === 0 ? await bounded(bounds, 5000, () => resolver(hostName)) : [hostName]
    const addresses = [...new Set([this.address ?? [], named ?? []].flat())]
    return new Outside({ resolver, ca, addresses, bounds })
  }

  private async hasSftp(): Promise<boolean> {
    const sftp = await this.request.transport.openSftp()
    sftp.close()
    return true
  }

  private get givenDomain(): string | undefined {
    const { domain = this.request.transport.settings.hostName } = this.request
    return isDomain(domain.toLowerCase()) ? domain.toLowerCase() : undefined
  }

  /** Where nothing was given, the domain of a site whose name leads here. */
  private async domain(
    routes: readonly RouteEvidence[],
    outside: Outside,
  ): Promise<DomainEvidence | undefined> {
    const ofRoute = routes.find(({ leadsHere }) => leadsHere === 'yes')?.publicHost
    const name = this.givenDomain ?? ofRoute?.replace(/^.*\}[^.]*\./, '')
    if (name === undefined) return undefined
    const [leadsHere, belowLeadsHere, addresses = [], shown, belowShown] = await Promise.all([
      outside.leadsHere(name),
      outside.belowLeadsHere(name),
      outside.addressesOf(name),
      outside.certificateFor(name, this.ports.https),
      outside.certificateFor(`${visibleLabel}.${name}`, this.ports.https),
    ])
    return { name, leadsHere, belowLeadsHere, addresses, shown, belowShown }
  }

  private async front(
    shell: ShellEvidence | undefined,
    domain: DomainEvidence | undefined,
    outside: Outside,
  ): Promise<FrontEvidence> {
    const { https, http } = this.ports
    const { hostName } = this.request.transport.settings
    const shown = domain?.shown ?? (await outside.certificateFor(this.address ?? hostName, https))
    const listens = shell?.listeners?.some(({ port }) => port === https)
    const answers = shown.kind === 'certificate' || shown.kind === 'no certificate'
    const holdsHttps =
      answers || listens === true ? 'yes' : shown.kind === 'nobody' || listens === false ? 'no' : 'unknown'
    const configured = shell?.proxies.find(
      ({ isRunning, ports }) => isRunning && (ports.includes(https) || ports.includes(http)),
    )
    const named = shown.kind === 'certificate' ? programOf(shown.server) : 'unknown'
    if (isProxy(named)) return { kind: named, holdsHttps }
    if (configured !== undefined) return { kind: configured.kind, holdsHttps }
    const plain = await outside.answersHttp(http)
    if (isProxy(plain)) return { kind: plain, holdsHttps }
    return { kind: holdsHttps === 'yes' ? 'other' : plain, holdsHttps }
  }

  private async directories({ routes, shell, forwards }: Inside): Promise<readonly DirectoryEvidence[]> {
    const { socketDirectory = defaultSocketDirectory, transport } = this.request
    const named = routes.flatMap(({ bind }) => (bind.kind === 'unix' ? [dirname(bind.path)] : []))
    const paths = [...new Set([...named, socketDirectory])]
    if (shell !== undefined) return lookAtDirectories(transport, paths, this.bounds)
    if (forwards.sockets !== 'yes') return []
    const isWritable = (await this.forwards.canMakeSocket(socketDirectory)) === 'yes'
    const unseen = { mode: undefined, owner: undefined, group: undefined }
    return [{ path: socketDirectory, isThere: isWritable, isWritable, ...unseen }]
  }

  /** Only where sshd would really listen for the world. */
  private async reach(seen: Inside): Promise<{ httpsPort?: PortEvidence; rawPort?: PortEvidence }> {
    const { gatewayPorts, front, domain } = seen
    if (gatewayPorts !== 'yes' && gatewayPorts !== 'clientspecified') return {}
    const address = this.address ?? domain?.name
    const random = rawPorts.first + Math.floor(Math.random() * (rawPorts.last - rawPorts.first + 1))
    const rawPort = await this.forwards.reach(random, address)
    if (front.holdsHttps === 'yes') return { rawPort }
    return { rawPort, httpsPort: await this.forwards.reach(this.ports.https, address) }
  }
}

interface Inside {
  readonly forwards: ForwardEvidence
  readonly gatewayPorts: ServerEvidence['gatewayPorts']
  readonly shell: ShellEvidence | undefined
  readonly routes: readonly RouteEvidence[]
  readonly domain: DomainEvidence | undefined
  readonly front: FrontEvidence
}

function isProxy(kind: FrontEvidence['kind']): kind is 'nginx' | 'caddy' | 'apache' {
  return kind === 'nginx' || kind === 'caddy' || kind === 'apache'
}
