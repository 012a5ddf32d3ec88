import { formatHostPort } from '../../base/address'
import { formatBind } from '../profile'
import type { Answer, PortEvidence, RouteEvidence, ServerEvidence, Shown } from './evidence'

/** What is worth knowing of the evidence, one line each. */
export function describeEvidence(evidence: ServerEvidence): readonly string[] {
  const { gateway, gatewayPorts, forwards, shell, sftp, routes, front, domain, socketDirectories } = evidence
  if (gateway !== undefined) {
    const { base, directory, leadsHere } = gateway
    return [
      `a prepared gateway: names below ${base}, sockets in ${directory}`,
      dns(`names below ${base}`, leadsHere),
    ]
  }
  return [
    `forwards: TCP ${forwards.tcp}, unix sockets ${forwards.sockets}; GatewayPorts ${gatewayPorts ?? 'unknown'}`,
    `commands: ${shell === undefined ? 'no' : 'yes'}, SFTP: ${sftp ? 'yes' : 'no'}, sshd's settings: ${shell?.sshd === undefined ? 'unknown' : 'read'}`,
    `in front: ${front.kind}; the port of HTTPS is held: ${front.holdsHttps}`,
    ...(shell?.proxies ?? []).map(
      ({ kind, isRunning, configFile }) =>
        `${kind}: ${isRunning ? 'runs' : 'is not seen to run'}, ${configFile ?? 'its configuration was not read'}`,
    ),
    ...routes.map(describeRoute),
    ...(domain === undefined
      ? ['no domain is known']
      : [
          dns(domain.name, domain.leadsHere),
          dns(`names below ${domain.name}`, domain.belowLeadsHere),
          `HTTPS for ${domain.name}: ${describeShown(domain.shown)}`,
          `HTTPS for names below ${domain.name}: ${describeShown(domain.belowShown)}`,
        ]),
    ...socketDirectories.map(
      ({ path, isThere, isWritable }) =>
        `${path}: ${isWritable ? 'sockets can be made there' : isThere ? 'is there, but not for us' : 'is not there'}`,
    ),
    ...[evidence.httpsPort, evidence.rawPort].flatMap(describePort),
  ]
}

function describeRoute(route: RouteEvidence): string {
  const { proxy, publicHost, httpsPort, bind, leadsHere, shown, isBusy } = route
  const way = `${proxy} leads ${formatHostPort(publicHost, httpsPort)} to ${formatBind(bind)}`
  return `${way}${isBusy ? ', where somebody listens' : ''}; ${dns('its name', leadsHere)}; ${describeShown(shown)}`
}

function dns(name: string, leadsHere: Answer): string {
  return `${name} ${{ yes: 'leads here', no: 'does not lead here', unknown: 'may lead here' }[leadsHere]}`
}

/** What HTTPS showed, in a few words. */
export function describeShown(shown: Shown): string {
  switch (shown.kind) {
    case 'unknown':
      return 'could not be looked at'
    case 'nobody':
      return 'nobody answers'
    case 'no certificate':
      return `no certificate (${shown.said})`
    case 'certificate': {
      const { distrust, coversName, validTo, status, server } = shown
      const trust =
        distrust === undefined ? 'a trusted certificate' : `a certificate that is not trusted (${distrust})`
      const cover = coversName ? '' : ' for other names'
      const answer =
        status === undefined ? '' : `, HTTP ${status}${server === undefined ? '' : ` by ${server}`}`
      return `${trust}${cover} until ${new Date(validTo).toISOString().slice(0, 10)}${answer}`
    }
  }
}

function describePort({ port, canBind, isReached }: PortEvidence): string[] {
  if (canBind === 'unknown') return []
  const reached = { yes: 'and is reached from here', no: 'but is not reached from here', unknown: '' }[
    isReached
  ]
  return [
    `port ${port} ${canBind === 'yes' ? `can be listened on ${reached}`.trimEnd() : 'cannot be listened on'}`,
  ]
}
