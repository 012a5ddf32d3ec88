import { formatAddress } from '../../base/address'
import { nginxMap, nginxSettings } from '../lines/nginxLines'
import { urlOf } from '../lines/publicHost'
import { reloadNginx, reloadSshd } from '../lines/shellLines'
import { sshdMatch } from '../lines/sshdLines'
import type { ProxyEvidence, RouteEvidence, ServerEvidence } from '../look/evidence'
import { formatBind } from '../profile'
import { proposal, type Proposal, type Step, type WayKind } from './proposal'
import { hasSocketSettings, sshdSteps } from './sshdSteps'
import { certificateStep, directoryStep, dnsStep } from './steps'

/**
 * The ways that a reverse proxy on the server has already, as they stand. A name that leads elsewhere, and is not the
 * user's domain, is nobody's way.
 */
export function existingWays(evidence: ServerEvidence): Proposal[] {
  const { domain, routes } = evidence
  const isOurs = ({ publicHost }: RouteEvidence) =>
    domain === undefined || `.${publicHost}`.endsWith(`.${domain.name}`)
  return routes
    .filter((route) => route.leadsHere !== 'no' || isOurs(route))
    .map((route) => existingWay(evidence, route))
}

function existingWay(evidence: ServerEvidence, route: RouteEvidence): Proposal {
  const { publicHost, httpsPort, bind, tls, proxyProtocol } = route
  const publicUrl = urlOf('https', publicHost, httpsPort)
  const { way, title } = wordsFor(route, publicUrl)
  return proposal(
    evidence,
    { bind, publicUrl, tls, ...(tls === 'here' ? { certificate: 'acme' as const } : {}), proxyProtocol },
    {
      way,
      title,
      visitors: visitors(route, publicUrl),
      missing: missing(evidence, route),
      better: better(evidence, route),
    },
  )
}

function wordsFor({ publicHost, tls }: RouteEvidence, publicUrl: string): { way: WayKind; title: string } {
  const below = publicHost.replace(/^[^.]*\./, '')
  if (publicHost.includes('{name}')) {
    return tls === 'here'
      ? {
          way: 'named URLs, HTTPS here',
          title: `Each port gets its own name below ${below}, encrypted up to this machine`,
        }
      : { way: 'named URLs', title: `Each port gets its own name below ${below}` }
  }
  if (publicHost.includes('{port}')) {
    return { way: 'numbered URLs', title: `Each port gets a numbered name below ${below}` }
  }
  return { way: 'one URL', title: `One port at a time: ${publicUrl}` }
}

function visitors({ proxy, bind, tls, publicHost }: RouteEvidence, publicUrl: string): string {
  const called = publicUrl
    .replace('{name}', 'my-app-3000')
    .replace('{port}', bind.kind === 'tcp' ? String(bind.firstPort) : '')
  const each = publicHost.includes('{') ? `Visitors call URLs such as ${called}` : `Visitors call ${called}`
  const passes = tls === 'here' ? 'passes them on by name, unread,' : 'passes them on'
  return `${each}; ${nameOf(proxy)} on the server ${passes} to ${formatBind(bind)}, as it is set up already.`
}

function missing(evidence: ServerEvidence, route: RouteEvidence): Step[] {
  const { bind, proxy, publicHost, httpsPort, leadsHere, shown, isBusy, issuesOnDemand, tls } = route
  const running = evidence.shell?.proxies.find(({ configFile }) => configFile === route.configFile)
  const needsSettings = bind.kind === 'unix' && !evidence.sftp && !opensOurSockets(evidence, running)
  const sshd = { bind, forProxy: needsSettings }
  const isPermitted = route.mayListen !== 'no'
  const below = publicHost.replace(/^[^.]*\{(name|port)\}[^.]*/, '*')
  const sample = below.startsWith('*') ? below : publicHost
  const showsNoneYet = issuesOnDemand || tls === 'here'
  return [
    ...(isPermitted && !needsSettings ? [] : sshdSteps(evidence, sshd)),
    ...(bind.kind === 'unix' ? one(directoryStep(evidence, bind.path, running)) : []),
    ...(leadsHere === 'no' ? [dnsStep(sample, evidence)] : []),
    ...(showsNoneYet && shown.kind !== 'nobody'
      ? []
      : one(certificateStep(shown, { name: sample, port: httpsPort }, proxy))),
    ...(isBusy ? [busyStep(route)] : []),
  ]
}

function better(evidence: ServerEvidence, { proxy, passesEverything, bind }: RouteEvidence): Step[] {
  const steps: Step[] = []
  if (proxy === 'nginx' && !passesEverything) {
    steps.push(
      {
        what: 'For WebSocket, live events and large uploads: beside the server block, unless a file has it already.',
        where: 'nginx',
        lines: nginxMap,
      },
      {
        what: 'And beside its proxy_pass, in place of what it says of the same.',
        where: 'nginx',
        lines: nginxSettings,
      },
      { what: 'Check it, and let nginx read it.', where: 'shell', lines: reloadNginx },
    )
  }
  if (bind.kind === 'tcp' && evidence.gatewayPorts === 'yes') {
    steps.push(
      {
        what: 'The port behind the proxy is public too, without HTTPS. This ends that: at the end of /etc/ssh/sshd_config.',
        where: 'sshd_config',
        lines: sshdMatch(evidence.user, ['GatewayPorts clientspecified']),
      },
      { what: 'Check it, and let sshd read it.', where: 'shell', lines: reloadSshd },
    )
  }
  return steps
}

function busyStep({ bind }: RouteEvidence): Step {
  const port = bind.kind === 'tcp' ? bind.firstPort : undefined
  const address = bind.kind === 'tcp' ? formatAddress({ ...bind, port: bind.firstPort }) : bind.path
  return {
    what: `Something listens on ${address} already; this says what. End it, if this URL is to lead to you instead.`,
    where: 'shell',
    lines: [port === undefined ? `sudo ss -lxp src ${address}` : `sudo ss -ltnp 'sport = :${port}'`],
  }
}

/** The one in front, of several of that kind: it names the port of HTTPS, or runs and was read. */
export function proxyOf(
  { shell, httpsPort }: ServerEvidence,
  kind: ProxyEvidence['kind'],
): ProxyEvidence | undefined {
  const all = shell?.proxies.filter((proxy) => proxy.kind === kind)
  const isRead = ({ isRunning, configFile }: ProxyEvidence) => isRunning && configFile !== undefined
  return all?.find(({ ports }) => ports.includes(httpsPort.port)) ?? all?.find(isRead) ?? all?.[0]
}

/** A socket that only its user may open is open to the proxy where that is the same user, or root. */
function opensOurSockets(evidence: ServerEvidence, proxy: ProxyEvidence | undefined): boolean {
  return hasSocketSettings(evidence) || proxy?.user === evidence.user || proxy?.user === 'root'
}

export function nameOf(proxy: 'nginx' | 'caddy'): string {
  return proxy === 'nginx' ? 'nginx' : 'Caddy'
}

export function one<T>(item: T | undefined): T[] {
  return item === undefined ? [] : [item]
}
