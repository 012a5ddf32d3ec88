import { Failure } from '../base/failure'
import type { GatewayProfile, OwnProfile } from './profile'

/** What a prepared server says of itself in its SSH banner. */
export interface GatewayBanner {
  /** Names directly below this domain lead to it. */
  readonly base: string
  /** Where it looks for the sockets of those names. */
  readonly directory: string
}

/**
 * Reads the line `expose-gateway v=1 base=dev.example.com dir=/run/expose`; other lines may stand around it. Undefined
 * when there is none, when it says anything else or in another way, and when there are two that differ.
 */
export function readGatewayBanner(banner: string): GatewayBanner | undefined {
  const lines = new Set(gatewayLines(banner))
  const [line] = lines
  if (line === undefined || lines.size > 1) return undefined
  const [, base = '', directory = ''] = /^expose-gateway v=1 base=(\S+) dir=(\S+)$/.exec(line) ?? []
  return isBaseDomain(base) && isCleanDirectory(directory) ? { base, directory } : undefined
}

/**
 * The profile that a prepared server's banner describes.
 * @throws Failure when this is not one.
 */
export function gatewayProfile(profile: GatewayProfile, banner: string): OwnProfile {
  const gateway = readGatewayBanner(banner)
  if (gateway === undefined) throw notReadable(profile, banner)
  return {
    ...profile,
    kind: 'own',
    bind: { kind: 'unix', path: `${gateway.directory}/{name}.sock` },
    publicUrl: `https://{name}.${gateway.base}`,
    tls: 'server',
    proxyProtocol: false,
  }
}

function gatewayLines(banner: string): string[] {
  return banner
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => /^expose-gateway\b/.test(line))
}

/** Lower case, at least two labels, and short enough for a name of 63 characters below it (RFC 1035 2.3.4). */
export function isBaseDomain(text: string): boolean {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
  return text.length <= 189 && new RegExp(`^(?:${label}\\.)+(?![0-9])${label}$`).test(text)
}

function isCleanDirectory(text: string): boolean {
  return /^(\/[\w.-]+)+$/.test(text) && !/\/\.{1,2}(\/|$)/.test(text)
}

function notReadable({ id, ssh }: GatewayProfile, banner: string): Failure {
  const [line] = gatewayLines(banner)
  if (line !== undefined) {
    return new Failure({
      kind: 'gateway-unreadable',
      hop: 'settings',
      message: `${ssh} says that it is a gateway, but not in a way that this version of Expose Port understands.`,
      said: line.slice(0, 500),
      advice: `Update Expose Port, or prepare the server anew with the command "Prepare a Server…".`,
      remedies: [{ do: 'retry' }],
      canHeal: false,
    })
  }
  return new Failure({
    kind: 'not-a-gateway',
    hop: 'settings',
    message: `${ssh} does not say where its tunnels become public: it is no prepared gateway.`,
    advice: `Give server "${id}" a "bind" and a "publicUrl", or prepare it with the command "Prepare a Server…".`,
    remedies: [{ do: 'open settings' }, { do: 'retry' }],
    canHeal: false,
  })
}
