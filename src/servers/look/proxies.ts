import { readCaddyRoutes } from './caddyRoutes'
import type { ProxyEvidence, ProxyReading } from './evidence'
import { readNginxConfig } from './nginxConfig'
import { readNginxRoutes } from './nginxRoutes'
import { textOf, words, type Section } from './script'
import { isPlainPath } from './targets'

/** The reverse proxies that run or are configured there, with what their configuration says where it can be read. */
export function readProxies(
  sections: readonly Section[],
): { readonly proxy: ProxyEvidence; readonly reading: ProxyReading }[] {
  const running = textOf(sections, 'processes').split('\n')
  const files = new Map(
    sections
      .filter(({ name }) => name === 'file')
      .map(({ detail, text }): [string, string] => [detail, text]),
  )
  const configured = [
    ...paths(sections, 'nginxconfig').map((path) => ({
      ...{ kind: 'nginx' as const, path },
      reading: readNginxRoutes(readNginxConfig(path, files)),
    })),
    ...paths(sections, 'caddyconfig').map((path) => ({
      ...{ kind: 'caddy' as const, path },
      reading: readCaddyRoutes(textOf(sections, 'adapted', path)),
    })),
  ]
  const unread = (['nginx', 'caddy', 'apache'] as const)
    .filter((kind) => starter(kind, running) !== undefined && !configured.some((each) => each.kind === kind))
    .map((kind) => ({ kind, path: undefined, reading: nothing }))
  return [...configured, ...unread].map(({ kind, path, reading }) => {
    const user = userOf(kind, path, reading, running)
    return {
      reading,
      proxy: {
        kind,
        isRunning: user !== undefined,
        user,
        userGroups: user === undefined ? [] : words(textOf(sections, 'groupsof', user)),
        configFile: path,
        hasGlobalOptions: kind === 'caddy' && beginsWithOptions(files.get(path ?? '') ?? ''),
        ports: reading.ports,
        tlsListens: reading.tlsListens,
        certificates: reading.certificates,
      },
    }
  })
}

const nothing: ProxyReading = { routes: [], ports: [], user: undefined, tlsListens: [], certificates: [] }

function paths(sections: readonly Section[], name: string): string[] {
  const named = sections.filter((section) => section.name === name).map(({ detail }) => detail)
  return [...new Set(named)].filter(isPlainPath)
}

/** A block without an address in front of it, behind comments at most. */
function beginsWithOptions(caddyfile: string): boolean {
  return caddyfile
    .replace(/#[^\n]*/g, '')
    .trimStart()
    .startsWith('{')
}

/** Who opens the sockets: nginx started by root becomes somebody else. Undefined where it does not run. */
function userOf(
  kind: ProxyEvidence['kind'],
  path: string | undefined,
  reading: ProxyReading,
  running: readonly string[],
): string | undefined {
  const own = running.filter((line) => path !== undefined && line.includes(path))
  const startedBy = starter(kind, own) ?? starter(kind, running)
  if (kind === 'caddy' || startedBy !== 'root') return startedBy
  return reading.user ?? first(workers[kind], running) ?? startedBy
}

/** Lines of `ps` begin with the user. */
function starter(kind: ProxyEvidence['kind'], running: readonly string[]): string | undefined {
  return first(masters[kind], running)
}

const masters = {
  nginx: /^(\S+)\s+nginx: master/,
  caddy: /^(\S+)\s+(\S*\/)?caddy run/,
  apache: /^(\S+)\s+(\S*\/)?(apache2|httpd)\b/,
}
const workers = {
  nginx: /^(\S+)\s+nginx: worker/,
  apache: /^(?!root\s)(\S+)\s+(\S*\/)?(apache2|httpd)\b/,
}

function first(pattern: RegExp, lines: readonly string[]): string | undefined {
  return lines.map((line) => pattern.exec(line.trim())?.[1]).find((user) => user !== undefined)
}
