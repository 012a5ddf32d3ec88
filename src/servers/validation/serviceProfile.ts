import * as v from 'valibot'
import { parseDestination } from '../../ssh/destination'
import { serviceNames, type ServiceName, type ServiceProfile } from '../profile'
import { serviceDestination } from '../services/destination'
import { has, hostName, readFields } from './fields'
import { quote, type Problem } from './problem'

/** Reads a server that names a tunnel service; the service knows where to log in unless `ssh` says otherwise. */
export function readService(entry: object): Omit<ServiceProfile, 'id'> | Problem[] {
  const { fields, problems: fieldProblems } = readFields(entry)
  const { ssh, identityFile } = fields
  const problems = [...decidedByService(entry), ...fieldProblems.filter(({ field }) => !isDecided(field))]
  const chosen = readServiceName((entry as { service: unknown }).service)
  if (typeof chosen === 'string') problems.push({ field: 'service', message: chosen })
  if (ssh !== undefined && parseDestination(ssh) === undefined) problems.push(notADestination(ssh))
  if (problems.length > 0 || typeof chosen === 'string') return problems
  const { service, sishHost } = chosen
  const identity = identityFile === undefined ? {} : { identityFile }
  const reached = serviceDestination(service, {
    ...(sishHost === undefined ? {} : { sishHost }),
    ...(ssh === undefined ? {} : { ssh }),
    ...identity,
  })
  if (reached === undefined) return [{ field: 'service', message: `must be ${alternatives}` }]
  const { domain = reached.domain } = fields
  return {
    kind: 'service',
    service,
    ssh: reached.ssh,
    destination: reached.destination,
    ...identity,
    ...(domain === undefined ? {} : { domain }),
  }
}

export function notADestination(ssh: string): Problem {
  const message = `${quote(ssh)} is not a destination; write user@host, user@host:port or a Host of ssh_config`
  return { field: 'ssh', message }
}

interface Chosen {
  readonly service: ServiceName
  readonly sishHost?: string
}

function readServiceName(value: unknown): Chosen | string {
  const name = v.safeParse(v.picklist(serviceNames), value)
  if (name.success && name.output !== 'sish') return { service: name.output }
  const sish = v.safeParse(v.strictObject({ sish: v.string() }), value)
  if (!sish.success) return `must be ${alternatives}`
  const host = parseDestination(sish.output.sish)?.host.toLowerCase()
  if (host !== undefined && hostName.test(host)) return { service: 'sish', sishHost: sish.output.sish }
  return `${quote(sish.output.sish)} is not a host; write { "sish": "my.sish.host" }`
}

const alternatives = `${serviceNames
  .filter((name) => name !== 'sish')
  .map((name) => `"${name}"`)
  .join(', ')} or { "sish": "my.sish.host" }`

const decided = ['bind', 'publicUrl', 'tls', 'certificate', 'proxyProtocol'] as const

function isDecided(field: string | undefined): boolean {
  return decided.some((each) => each === field)
}

function decidedByService(entry: object): Problem[] {
  return decided
    .filter((field) => has(entry, field))
    .map((field) => ({ field, message: 'is decided by the "service"; remove one of the two' }))
}
