import { isIP } from 'node:net'
import { formatHostPort } from '../../base/address'
import { urlOf } from '../lines/publicHost'
import { unprivilegedPortLines } from '../lines/shellLines'
import { rawPorts, type PortEvidence, type ServerEvidence } from '../look/evidence'
import type { Bind } from '../profile'
import { proposal, type Proposal, type Step } from './proposal'
import { sshdSteps } from './sshdSteps'
import { dnsStep, firewallStep } from './steps'

/** The ways without a reverse proxy: sshd itself listens for visitors. */
export function publicPorts(evidence: ServerEvidence): { here: Proposal[]; raw: Proposal[] } {
  const httpsIsFree = evidence.front.holdsHttps !== 'yes'
  return {
    here: httpsIsFree ? [httpsHere(evidence)] : [],
    raw: [rawHttp(evidence), httpsInApp(evidence), rawTcp(evidence)],
  }
}

function httpsHere(evidence: ServerEvidence): Proposal {
  const { domain, httpsPort } = evidence
  const name = domain?.name ?? 'dev.example.com'
  const publicUrl = urlOf('https', name, httpsPort.port)
  const bind = every(httpsPort.port)
  return proposal(
    evidence,
    { bind, publicUrl, tls: 'here', certificate: 'acme' },
    {
      way: 'public port, HTTPS here',
      title: `One URL, encrypted up to this machine: ${publicUrl}`,
      visitors: `Visitors call ${publicUrl}; the server passes them on unread, and this machine gets a certificate for ${name} by itself.`,
      missing: [
        ...(domain === undefined || domain.leadsHere === 'no' ? [dnsStep(name, evidence)] : []),
        ...sshdSteps(evidence, { bind, isPublic: true }),
        ...listenSteps(evidence, httpsPort),
        ...(httpsPort.isReached === 'no' ? [firewallStep(httpsPort.port)] : []),
      ],
    },
  )
}

/** Ports below the first unprivileged one are for root (ip(7)). */
function listenSteps({ shell, gatewayPorts }: ServerEvidence, { port, canBind }: PortEvidence): Step[] {
  if (canBind === 'yes') return []
  const first = shell === undefined ? 1024 : (shell.firstUnprivilegedPort ?? 1024)
  const isPrivileged = shell?.isRoot !== true && port < first
  // Where sshd would not have listened anyway, only the rule is known.
  if (isPrivileged && (canBind === 'no' || gatewayPorts === 'no')) {
    return [
      {
        what: `Let users who are not root listen on ports from ${port} on. This holds for every user of the server.`,
        where: 'shell',
        lines: unprivilegedPortLines(port),
      },
    ]
  }
  if (canBind === 'unknown') return []
  return [
    {
      what: `sshd could not listen on port ${port}. This says what holds it; end that.`,
      where: 'shell',
      lines: [`sudo ss -ltnp 'sport = :${port}'`],
    },
  ]
}

function rawHttp(evidence: ServerEvidence): Proposal {
  const host = publicName(evidence)
  return proposal(
    evidence,
    { bind: every(rawPorts.first, rawPorts.last), publicUrl: `http://${urlHost(host)}:{port}`, tls: 'none' },
    {
      way: 'public ports',
      title: `Each port gets a port of ${host}, without encryption`,
      visitors: `Visitors call URLs such as http://${formatHostPort(host, rawPorts.first)}. Most webhook senders want HTTPS and refuse this.`,
      missing: missingForRaw(evidence),
    },
  )
}

function httpsInApp(evidence: ServerEvidence): Proposal {
  const host = publicName(evidence)
  const port = rawPorts.first
  const bind = every(port)
  return proposal(
    evidence,
    { bind, publicUrl: `https://${formatHostPort(host, port)}`, tls: 'app' },
    {
      way: 'public port, HTTPS in the app',
      title: `An app with HTTPS of its own: https://${formatHostPort(host, port)}`,
      visitors: `The app needs a certificate for ${host} of its own.`,
      missing: missingForRaw(evidence),
    },
  )
}

function rawTcp(evidence: ServerEvidence): Proposal {
  const host = publicName(evidence)
  return proposal(
    evidence,
    { bind: every(rawPorts.first, rawPorts.last), publicUrl: `tcp://${urlHost(host)}:{port}`, tls: 'none' },
    {
      way: 'public ports, plain TCP',
      title: `Each port gets a port of ${host}, plain TCP`,
      visitors: `Visitors connect to ports such as ${formatHostPort(host, rawPorts.first)}.`,
      missing: missingForRaw(evidence),
    },
  )
}

function missingForRaw(evidence: ServerEvidence): Step[] {
  const { first, last } = rawPorts
  const bind = every(first, last)
  return [
    ...sshdSteps(evidence, { bind, isPublic: true }),
    ...(evidence.rawPort.isReached === 'no' ? [firewallStep(first, last)] : []),
  ]
}

/** A name that leads to the server, else its address. */
function publicName({ domain, address, hostName }: ServerEvidence): string {
  if (domain !== undefined && domain.leadsHere !== 'no') return domain.name
  return isIP(hostName) === 0 ? (address ?? hostName) : hostName
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

function every(firstPort: number, lastPort = firstPort): Extract<Bind, { kind: 'tcp' }> {
  return { kind: 'tcp', host: '0.0.0.0', firstPort, lastPort }
}
