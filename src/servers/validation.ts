import * as v from 'valibot'
import { formatHostPort, type Address } from '../base/address'
import { parseDestination, parseHostPort, type Destination } from '../ssh/destination'
import type { ServerProfile } from './profile'

/** Something wrong in `exposePort.servers`, said where it stands, with what to write instead. */
export interface SettingsProblem {
  readonly server: string
  readonly field?: string
  readonly message: string
}

export interface Servers {
  readonly profiles: readonly ServerProfile[]
  readonly problems: readonly SettingsProblem[]
}

/** Reads the setting `exposePort.servers`. A server with a problem is left out; the others keep working. */
export function readServers(value: unknown): Servers {
  if (value === undefined || value === null) return { profiles: [], problems: [] }
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = 'must be an object: { "my-server": { "ssh": "user@host", … } }'
    return { profiles: [], problems: [{ server: '', message }] }
  }
  const profiles: ServerProfile[] = []
  const problems: SettingsProblem[] = []
  for (const [id, entry] of Object.entries(value)) {
    const result = readServer(id, entry)
    if (Array.isArray(result)) problems.push(...result.map((problem) => ({ server: id, ...problem })))
    else profiles.push(result)
  }
  return { profiles, problems }
}

export function formatProblem(problem: SettingsProblem): string {
  const place = problem.server === '' ? '' : ` › "${problem.server}"`
  const field = problem.field === undefined ? '' : ` › "${problem.field}"`
  return `exposePort.servers${place}${field}: ${problem.message}`
}

type Problem = Omit<SettingsProblem, 'server'>

const example = {
  ssh: '"deploy@dev.example.com"',
  bind: '"127.0.0.1:8080" or "/run/expose/{name}.sock"',
  publicUrl: '"https://dev.example.com" or "https://{name}.dev.example.com"',
  tls: '"server"',
  identityFile: '"~/.ssh/id_ed25519"',
}
const fields = Object.keys(example)
const laterFields = ['service', 'certificate', 'proxyProtocol']

const notAnObject = 'must be an object: { "ssh": "user@host", "bind": …, "publicUrl": … }'

const text = (field: keyof typeof example) => {
  const message = `must be a text such as ${example[field]}`
  return v.pipe(v.string(message), v.nonEmpty(message))
}

const shape = v.object(
  {
    ssh: text('ssh'),
    bind: text('bind'),
    publicUrl: text('publicUrl'),
    tls: v.optional(v.picklist(['server', 'here', 'app', 'none'], 'must be "server"'), 'server'),
    identityFile: v.optional(text('identityFile')),
  },
  notAnObject,
)

function readServer(id: string, entry: unknown): ServerProfile | Problem[] {
  if (Array.isArray(entry)) return [{ message: notAnObject }]
  const unknown = unknownFields(entry)
  if (unknown.some((problem) => problem.field === 'service')) return unknown
  const parsed = v.safeParse(shape, entry)
  if (!parsed.success) {
    return [
      ...unknown,
      ...parsed.issues.map((issue) => {
        const field = v.getDotPath(issue)
        const missing = issue.input === undefined && field !== null && field in example
        const message = missing
          ? `is missing; write ${example[field as keyof typeof example]}`
          : issue.message
        return field === null ? { message } : { field, message }
      }),
    ]
  }
  const { ssh, bind, publicUrl, tls, identityFile } = parsed.output
  const destination = readDestination(ssh)
  const address = readBind(bind)
  const problems = [
    ...unknown,
    ...problemIn('ssh', destination),
    ...problemIn('bind', address),
    ...problemIn('publicUrl', readPublicUrl(publicUrl, bind)),
    ...(tls === 'server' ? [] : [{ field: 'tls', message: `"${tls}" is not supported yet; write "server"` }]),
  ]
  if (problems.length > 0 || typeof destination === 'string' || typeof address === 'string') return problems
  return {
    id,
    ssh,
    destination,
    bind: address,
    publicUrl,
    tls: 'server',
    ...(identityFile === undefined ? {} : { identityFile }),
  }
}

