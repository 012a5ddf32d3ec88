import { formatAddress, type Address } from '../base/address'
import type { Clock } from '../base/clock'
import type { Event } from '../base/event'
import { Cancelled, Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept, Visitor } from '../base/visitor'
import type { Connection } from '../ssh/connection'
import { probeGatewayPorts, saysOverridden, type GatewayPorts } from '../ssh/gatewayPorts'
import type { RemoteForward } from '../ssh/remoteForwards'
import type { ForwardOptions } from '../ssh/staleListener'
import type { Transport } from '../ssh/transport'
import { gatewayProfile } from './gateway'
import { listenFailures } from './listenFailures'
import { fillIn, isPublicBind, portsOf, type OwnProfile, type PublicWay, type ServerProfile } from './profile'
import { isLoopback } from './reach'

/** What opening a tunnel asks a person. */
export interface ExposurePrompts {
  /** The server was asked for a loopback address and listens on every one. True to go on. */
  becamePublic(question: { readonly address: string; readonly server: string }): Promise<boolean>
  /** Somebody answers at this address already. True to take its place. */
  takeOver(question: {
    readonly address: string
    readonly publicUrl: string
    /** Who that is, where it is known: a window of this machine. */
    readonly holder: string | undefined
  }): Promise<boolean>
}

