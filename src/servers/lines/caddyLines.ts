import { formatAddress } from '../../base/address'
import { dirname } from 'node:path/posix'
import type { Bind } from '../profile'
import { escapeDots, namePattern, portPattern, publicHostOf, type PublicHost, type Way } from './publicHost'

/** Lines of a Caddyfile: those for the block of global options, and whole sites. */
export interface CaddyLines {
  readonly globalOptions: readonly string[]
  readonly sites: readonly string[]
}

/**
 * A Caddy site for a profile whose HTTPS ends at Caddy. For names, a certificate is issued when one is first called,
 * and only where a tunnel is open: Caddy asks itself, at `askPort` of loopback, whether its socket is there.
 */
export function caddySite(way: Way, { askPort }: { readonly askPort: number }): CaddyLines {
  const host = publicHostOf(way.publicUrl)
  // Only of a socket with a name can be told whether its tunnel is open.
  const socketPath = host.varies === 'name' && way.bind.kind === 'unix' ? way.bind.path : undefined
  const isOnDemand = socketPath !== undefined
  return {
    globalOptions: isOnDemand ? ['on_demand_tls {', `\task http://127.0.0.1:${askPort}`, '}'] : [],
    sites: [
      `${addressOf(host)} {`,
      ...(isOnDemand ? ['\ttls {', '\t\ton_demand', '\t}'] : []),
      ...matcher(host, way.bind),
      `\treverse_proxy ${host.varies === 'port' ? '@expose ' : ''}${upstream(host, way.bind)} {`,
      '\t\tflush_interval -1',
      '\t}',
      '}',
      ...(socketPath === undefined ? [] : askSite(host, socketPath, askPort)),
    ],
  }
}

function addressOf({ host, after, port, varies }: PublicHost): string {
  // A wildcard stands for one label, whatever else is in it.
  const name = varies === undefined ? host : `*${after.slice(after.indexOf('.'))}`
  return port === 443 ? name : `${name}:${port}`
}

/** What is in the first label besides the placeholder needs an expression. */
function matcher({ before, after, varies }: PublicHost, bind: Bind): string[] {
  if (varies !== 'port' || bind.kind !== 'tcp') return []
  const label = after.slice(0, after.indexOf('.'))
  const ports = portPattern(bind.firstPort, bind.lastPort)
  return [`\t@expose header_regexp expose Host ^${before}(${ports})${label}\\.`]
}

function upstream({ after, varies }: PublicHost, bind: Bind): string {
  if (bind.kind === 'tcp') {
    if (varies === 'port') return `${bind.host}:{re.expose.1}`
    return formatAddress({ kind: 'tcp', host: bind.host, port: bind.firstPort })
  }
  // {labels.N} counts from the right, beginning with 0.
  return `unix/${bind.path.replaceAll('{name}', `{labels.${after.split('.').length - 1}}`)}`
}

/** Says yes to names whose socket is there. What stands before or behind the name is not taken into account. */
function askSite({ after }: PublicHost, path: string, askPort: number): string[] {
  const file = path.slice(dirname(path).length).replaceAll('{name}', '{re.name.1}')
  return [
    `http://127.0.0.1:${askPort} {`,
    '\tbind 127.0.0.1',
    `\t@name vars_regexp name {query.domain} ^(${namePattern})${escapeDots(after)}$`,
    '\thandle @name {',
    '\t\t@open file {',
    `\t\t\troot ${dirname(path)}`,
    `\t\t\ttry_files ${file}`,
    '\t\t}',
    '\t\trespond @open 200',
    '\t\trespond 404',
    '\t}',
    '\trespond 404',
    '}',
  ]
}