function unknownFields(entry: unknown): Problem[] {
  if (typeof entry !== 'object' || entry === null) return []
  return Object.keys(entry)
    .filter((field) => !fields.includes(field))
    .map((field) => ({
      field,
      message: laterFields.includes(field)
        ? 'is not supported yet'
        : `is not a field; the fields are ${fields.join(', ')}`,
    }))
}

/** What a reader answers: the value, or what is wrong with the text. */
function problemIn(field: string, result: unknown): Problem[] {
  return typeof result === 'string' ? [{ field, message: result }] : []
}

function readDestination(ssh: string): Destination | string {
  return (
    parseDestination(ssh) ??
    `${quote(ssh)} is not a destination; write user@host, user@host:port or a Host of ssh_config`
  )
}

function readBind(bind: string): Address | string {
  const placeholder = unknownPlaceholder(bind.replace(/\{\d+-\d+\}$/, ''))
  if (placeholder !== undefined) return placeholder
  if (bind.startsWith('/')) {
    return bind.endsWith('/')
      ? `names a directory; write ${shorten(bind)}{name}.sock`
      : { kind: 'unix', path: bind }
  }
  if (/\{\d+-\d+\}$/.test(bind))
    return 'port ranges are not supported yet; write one port, such as 127.0.0.1:8080'
  if (/^\d+$/.test(bind)) return `needs an address too; write "127.0.0.1:${bind}"`
  const hostPort = bind.includes('{') ? undefined : parseHostPort(bind)
  if (hostPort?.port === undefined || /[\s@]/.test(hostPort.host)) {
    return `${quote(bind)} is not an address; write ${example.bind}`
  }
  if (isEveryAddress(hostPort.host)) {
    return `would be public without HTTPS beside the reverse proxy; write "127.0.0.1:${hostPort.port}"`
  }
  return { kind: 'tcp', host: hostPort.host, port: hostPort.port }
}

/** `*`, or one of the many ways to write 0.0.0.0 and ::, which URL brings into their plain form. */
function isEveryAddress(host: string): boolean {
  const url = `http://${formatHostPort(host, 80)}`
  return host === '*' || (URL.canParse(url) && ['0.0.0.0', '[::]'].includes(new URL(url).hostname))
}

/** Undefined when it is right. */
function readPublicUrl(publicUrl: string, bind: string): string | undefined {
  const placeholder = unknownPlaceholder(publicUrl)
  if (placeholder !== undefined) return placeholder
  const sample = publicUrl.replaceAll('{name}', 'name')
  const url = URL.canParse(sample) ? new URL(sample) : undefined
  if (url === undefined || !/^https?:\/\/[^\s/]\S*$/i.test(publicUrl))
    return `${quote(publicUrl)} is not a URL; write ${example.publicUrl}`
  if (url.protocol === 'http:') return `must begin with https://, because "tls" is "server"`
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    return 'may hold no user, query or fragment'
  const inHost = /^https:\/\/[^/]*\{name\}/i.test(publicUrl)
  if (publicUrl.includes('{name}') && !inHost)
    return '{name} must stand in the host name, before the first slash'
  if (inHost && !bind.includes('{name}')) {
    return '{name} needs a "bind" with {name}, such as "/run/expose/{name}.sock"; otherwise all names reach one port'
  }
  if (bind.includes('{name}') && !inHost) {
    return 'must hold {name}, because "bind" does: "https://{name}.dev.example.com"'
  }
  return undefined
}

function unknownPlaceholder(text: string): string | undefined {
  const found = [...text.matchAll(/\{[^}]*\}?/g)].map((match) => match[0]).find((item) => item !== '{name}')
  return found === undefined ? undefined : `${shorten(found)} cannot be filled in here; use {name}`
}

function quote(text: string): string {
  return `"${shorten(text)}"`
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
