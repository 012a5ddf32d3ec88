import type { GatewayPorts } from '../../ssh/gatewayPorts'
import type { GatewayBanner } from '../gateway'
import type { Bind } from '../profile'

/** What was seen of a server, from inside and from outside. What could not be seen is undefined or `unknown`. */
export interface ServerEvidence {
  /** The destination as the user wrote it. */
  readonly ssh: string
  readonly hostName: string
  readonly user: string
  /** The address that was dialled; undefined where a jump host led there. */
  readonly address: string | undefined
  /** What a prepared server says of itself in its banner. */
  readonly gateway: GatewayEvidence | undefined
  readonly gatewayPorts: GatewayPorts | undefined
  readonly forwards: ForwardEvidence
  readonly sftp: boolean
  /** Undefined where no command may be run. */
  readonly shell: ShellEvidence | undefined
  /** Where reverse proxies on the server lead visitors to. */
  readonly routes: readonly RouteEvidence[]
  /** Where a URL could be: the domain the user gave, else the name the server was dialled by. */
  readonly domain: DomainEvidence | undefined
  /** What answers on the ports of HTTPS and HTTP. */
  readonly front: FrontEvidence
  readonly socketDirectories: readonly DirectoryEvidence[]
  /** The port of HTTPS, and one of `rawPorts`, asked for on every address and dialled from here. */
  readonly httpsPort: PortEvidence
  readonly rawPort: PortEvidence
}

export interface GatewayEvidence extends GatewayBanner {
  /** Whether names below the base domain lead to this server. */
  readonly leadsHere: Answer
}

export type Answer = 'yes' | 'no' | 'unknown'

export interface ForwardEvidence {
  /** `limited` where sshd or the key permits some addresses only. */
  readonly tcp: Answer | 'limited'
  readonly sockets: Answer
}

/** What commands of an ordinary user tell. */
export interface ShellEvidence {
  readonly isRoot: boolean
  readonly groups: readonly string[]
  /** What `sshd -T` prints for this user, by keyword in lower case; undefined where it cannot be told. */
  readonly sshd: ReadonlyMap<string, string> | undefined
  /** Addresses and ports that somebody listens on; undefined where the system does not tell. */
  readonly listeners: readonly { readonly address: string; readonly port: number }[] | undefined
  readonly firstUnprivilegedPort: number | undefined
  readonly proxies: readonly ProxyEvidence[]
}

/** A reverse proxy that runs there, or whose configuration lies there. */
export interface ProxyEvidence {
  readonly kind: 'nginx' | 'caddy' | 'apache'
  readonly isRunning: boolean
  /** Who its workers run as; undefined where nothing runs. */
  readonly user: string | undefined
  readonly userGroups: readonly string[]
  readonly configFile: string | undefined
  /** For Caddy: the Caddyfile begins with a block of global options. */
  readonly hasGlobalOptions: boolean
  /** The ports its configuration names. */
  readonly ports: readonly number[]
  /** Where it ends TLS, as nginx's `listen` has it: `443`, `[::]:443`, `192.0.2.1:8443`. */
  readonly tlsListens: readonly string[]
  readonly certificates: readonly CertificateFiles[]
}

export interface CertificateFiles {
  readonly names: readonly string[]
  readonly cert: string
  readonly key: string
}

/** A reverse proxy's way from a public host name to an address on the server. */
export interface ProxyRoute {
  readonly proxy: 'nginx' | 'caddy'
  /**
   * As in a profile's `publicUrl`: `dev.example.com`, `{name}.dev.example.com`, `p{port}.dev.example.com`. One that
   * ends with `*` leaves the domain open.
   */
  readonly publicHost: string
  readonly httpsPort: number
  readonly bind: Bind
  /** `here` where TLS is passed through by name. */
  readonly tls: 'server' | 'here'
  readonly proxyProtocol: boolean
  /** A certificate for each name is issued when the first visitor calls it. */
  readonly issuesOnDemand: boolean
  /** WebSocket, live events and uploads of any size come through. */
  readonly passesEverything: boolean
}

/** What the configuration of one reverse proxy says. */
export interface ProxyReading {
  readonly routes: readonly ProxyRoute[]
  readonly ports: readonly number[]
  /** Who a proxy started by root becomes; undefined where it does not say. */
  readonly user: string | undefined
  readonly tlsListens: readonly string[]
  /** Of its HTTPS server blocks. */
  readonly certificates: readonly CertificateFiles[]
}

export interface RouteEvidence extends ProxyRoute {
  /** Where it was read. */
  readonly configFile: string
  readonly leadsHere: Answer
  readonly shown: Shown
  /** Somebody listens at the other end already. */
  readonly isBusy: boolean
  /** Whether sshd permits to listen there. */
  readonly mayListen: Answer
}

export interface DomainEvidence {
  readonly name: string
  readonly leadsHere: Answer
  /** Whether any name below it leads here. */
  readonly belowLeadsHere: Answer
  readonly addresses: readonly string[]
  /** What HTTPS shows for the name, and for a name below it. */
  readonly shown: Shown
  readonly belowShown: Shown
}

/** What a TLS handshake with one server name showed. */
export type Shown =
  | { readonly kind: 'unknown' }
  /** The connection was refused. */
  | { readonly kind: 'nobody' }
  /** Something listens, but the handshake failed. */
  | { readonly kind: 'no certificate'; readonly said: string }
  | CertificateShown

export interface CertificateShown {
  readonly kind: 'certificate'
  /** Why the chain is not trusted, in OpenSSL's code; undefined where it is. */
  readonly distrust: string | undefined
  readonly coversName: boolean
  /** Milliseconds since the epoch. */
  readonly validTo: number
  readonly names: readonly string[]
  /** Of the answer to a HEAD request. */
  readonly status: number | undefined
  readonly server: string | undefined
}

export interface FrontEvidence {
  readonly kind: 'nginx' | 'caddy' | 'apache' | 'other' | 'nobody' | 'unknown'
  /** Whether somebody holds the port of HTTPS. */
  readonly holdsHttps: Answer
}

export interface DirectoryEvidence {
  readonly path: string
  readonly isThere: boolean
  /** By the user who logged in. */
  readonly isWritable: boolean
  /** Permission bits, such as 0o2750; undefined where they cannot be seen. */
  readonly mode: number | undefined
  readonly owner: string | undefined
  readonly group: string | undefined
}

export interface PortEvidence {
  readonly port: number
  /** Whether sshd listened there for us. */
  readonly canBind: Answer
  /** Whether a connection from here came through. */
  readonly isReached: Answer
}

/** Where sockets with names lie unless something else is known. */
export const defaultSocketDirectory = '/run/expose'

/** The range that is proposed where sshd listens for visitors itself. */
export const rawPorts = { first: 20_000, last: 20_099 } as const
