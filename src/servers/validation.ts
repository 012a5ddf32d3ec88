import { parseDestination } from '../ssh/destination'
import type { ServerProfile } from './profile'
import { has, missing, readFields, type Field, type Fields } from './validation/fields'
import { notesOn, readOwn } from './validation/ownProfile'
import type { Problem } from './validation/problem'
import { notADestination, readService } from './validation/serviceProfile'

/** Something wrong in `exposePort.servers`, said where it stands, with what to write instead. */
export interface SettingsProblem {
  readonly server: string
  readonly field?: string
  readonly message: string
}

export interface Servers {
  readonly profiles: readonly ServerProfile[]
  readonly problems: readonly SettingsProblem[]
  /** Of servers that work: what may surprise. For the log. */
  readonly notes: readonly SettingsProblem[]
}

/** Reads the setting `exposePort.servers`. A server with a problem is left out; the others keep working. */
export function readServers(value: unknown): Servers {
  if (value === undefined || value === null) return { profiles: [], problems: [], notes: [] }
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = 'must be an object: { "my-server": { "ssh": "user@host", … } }'
    return { profiles: [], problems: [{ server: '', message }], notes: [] }
  }
  const profiles: ServerProfile[] = []
  const problems: SettingsProblem[] = []
  const notes: SettingsProblem[] = []
  for (const [id, entry] of Object.entries(value)) {
    const result = readServer(id, entry)
    if (Array.isArray(result)) {
      problems.push(...result.map((problem) => ({ server: id, ...problem })))
    } else {
      profiles.push(result)
      if (result.kind === 'own') notes.push(...notesOn(result).map((note) => ({ server: id, ...note })))
    }
  }
  return { profiles, problems, notes }
}

export function formatProblem(problem: SettingsProblem): string {
  const place = problem.server === '' ? '' : ` › "${problem.server}"`
  const field = problem.field === undefined ? '' : ` › "${problem.field}"`
  return `exposePort.servers${place}${field}: ${problem.message}`
}

function readServer(id: string, entry: unknown): ServerProfile | Problem[] {
  if (id === '') return [{ message: 'a server needs a name; write "my-server": { "ssh": "user@host", … }' }]
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return [{ message: 'must be an object: { "ssh": "user@host", "bind": …, "publicUrl": … }' }]
  }
  if (has(entry, 'service')) {
    const service = readService(entry)
    return Array.isArray(service) ? service : { id, ...service }
  }
  return readServerOfOnesOwn(id, entry)
}

/** With `bind` and `publicUrl` the profile says everything; without both, the server does: it is a gateway. */
function readServerOfOnesOwn(id: string, entry: object): ServerProfile | Problem[] {
  const { fields, problems } = readFields(entry)
  const { ssh, identityFile, bind, publicUrl } = fields
  const destination = ssh === undefined ? undefined : parseDestination(ssh)
  if (!has(entry, 'ssh')) problems.push(missing('ssh'))
  if (ssh !== undefined && destination === undefined) problems.push(notADestination(ssh))
  if (has(entry, 'domain'))
    problems.push({ field: 'domain', message: 'works with a "service" only; remove it' })
  const isGateway = !has(entry, 'bind') && !has(entry, 'publicUrl')
  if (isGateway) problems.push(...notOfAGateway(fields))
  else problems.push(...(['bind', 'publicUrl'] as const).filter((field) => !has(entry, field)).map(missing))
  const own = bind !== undefined && publicUrl !== undefined ? readOwn({ ...fields, bind, publicUrl }) : []
  if (Array.isArray(own)) problems.push(...own)
  if (problems.length > 0 || ssh === undefined || destination === undefined) return problems
  const reached = { id, ssh, destination, ...(identityFile === undefined ? {} : { identityFile }) }
  if (isGateway) return { kind: 'gateway', ...reached }
  return Array.isArray(own) ? problems : { kind: 'own', ...reached, ...own }
}

function notOfAGateway(fields: Fields): Problem[] {
  const needed: Field[] = ['tls', 'certificate', 'proxyProtocol']
  return needed
    .filter((field) => has(fields, field))
    .map((field) => ({
      field,
      message:
        'needs "bind" and "publicUrl" beside it; remove it if the server is a gateway, which says all this itself',
    }))
}
