import { formatHostPort } from '../../base/address'
import { reloadSshd } from '../lines/shellLines'
import { socketSettings, sshdMatch } from '../lines/sshdLines'
import type { ServerEvidence } from '../look/evidence'
import type { Bind } from '../profile'
import type { Step } from './proposal'

/** What sshd has to permit for a bind. */
export interface SshdNeeds {
  readonly bind: Bind
  /** Visitors come to the forward themselves, not through a proxy. */
  readonly isPublic?: boolean
  /** Another user, the proxy's, opens the sockets. */
  readonly forProxy?: boolean
}

/** What keeps sshd from listening there for visitors, with the lines that change it; none where nothing does. */
export function sshdSteps(evidence: ServerEvidence, needs: SshdNeeds): Step[] {
  const settings = [
    ...permissions(evidence, needs.bind),
    ...publicSettings(evidence, needs),
    ...forSockets(evidence, needs),
  ]
  const steps = isLimitedByKey(evidence, needs.bind) ? [keyStep(needs.bind)] : []
  if (settings.length === 0) return steps
  const { user } = evidence
  return [
    {
      what: `Let sshd do this for ${user}: at the end of /etc/ssh/sshd_config. An earlier "Match" that says otherwise for ${user} wins; change it there.`,
      where: 'sshd_config',
      lines: sshdMatch(user, settings),
    },
    {
      what: 'Check it, and let sshd read it. Connections that stand stay.',
      where: 'shell',
      lines: reloadSshd,
    },
    ...steps,
  ]
}

/** Whether sockets come out so that the proxy's group may open them, and old files do not stand in the way. */
export function hasSocketSettings({ shell }: ServerEvidence): boolean {
  const mask = shell?.sshd?.get('streamlocalbindmask') ?? '0177'
  return shell?.sshd?.get('streamlocalbindunlink') === 'yes' && (parseInt(mask, 8) & 0o060) === 0
}

function isRefused({ forwards }: ServerEvidence, bind: Bind): boolean {
  return bind.kind === 'unix'
    ? forwards.sockets === 'no'
    : forwards.tcp === 'no' || forwards.tcp === 'limited'
}

/** sshd's own settings that forbid it; all that could where they cannot be read. */
function permissions(evidence: ServerEvidence, bind: Bind): string[] {
  if (!isRefused(evidence, bind)) return []
  const sshd = evidence.shell?.sshd
  const is = (keyword: string, ...values: string[]) =>
    sshd === undefined || values.includes(sshd.get(keyword) ?? '')
  // What may go out stays as it is; where that is not known, only what is needed here is permitted.
  const remote = (keyword: string) => (sshd?.get(keyword) === 'local' ? 'yes' : 'remote')
  const permits = sshd?.get('permitlisten') ?? 'none'
  return [
    ...(is('disableforwarding', 'yes') ? ['DisableForwarding no'] : []),
    ...(is('allowtcpforwarding', 'no', 'local')
      ? [`AllowTcpForwarding ${remote('allowtcpforwarding')}`]
      : []),
    ...(bind.kind === 'unix' && is('allowstreamlocalforwarding', 'no', 'local')
      ? [`AllowStreamLocalForwarding ${remote('allowstreamlocalforwarding')}`]
      : []),
    ...(bind.kind === 'tcp' && permits !== 'any' ? [`PermitListen ${permitted(permits, bind)}`] : []),
  ]
}

/** Beside what it permits already. A range has more addresses than lines should have. */
function permitted(before: string, bind: Extract<Bind, { kind: 'tcp' }>): string {
  if (bind.firstPort !== bind.lastPort) return 'any'
  const own = formatHostPort(bind.host, bind.firstPort)
  return before === 'none' ? own : `${before} ${own}`
}

/** sshd says no though its settings say yes: then authorized_keys does. */
function isLimitedByKey(evidence: ServerEvidence, bind: Bind): boolean {
  return (
    isRefused(evidence, bind) &&
    evidence.shell?.sshd !== undefined &&
    permissions(evidence, bind).length === 0
  )
}

function keyStep(bind: Bind): Step {
  return {
    what: 'Your key may not do this: in ~/.ssh/authorized_keys on the server, take "no-port-forwarding" and "permitlisten" out of its line, or write this in front of the key where "restrict" stands.',
    where: 'authorized_keys',
    lines: [
      bind.kind === 'tcp' && bind.firstPort === bind.lastPort
        ? `restrict,port-forwarding,permitlisten="${formatHostPort(bind.host, bind.firstPort)}"`
        : 'restrict,port-forwarding',
    ],
  }
}

function publicSettings({ gatewayPorts }: ServerEvidence, { isPublic = false }: SshdNeeds): string[] {
  const isOpen = gatewayPorts === 'yes' || gatewayPorts === 'clientspecified'
  return isPublic && !isOpen ? ['GatewayPorts clientspecified'] : []
}

function forSockets(evidence: ServerEvidence, { bind, forProxy = false }: SshdNeeds): readonly string[] {
  return forProxy && bind.kind === 'unix' && !hasSocketSettings(evidence) ? socketSettings : []
}