export interface ListenRequest {
  readonly connection: Connection
  readonly transport: Transport
  readonly profile: ServerProfile
  readonly name: string
  /** Of a range: the port this tunnel had before. */
  readonly wishedPort: number | undefined
  /** Had by this tunnel until its connection was lost: kept, and not asked about again. */
  readonly previous: PublicWay | undefined
  /** The stages for visitors who come this way. */
  readonly acceptFor: (way: PublicWay) => Accept
  readonly prompts: ExposurePrompts
  /**
   * Names another window of this machine that has the address; with `sinceThen`, only one that has taken it from this
   * tunnel.
   */
  readonly holderOf: (address: string, options?: { sinceThen: boolean }) => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** What a server does for one tunnel. */
export interface Listening {
  readonly way: PublicWay
  /** What a person should know: what differs from what was asked for, limits. */
  readonly remarks: readonly string[]
  /** The public URL became another one, while visitors of the old one are lost. */
  readonly onDidChangeUrl?: Event<string>
  /** The server ended it, though the connection stands. */
  readonly onDidEnd?: Event<Failure>
  cancel(): Promise<void>
}

/**
 * Asks the server to listen for a tunnel, in whatever way its profile says.
 * @throws Failure when it does not, or not so that visitors could come; Cancelled.
 */
export async function listen(request: ListenRequest): Promise<Listening> {
  const { profile, transport } = request
  switch (profile.kind) {
    case 'own':
      return listenAt(profile, request)
    case 'gateway':
      return listenAt(gatewayProfile(profile, transport.banner), request)
    case 'service':
      return listenThroughService(profile, request)
  }
}

async function listenThroughService(
  profile: Extract<ServerProfile, { kind: 'service' }>,
  { transport, name, acceptFor, clock, log, signal }: ListenRequest,
): Promise<Listening> {
  const { listenAtService } = await import('./services/openService')
  const way = (publicUrl: string): PublicWay => ({
    bind: { kind: 'tcp', host: 'localhost', port: 80 },
    publicUrl,
    tls: 'server',
    proxyProtocol: false,
  })
  const accept = acceptFor(way(`https://${profile.destination.host}`))
  const service = await listenAtService({ transport, profile, name, accept, clock, log, signal })
  return { ...service, way: way(service.publicUrl) }
}

async function listenAt(profile: OwnProfile, request: ListenRequest): Promise<Listening> {
  const { transport, name, previous } = request
  const { settings } = transport
  const gatewayPorts = isPublicBind(profile.bind) ? await gatewayPortsOf(transport) : undefined
  if (gatewayPorts === 'no') throw listenFailures.boundToLoopback(profile, settings)
  const ports = candidates(profile, request)
  let refused: unknown
  for (const port of ports) {
    const way = fillIn(profile, port === undefined ? { name } : { name, port })
    try {
      if (previous !== undefined) await assertStillOurs(way, request)
      const takesOver = previous === undefined && (await asksToTakeOver(way, request))
      return await listenOn(way, request, { takesOver })
    } catch (error) {
      if (!isTaken(error)) throw error
      refused = error
    }
  }
  throw ports.length > 1 ? listenFailures.rangeTaken(profile, settings) : refused
}

/** A tunnel keeps its port for life; before that, the one it had last time comes first. */
function candidates(
  profile: OwnProfile,
  { previous, wishedPort }: ListenRequest,
): readonly (number | undefined)[] {
  if (profile.bind.kind === 'unix') return [undefined]
  if (previous?.bind.kind === 'tcp') return [previous.bind.port]
  const ports = portsOf(profile.bind)
  if (wishedPort === undefined || !ports.includes(wishedPort)) return ports
  return [wishedPort, ...ports.filter((port) => port !== wishedPort)]
}

/** Who took the place over in the meantime was asked, and keeps it. */
async function assertStillOurs({ bind, publicUrl }: PublicWay, { holderOf }: ListenRequest): Promise<void> {
  if (bind.kind !== 'unix') return
  const holder = await holderOf(bind.path, { sinceThen: true })
  if (holder !== undefined) throw listenFailures.takenOver(publicUrl, holder)
}

/** "StreamLocalBindUnlink yes" lets a new socket take the place of one that somebody uses, without a word. */
async function asksToTakeOver({ bind, publicUrl }: PublicWay, request: ListenRequest): Promise<boolean> {
  const { prompts, holderOf, signal } = request
  if (bind.kind !== 'unix') return false
  const { path: address } = bind
  const holder = await holderOf(address)
  if (holder === undefined && !(await isHeld(address, request))) return false
  signal.throwIfAborted()
  if (!(await prompts.takeOver({ address, publicUrl, holder }))) throw new Cancelled()
  // Nobody's place is taken for somebody who has gone meanwhile.
  signal.throwIfAborted()
  return true
}

/** Asked twice: what sshd has just closed may answer once more, while a child that it had started still has it. */
async function isHeld(path: string, { transport, clock }: ListenRequest): Promise<boolean> {
  const answers = () => transport.answersOn(path).catch(() => false)
  if (!(await answers())) return false
  await new Promise<void>((resolve) => clock.after(momentMs, resolve))
  return answers()
}

const momentMs = 200

async function listenOn(way: PublicWay, request: ListenRequest, options: ForwardOptions): Promise<Listening> {
  const { acceptFor, connection, transport, signal } = request
  const { bind } = way
  const accept = acceptFor(way)
  const agreed = agreedToBePublic(connection)
  // Some come before it is known what the server made of the request.
  const early: Visitor[] = []
  let admit: Accept = (visitor) => early.push(visitor)
  const admitBy = (next: Accept) => {
    admit = next
    early.splice(0).forEach(next)
  }
  const forward = await forwardOn(bind, (visitor) => admit(visitor), request, options)
  const isOpen = saysOverridden(forward.serverMessages)
  try {
    signal.throwIfAborted()
    if (isOpen && isLoopbackPort(bind) && !agreed.has(formatAddress(bind))) {
      admitBy(({ stream }) => stream.destroy())
      await askIfPublic(way, request)
      agreed.add(formatAddress(bind))
    }
    admitBy(accept)
  } catch (error) {
    await forward.cancel()
    throw error
  }
  return {
    way,
    remarks: isOpen ? [openRemark(bind, transport)] : [],
    cancel: () => forward.cancel(),
  }
}

/** sshd compares what is asked for with PermitListen and permitlisten letter by letter (sshd_config(5)). */
async function forwardOn(
  bind: Address,
  accept: Accept,
  { connection, transport }: ListenRequest,
  options: ForwardOptions,
): Promise<RemoteForward> {
  try {
    return await connection.forward(transport, bind, accept, options)
  } catch (error) {
    const isLiteral = error instanceof Failure && error.kind === 'forward-not-permitted'
    if (!isLiteral || bind.kind !== 'tcp' || bind.host !== '127.0.0.1') throw error
    const forward = connection.forward(transport, { ...bind, host: 'localhost' }, accept)
    return await forward.catch((second: unknown) => {
      throw isTaken(second) ? second : error
    })
  }
}

async function askIfPublic(
  { bind }: PublicWay,
  { prompts, transport, signal }: ListenRequest,
): Promise<void> {
  const agreed = await prompts.becamePublic({
    address: formatAddress(bind),
    server: transport.settings.hostName,
  })
  signal.throwIfAborted()
  if (!agreed) throw new Cancelled()
}

function openRemark(bind: Address, transport: Transport): string {
  const port = bind.kind === 'tcp' ? bind.port : 0
  return (
    `Asked for ${formatAddress(bind)}, ${transport.settings.hostName} listens on every address: without HTTPS, ` +
    `anyone reaches the app at its port ${port} too. "GatewayPorts clientspecified" in its sshd_config ends that.`
  )
}

function isLoopbackPort(bind: Address): boolean {
  return bind.kind === 'tcp' && isLoopback(bind.host)
}

/** Not asked about again when the connection comes back; but a server may become public only then. */
function agreedToBePublic(connection: Connection): Set<string> {
  const known = agreements.get(connection) ?? new Set()
  agreements.set(connection, known)
  return known
}

const agreements = new WeakMap<Connection, Set<string>>()

/** Asked once in the life of a connection: sshd reads its configuration when a connection begins. */
function gatewayPortsOf(transport: Transport): Promise<GatewayPorts | undefined> {
  const known = probed.get(transport) ?? probeGatewayPorts(transport)
  probed.set(transport, known)
  return known
}

const probed = new WeakMap<Transport, Promise<GatewayPorts | undefined>>()

function isTaken(error: unknown): boolean {
  return error instanceof Failure && error.kind === 'forward-address-taken'
}
