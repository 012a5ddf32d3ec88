import { formatAddress, type Address, type UnixAddress } from '../base/address'
import { Failure } from '../base/failure'
import type { Destination } from '../ssh/destination'
import { isLoopback } from './reach'

/** A server the user configured, and how it makes a remote forward public. */
export type ServerProfile = OwnProfile | GatewayProfile | ServiceProfile

interface Reached {
  /** The key under `exposePort.servers`. */
  readonly id: string
  /** The destination as written. */
  readonly ssh: string
  readonly destination: Destination
  readonly identityFile?: string
}

/** A server of the user's own: each field answers one question, and they combine freely. */
export interface OwnProfile extends Reached {
  readonly kind: 'own'
  /** Where sshd listens; a socket's path may hold `{name}`. */
  readonly bind: Bind
  /** What visitors call: https, http or tcp; may hold `{name}` and `{port}`. */
  readonly publicUrl: string
  readonly tls: TlsEnd
  /** For `tls: "here"` only. */
  readonly certificate?: CertificateChoice
  /** The server puts a PROXY protocol header before each visitor's bytes. */
  readonly proxyProtocol: boolean
}

/** A prepared gateway: it says in its banner what the other fields would. */
export interface GatewayProfile extends Reached {
  readonly kind: 'gateway'
}

/** A tunnel service spoken over SSH, run by somebody else. */
export interface ServiceProfile extends Reached {
  readonly kind: 'service'
  readonly service: ServiceName
  /** Of a sish server: what its URLs stand below. Elsewhere: a domain the user has there, to be asked for. */
  readonly domain?: string
}

export const serviceNames = ['localhost.run', 'pinggy', 'serveo', 'tuns.sh', 'ngrok', 'sish'] as const
export type ServiceName = (typeof serviceNames)[number]

/**
 * Where HTTPS ends: at a reverse proxy on the server, in the extension on this machine, in the app itself, or
 * nowhere.
 */
export type TlsEnd = (typeof tlsEnds)[number]
export const tlsEnds = ['server', 'here', 'app', 'none'] as const

/** Issued by ACME, or read from files (PEM). */
export type CertificateChoice = 'acme' | { readonly key: string; readonly cert: string }

export type Bind = UnixAddress | TcpBind

/** A TCP address with one port, or several of which the first free one is taken. */
export interface TcpBind {
  readonly kind: 'tcp'
  readonly host: string
  /** Both inclusive; the same for one port. */
  readonly firstPort: number
  readonly lastPort: number
}

/** A profile filled in for one tunnel. */
export interface PublicWay {
  readonly bind: Address
  /** What the server was asked for, where that is another word for `bind`. */
  readonly asked?: Address
  readonly publicUrl: string
  readonly tls: TlsEnd
  readonly certificate?: CertificateChoice
  readonly proxyProtocol: boolean
}

/** True when each tunnel gets an address of its own; otherwise the profile serves one tunnel at a time. */
export function isNamed({ publicUrl }: OwnProfile): boolean {
  return publicUrl.includes('{name}') || publicUrl.includes('{port}')
}

/** The ports a bind may take, in order; none for a socket. */
export function portsOf(bind: Bind): readonly number[] {
  if (bind.kind === 'unix') return []
  return Array.from({ length: bind.lastPort - bind.firstPort + 1 }, (_, index) => bind.firstPort + index)
}

/**
 * Puts the tunnel's name and port into the profile; `port` is the first of the range unless given.
 * @throws Failure when the socket's path becomes longer than a unix socket may have.
 */
export function fillIn(profile: OwnProfile, { name, port }: { name: string; port?: number }): PublicWay {
  const bind = fillInBind(profile, name, port)
  const chosen = bind.kind === 'tcp' ? String(bind.port) : ''
  return {
    bind,
    publicUrl: profile.publicUrl.replaceAll('{name}', name).replaceAll('{port}', chosen),
    tls: profile.tls,
    ...(profile.certificate === undefined ? {} : { certificate: profile.certificate }),
    proxyProtocol: profile.proxyProtocol,
  }
}

function fillInBind({ id, bind }: OwnProfile, name: string, port: number | undefined): Address {
  if (bind.kind === 'tcp') return { kind: 'tcp', host: bind.host, port: port ?? bind.firstPort }
  const path = bind.path.replaceAll('{name}', name)
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Failure({
      kind: 'socket-path-too-long',
      hop: 'settings',
      message: `The socket path ${path} is longer than the ${longestSocketPath} bytes a unix socket may have.`,
      advice: `Use a shorter directory in "bind" of server "${id}".`,
      remedies: [{ do: 'open settings' }],
      canHeal: false,
    })
  }
  return { kind: 'unix', path }
}

/** unix(7): sun_path has 108 bytes on Linux, one of them for the closing zero. */
export const longestSocketPath = 107

/** As it stands in the settings: `127.0.0.1:8080`, `0.0.0.0:{20000-20099}` or a socket's path. */
export function formatBind(bind: Bind): string {
  if (bind.kind === 'unix') return bind.path
  const { host, firstPort, lastPort } = bind
  const address = formatAddress({ kind: 'tcp', host, port: firstPort })
  return firstPort === lastPort ? address : address.replace(/\d+$/, `{${firstPort}-${lastPort}}`)
}

/** True for an address that the whole world reaches, so far as the server's firewall lets it. */
export function isPublicBind(bind: Bind): boolean {
  return bind.kind === 'tcp' && !isLoopback(bind.host)
}
