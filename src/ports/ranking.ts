import type { ListeningPort, ListeningProcess } from './listeningPort'
import { riskOf } from './risk'

export interface RankedPort {
  readonly listening: ListeningPort
  readonly group: 'workspace' | 'other' | 'system'
}

export interface RankingFacts {
  /** The workspace folders, absolute and with symbolic links resolved. */
  readonly folders: readonly string[]
  /** Processes of VS Code itself: the extension host, its parent, the server. */
  readonly ownPids?: readonly number[]
  /** Where this OS picks ports that nobody chose; both ranges in use by default. */
  readonly ephemeral?: PortRange
}

export interface PortRange {
  readonly first: number
  readonly last: number
}

/**
 * Best guess first: what runs in a workspace folder; then the rest; then ports nobody exposes: those of
 * VS Code itself, of the system, and those no one chose. Inside a group what was chosen comes before what
 * was not, then what is risky, then by port.
 */
export function rankPorts(ports: readonly ListeningPort[], facts: RankingFacts): readonly RankedPort[] {
  const isEphemeral = ({ port }: ListeningPort) =>
    ephemeralRanges(facts).some(({ first, last }) => port >= first && port <= last)
  const groupOf = (listening: ListeningPort): RankedPort['group'] => {
    const { process } = listening
    if (process && facts.ownPids?.includes(process.pid)) return 'system'
    if (process && facts.folders.some((folder) => runsIn(process, folder))) return 'workspace'
    return isEphemeral(listening) || isSystem(listening) ? 'system' : 'other'
  }
  const order = ({ listening, group }: RankedPort) => [
    groups.indexOf(group),
    Number(isEphemeral(listening)),
    Number(riskOf(listening) !== undefined),
    listening.port,
  ]
  return ports
    .map((listening) => ({ listening, group: groupOf(listening) }))
    .sort((a, b) => compareInTurn(order(a), order(b)))
}

const groups: readonly RankedPort['group'][] = ['workspace', 'other', 'system']

// Linux's net.ipv4.ip_local_port_range, and the range of RFC 6335 that macOS and Windows use.
const usualEphemeral: readonly PortRange[] = [
  { first: 32768, last: 60999 },
  { first: 49152, last: 65535 },
]

function ephemeralRanges({ ephemeral }: RankingFacts): readonly PortRange[] {
  return ephemeral ? [ephemeral] : usualEphemeral
}

/** True for what an OS or its desktop runs by itself. */
function isSystem({ port, process }: ListeningPort): boolean {
  if (process && SYSTEM_PROGRAMS.test(process.name)) return true
  return (port < 1024 && !WEB_PORTS.has(port)) || SYSTEM_PORTS.has(port)
}

const WEB_PORTS = new Set([80, 443])
// RDP, VNC, mDNS, LLMNR, WinRM, Windows' device discovery and delivery optimisation.
const SYSTEM_PORTS = new Set([3389, 5353, 5355, 5357, 5900, 5985, 5986, 7680])
const SYSTEM_PROGRAMS =
  /^(systemd|sshd|cupsd|dnsmasq|chronyd|rpcbind|avahi-daemon|launchd|rapportd|sharingd|ControlCe|AirPlay|remoted|System$|svchost|lsass|wininit|services\.exe|spoolsv|vmms|vmcompute)/i

/** In the folder; or, where the OS tells no working folder, with the folder in its command line. */
function runsIn(process: ListeningProcess, folder: string): boolean {
  const root = comparable(folder)
  if (root === '') return false
  if (process.folder !== undefined) return `${comparable(process.folder)}/`.startsWith(`${root}/`)
  return comparable(process.command ?? '').includes(`${root}/`)
}

/** Windows paths differ in case and in slashes and are the same. */
function comparable(path: string): string {
  const isWindows = /^"?[a-z]:[\\/]/i.test(path) || path.includes('\\')
  return (isWindows ? path.replaceAll('\\', '/').toLowerCase() : path).replace(/\/$/, '')
}

function compareInTurn(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at])
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}
