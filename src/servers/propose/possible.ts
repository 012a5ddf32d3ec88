import { urlOf } from '../lines/publicHost'
import type { DomainEvidence, ServerEvidence, Shown } from '../look/evidence'
import { defaultSocketDirectory } from '../look/evidence'
import type { Bind } from '../profile'
import { nameOf, one, proxyOf } from './existing'
import { example, proposal, type Proposal, type Step } from './proposal'
import { installSteps, proxySteps } from './proxySteps'
import { sshdSteps } from './sshdSteps'
import { directoryStep, dnsStep } from './steps'

/** Where no domain is known. */
const someDomain = 'dev.example.com'

/** Names through sockets, by lines for a proxy that is there, or for Caddy. */
export function namedWay(evidence: ServerEvidence): Proposal {
  const { domain, front, httpsPort, socketDirectories } = evidence
  const base = domain?.name ?? someDomain
  const proxy = front.kind === 'nginx' ? 'nginx' : 'caddy'
  const directory = socketDirectories.at(-1)?.path ?? defaultSocketDirectory
  const bind: Bind = { kind: 'unix', path: `${directory}/{name}.sock` }
  const publicUrl = urlOf('https', `{name}.${base}`, httpsPort.port)
  const isServed = answersBelow(domain) && isUsable(evidence)
  return proposal(
    evidence,
    { bind, publicUrl, tls: 'server' },
    {
      way: 'named URLs',
      title: `Each port gets its own name below ${base}`,
      visitors: `Visitors call URLs such as ${example(base)}; ${nameOf(proxy)} on the server passes them on through sockets in ${directory}.`,
      missing: isServed ? [] : missingForNames(evidence, { bind, publicUrl, base, proxy }),
    },
  )
}

/** A proxy that cannot be looked into answers for names, though nobody is behind it: as for a tunnel that is closed. */
function answersBelow(domain: DomainEvidence | undefined): boolean {
  const shown = domain?.belowShown
  if (shown?.kind !== 'certificate' || !isGood(shown) || domain?.belowLeadsHere === 'no') return false
  return shown.status !== undefined && [502, 503, 504].includes(shown.status)
}

/** Without a shell all that tells is a socket that was made. */
function isUsable({ shell, sftp, socketDirectories }: ServerEvidence): boolean {
  return shell === undefined && sftp && socketDirectories.some(({ isWritable }) => isWritable)
}

function missingForNames(
  evidence: ServerEvidence,
  {
    bind,
    publicUrl,
    base,
    proxy,
  }: { bind: Bind & { kind: 'unix' }; publicUrl: string; base: string; proxy: 'nginx' | 'caddy' },
): Step[] {
  const { domain } = evidence
  const isLed = domain !== undefined && domain.belowLeadsHere !== 'no'
  return [
    ...(isLed ? [] : [dnsStep(`*.${base}`, evidence)]),
    ...sshdSteps(evidence, { bind, forProxy: true }),
    ...installSteps(evidence, proxy),
    ...one(directoryStep(evidence, bind.path, proxyOf(evidence, proxy) ?? unseen(proxy))),
    ...makeRoom(evidence),
    ...proxySteps(evidence, proxy, { bind, publicUrl }, domain?.belowShown ?? { kind: 'unknown' }),
  ]
}

/** As Debian's package has it. */
function unseen(kind: 'nginx' | 'caddy'): Parameters<typeof directoryStep>[2] {
  const user = kind === 'nginx' ? 'www-data' : 'caddy'
  return {
    ...{ kind, user, userGroups: [user], isRunning: false, configFile: undefined },
    ...{ hasGlobalOptions: false, ports: [], tlsListens: [], certificates: [] },
  }
}

/** Another program holds the port of HTTPS. */
function makeRoom({ front, httpsPort }: ServerEvidence): Step[] {
  if (front.holdsHttps !== 'yes' || front.kind === 'nginx' || front.kind === 'caddy') return []
  const { port } = httpsPort
  return [
    {
      what: `Another program${front.kind === 'apache' ? ', Apache,' : ''} holds port ${port}; this says which. Move it to another port, or put lines like these into it.`,
      where: 'shell',
      lines: [`sudo ss -ltnp 'sport = :${port}'`],
    },
  ]
}

/** One more port of a name that the proxy has a certificate for: only the proxy needs lines. */
export function oneUrlWay(evidence: ServerEvidence): Proposal[] {
  const { domain, front } = evidence
  const proxy = front.kind
  if (domain === undefined || (proxy !== 'nginx' && proxy !== 'caddy') || !isGood(domain.shown)) return []
  const bind: Bind = { kind: 'tcp', host: '127.0.0.1', ...onePort(freeFrom(evidence, 8080)) }
  const port = freeFrom(evidence, 8888)
  const publicUrl = urlOf('https', domain.name, port)
  return [
    proposal(
      evidence,
      { bind, publicUrl, tls: 'server' },
      {
        way: 'one URL',
        title: `One port at a time: ${publicUrl}`,
        visitors: `Visitors call ${publicUrl}; ${nameOf(proxy)} on the server passes them on to port ${bind.firstPort}. The firewall must let port ${port} through.`,
        missing: [
          ...(domain.leadsHere === 'no' ? [dnsStep(domain.name, evidence)] : []),
          ...sshdSteps(evidence, { bind }),
          ...proxySteps(evidence, proxy, { bind, publicUrl }, domain.shown),
        ],
      },
    ),
  ]
}

function isGood(shown: Shown): boolean {
  return shown.kind === 'certificate' && shown.coversName && shown.distrust === undefined
}

function onePort(port: number): { firstPort: number; lastPort: number } {
  return { firstPort: port, lastPort: port }
}

/** Neither listened on now nor named by a proxy's configuration. */
function freeFrom({ shell }: ServerEvidence, first: number): number {
  const taken = new Set([
    ...(shell?.listeners ?? []).map(({ port }) => port),
    ...(shell?.proxies ?? []).flatMap(({ ports }) => ports),
  ])
  let port = first
  while (taken.has(port)) port++
  return port
}
