import { parseHostPort } from '../../ssh/destination'
import type { Bind } from '../profile'
import type { ProxyReading, ProxyRoute } from './evidence'
import { digitRange, isDomain, readHostPattern } from './names'
import { isLoopbackName, isPlainPath, type HostAndBind } from './targets'

/**
 * Where Caddy leads the visitors of each HTTPS site whose whole site goes to an address on this server, from its
 * configuration in JSON, as `caddy adapt` prints it.
 */
export function readCaddyRoutes(json: string): ProxyReading {
  const apps = at(parse(json), 'apps')
  const http = at(apps, 'http')
  const onDemand = onDemandSubjects(apps)
  const httpPort = numberAt(http, 'http_port') ?? 80
  const servers = Object.values(asObject(at(http, 'servers')))
  return {
    routes: servers.flatMap((server) => routesOf(server, httpPort, onDemand)),
    ports: [...new Set(servers.flatMap(portsOf))],
    user: undefined,
    tlsListens: [],
    certificates: [],
  }
}

type Json = unknown

function routesOf(server: Json, httpPort: number, onDemand: (host: string) => boolean): ProxyRoute[] {
  const httpsPort = portsOf(server).find((port) => port !== httpPort)
  const automatic = at(server, 'automatic_https')
  const hasTls = at(automatic, 'disable') !== true || list(at(server, 'tls_connection_policies')).length > 0
  if (httpsPort === undefined || !hasTls) return []
  const skipped = list(at(automatic, 'skip')).map(String)
  return walk(list(at(server, 'routes')), { hosts: [], patterns: new Map() })
    .filter(({ host }) => !skipped.includes(host))
    .flatMap(({ host, patterns, dial }) => {
      const found = publicHostAndBind(host, patterns, dial)
      if (found === undefined) return []
      return [{ ...common, ...found, httpsPort, issuesOnDemand: onDemand(host) }]
    })
}

const common = { proxy: 'caddy', tls: 'server', proxyProtocol: false, passesEverything: true } as const

interface Context {
  readonly hosts: readonly string[]
  /** Regular expressions for the Host header, by the name they were given. */
  readonly patterns: ReadonlyMap<string, string>
}

interface Found {
  readonly host: string
  readonly patterns: ReadonlyMap<string, string>
  readonly dial: string
}

/** Every reverse_proxy with one upstream, with what has been asked of the host name on the way to it. */
function walk(routes: readonly Json[], context: Context): Found[] {
  return routes.flatMap((route) => {
    const within = narrow(list(at(route, 'match')), context)
    if (within === undefined) return []
    return list(at(route, 'handle')).flatMap((handler): Found[] => {
      if (at(handler, 'handler') === 'subroute') return walk(list(at(handler, 'routes')), within)
      const upstreams = list(at(handler, 'upstreams'))
      const dial = at(upstreams[0], 'dial')
      if (at(handler, 'handler') !== 'reverse_proxy' || upstreams.length !== 1 || typeof dial !== 'string')
        return []
      return within.hosts.map((host) => ({ host, patterns: within.patterns, dial }))
    })
  })
}

/** Undefined where only a part of the site is meant. */
function narrow(match: readonly Json[], context: Context): Context | undefined {
  if (match.length === 0) return context
  const [only] = match
  const keys = Object.keys(asObject(only))
  if (match.length > 1 || keys.some((key) => key !== 'host' && key !== 'header_regexp')) return undefined
  const patterns = new Map(context.patterns)
  for (const [header, regexp] of Object.entries(asObject(at(only, 'header_regexp')))) {
    const [name, pattern] = [at(regexp, 'name'), at(regexp, 'pattern')]
    if (header.toLowerCase() === 'host') patterns.set(typeof name === 'string' ? name : '', String(pattern))
  }
  const hosts = list(at(only, 'host')).map(String)
  return { hosts: hosts.length === 0 ? context.hosts : hosts, patterns }
}

function publicHostAndBind(
  host: string,
  patterns: ReadonlyMap<string, string>,
  dial: string,
): HostAndBind | undefined {
  const base = host.replace(/^\*\./, '')
  const isWildcard = base !== host
  if (!isDomain(base)) return undefined
  const path = /^unix\/(\/.*)$/.exec(dial)?.[1]
  if (path !== undefined) {
    // {labels.N}: the dots split the name, and the rightmost label is 0.
    const label = `{http.request.host.labels.${base.split('.').length}}`
    const filled = isWildcard ? path.replace(label, '{name}') : path
    if (!isPlainPath(filled)) return undefined
    const publicHost = !isWildcard ? base : filled === path ? `app.${base}` : `{name}.${base}`
    return { publicHost, bind: { kind: 'unix', path: filled } }
  }
  return tcpTarget(base, isWildcard, patterns, dial)
}

function tcpTarget(
  base: string,
  isWildcard: boolean,
  patterns: ReadonlyMap<string, string>,
  dial: string,
): HostAndBind | undefined {
  const varied = /^([^{}]*):\{http\.regexp\.(?:(.*)\.)?\w+\}$/.exec(dial)
  if (varied !== null) {
    const pattern = readHostPattern(patterns.get(varied[2] ?? '') ?? '')
    const range = pattern && digitRange(pattern.part)
    if (!isWildcard || !pattern || !range || !isLoopbackName(varied[1] ?? '')) return undefined
    return { publicHost: `${pattern.before}{port}.${base}`, bind: tcp(range.first, range.last) }
  }
  const found = parseHostPort(dial.startsWith(':') ? `localhost${dial}` : dial)
  if (found?.port === undefined || !isLoopbackName(found.host) || patterns.size > 0) return undefined
  return { publicHost: isWildcard ? `app.${base}` : base, bind: tcp(found.port, found.port) }
}

function tcp(firstPort: number, lastPort: number): Bind {
  return { kind: 'tcp', host: '127.0.0.1', firstPort, lastPort }
}

/** Those whose certificate is issued at the first call; a policy without subjects is for all. */
function onDemandSubjects(apps: Json): (host: string) => boolean {
  const policies = list(at(at(at(apps, 'tls'), 'automation'), 'policies'))
  return (host) => {
    const subjects = (policy: Json) => list(at(policy, 'subjects'))
    const policy =
      policies.find((each) => subjects(each).includes(host)) ??
      policies.find((each) => subjects(each).length === 0)
    return at(policy, 'on_demand') === true
  }
}

function portsOf(server: Json): number[] {
  return list(at(server, 'listen')).flatMap((address) => {
    const port = /:(\d+)$/.exec(String(address))?.[1]
    return port === undefined ? [] : [Number(port)]
  })
}

function parse(json: string): Json {
  try {
    return JSON.parse(json) as Json
  } catch {
    return undefined
  }
}

function asObject(value: Json): Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, Json>)
    : {}
}

function at(value: Json, key: string): Json {
  const object = asObject(value)
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function list(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}

function numberAt(value: Json, key: string): number | undefined {
  const found = at(value, key)
  return typeof found === 'number' ? found : undefined
}
