import type { CertificateFiles, ProxyReading, ProxyRoute } from './evidence'
import { readHostPattern } from './names'
import { argsOf, blocksOf, listens, portsOf } from './nginxBlocks'
import type { Directive } from './nginxConfig'
import { passedThroughRoutes } from './nginxStream'
import { fixedBind, fixedHost, isPlainPath, variedHostAndBind, type HostAndBind } from './targets'

/** Where nginx leads the visitors of each HTTPS server block whose whole site goes to an address on this server. */
export function readNginxRoutes(config: readonly Directive[]): ProxyReading {
  const http = blocksOf(config, 'http').flat()
  const upstreams = readUpstreams(http)
  const servers = blocksOf(http, 'server')
  return {
    routes: [
      ...servers.flatMap((server) => routeOf(server, http, upstreams)),
      ...passedThroughRoutes(config),
    ],
    ports: [
      ...new Set([...servers, ...blocksOf(blocksOf(config, 'stream').flat(), 'server')].flatMap(portsOf)),
    ],
    user: argsOf(config, 'user')[0],
    tlsListens: [
      ...new Set(servers.flatMap(listens).flatMap(({ address, hasTls }) => (hasTls ? [address] : []))),
    ],
    certificates: servers.flatMap((server) => certificateOf(server, http)),
  }
}

function routeOf(
  server: readonly Directive[],
  http: readonly Directive[],
  upstreams: ReadonlyMap<string, string>,
): ProxyRoute[] {
  const httpsPort = listens(server).find(({ hasTls }) => hasTls)?.port
  const whole = wholeSite(server)
  const [target] = argsOf(whole ?? [], 'proxy_pass')
  if (httpsPort === undefined || whole === undefined || target === undefined) return []
  const found = publicHostAndBind(argsOf(server, 'server_name'), resolve(target, upstreams))
  if (found === undefined) return []
  return [
    {
      ...found,
      proxy: 'nginx',
      httpsPort,
      tls: 'server',
      proxyProtocol: false,
      issuesOnDemand: false,
      passesEverything: passesEverything([...whole, ...server, ...http]),
    },
  ]
}

/** The location that takes every path, or the one that it falls back to. */
function wholeSite(server: readonly Directive[]): readonly Directive[] | undefined {
  const locations = server.filter(({ name }) => name === 'location')
  const has = (block: readonly Directive[]) => argsOf(block, 'proxy_pass').length > 0
  const root = locations.find(({ args }) => args.at(-1) === '/' && (args.length === 1 || args[0] === '^~'))
  if (root !== undefined && has(root.block)) return root.block
  return locations.find(({ args: [name = ''], block }) => name.startsWith('@') && has(block))?.block
}

function resolve(target: string, upstreams: ReadonlyMap<string, string>): string {
  const plain = target.replace(/^http:\/\//, '').replace(/:?\/$/, '')
  return upstreams.get(plain) ?? plain
}

/** Those with one server; several of them are no place for a forward. */
function readUpstreams(http: readonly Directive[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { name, args, block } of http) {
    const servers = block.filter((directive) => directive.name === 'server')
    const [address] = servers[0]?.args ?? []
    if (name === 'upstream' && servers.length === 1 && address !== undefined)
      found.set(args[0] ?? '', address)
  }
  return found
}

function publicHostAndBind(names: readonly string[], target: string): HostAndBind | undefined {
  if (!target.includes('$')) {
    const publicHost = fixedHost(names)
    const bind = fixedBind(target)
    return publicHost === undefined || bind === undefined ? undefined : { publicHost, bind }
  }
  for (const name of names) {
    const pattern = name.startsWith('~') ? readHostPattern(name.replace(/^~\*?/, '')) : undefined
    const found = pattern && variedHostAndBind(pattern, target.replace(/\$\{(\w+)\}/g, '$$$1'))
    if (found) return found
  }
  return undefined
}

/** WebSocket needs HTTP/1.1 and its two headers; events no buffer; an upload no limit of its size. */
function passesEverything(directives: readonly Directive[]): boolean {
  const headers = directives
    .filter(({ name }) => name === 'proxy_set_header')
    .map(({ args }) => args[0]?.toLowerCase())
  return (
    argsOf(directives, 'proxy_http_version')[0] === '1.1' &&
    headers.includes('upgrade') &&
    headers.includes('connection') &&
    argsOf(directives, 'proxy_buffering')[0] === 'off' &&
    argsOf(directives, 'client_max_body_size')[0] === '0'
  )
}

function certificateOf(server: readonly Directive[], http: readonly Directive[]): CertificateFiles[] {
  const both = [...server, ...http]
  const [cert] = argsOf(both, 'ssl_certificate')
  const [key] = argsOf(both, 'ssl_certificate_key')
  if (cert === undefined || key === undefined || listens(server).every(({ hasTls }) => !hasTls)) return []
  if (!isPlainPath(cert) || !isPlainPath(key)) return []
  return [{ names: argsOf(server, 'server_name'), cert, key }]
}
