/**
 * The URL of a tunnel, in its plain form, if it stands below one of these domains; otherwise undefined. Only https,
 * only the letters of a plain DNS name: no user, path, query or port, no punycode that could look like another name.
 */
export function tunnelUrl(text: string, rules: UrlRules): string | undefined {
  const [, host = '', port] =
    /^https:\/\/([a-z0-9.-]{1,253})(?::(\d{1,5}))?\/?$/.exec(text.toLowerCase()) ?? []
  if (!host.split('.').every(isPlainLabel)) return undefined
  if (port !== undefined && !(rules.mayHavePort && Number(port) >= 1 && Number(port) <= 65535))
    return undefined
  if (!isTunnelHost(host, rules)) return undefined
  const url = port === undefined || port === '443' ? `https://${host}` : `https://${host}:${port}`
  // What is opened must be what was looked at.
  return new URL(url).origin === url ? url : undefined
}

export interface UrlRules {
  /** Of the service: tunnels stand below them. */
  readonly domains: readonly string[]
  /** First labels below them that are no tunnels. */
  readonly notTunnels: readonly string[]
  /** Written by the user: it may be the tunnel itself. */
  readonly ownDomain: string | undefined
  /** A server of the user's own may serve HTTPS at another port. */
  readonly mayHavePort: boolean
}

function isTunnelHost(host: string, { domains, notTunnels, ownDomain }: UrlRules): boolean {
  const own = ownDomain?.toLowerCase()
  if (own !== undefined && (host === own || host.endsWith(`.${own}`))) return true
  const domain = domains.find((candidate) => host.endsWith(`.${candidate}`))
  if (domain === undefined) return false
  const below = host.slice(0, -domain.length - 1).split('.')
  return !notTunnels.includes(below.at(-1) ?? '')
}

function isPlainLabel(label: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label) && !label.startsWith('xn--')
}
