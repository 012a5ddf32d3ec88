import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { portPattern } from '../../src/servers/lines/publicHost'
import { freePort } from './freePort'
import { childProcesses } from './processTree.mjs'
import type { Scope, ScopedProcess } from './scope'
import type { TestCa } from './testCa'
import { findTool } from './tools'
import { waitUntil } from './waitUntil'

export type NginxServer = {
  /** Wrongly configured on purpose: a lone `proxy_pass`, as in many a guide. */
  readonly bare?: boolean
} & (
  | { readonly kind: 'port'; readonly name: string; readonly upstreamPort: number }
  /** `NAME.baseDomain` goes to `socketDirectory/NAME.sock`. */
  | { readonly kind: 'sockets'; readonly baseDomain: string; readonly socketDirectory: string }
  /** `pPORT.baseDomain` goes to that port of loopback; both ends inclusive. */
  | {
      readonly kind: 'range'
      readonly baseDomain: string
      readonly firstPort: number
      readonly lastPort: number
    }
)

export interface NginxOptions {
  readonly ca: TestCa
  readonly servers: readonly NginxServer[]
  /** A free one unless given. */
  readonly httpsPort?: number
  /** Who the workers run as; only root can choose. The user of this process unless given. */
  readonly workerUser?: string
}

/** Starts a private nginx on loopback that speaks HTTPS, HTTP/1.1 and h2. */
export async function startNginx(scope: Scope, options: NginxOptions): Promise<Nginx> {
  if (options.workerUser !== undefined && process.getuid?.() !== 0) {
    throw new Error('only root can run the workers of nginx as another user')
  }
  const httpsPort = options.httpsPort ?? (await freePort())
  const nginx = new Nginx(scope, scope.tempDir('nginx'), httpsPort, options)
  await nginx.configure(options.servers)
  await nginx.start()
  return nginx
}

export class Nginx {
  private master: ScopedProcess | undefined

  constructor(
    private readonly scope: Scope,
    private readonly directory: string,
    readonly httpsPort: number,
    private readonly options: NginxOptions,
  ) {}

  /** What lies there as `*.conf` stands beside the server blocks, from the next start or reload on. */
  get includeDirectory(): string {
    return this.path('conf.d')
  }

  /** The public URL of a full host name: `https://bot.dev.localhost:8443`. */
  url(hostName: string): string {
    return `https://${hostName}:${this.httpsPort}`
  }

  /** The error log and the access log. */
  log(): string {
    return ['error.log', 'access.log']
      .map((name) => this.path(name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n')
  }

  /** Starts with the latest configuration, also after `stop()`, on the same port. */
  async start(): Promise<void> {
    const args = ['-p', this.directory, '-c', this.path('nginx.conf'), '-e', this.path('error.log')]
    // nginx writes its pid once it listens.
    this.master = await this.scope.spawn(findTool('nginx'), args, {
      ready: () => existsSync(this.path('nginx.pid')),
    })
  }

  /** Takes other servers in without a break; returns when no old worker accepts visitors any more. */
  async reload(servers: readonly NginxServer[] = this.options.servers): Promise<void> {
    const { master } = this
    if (master === undefined) throw new Error('this nginx does not run')
    await this.configure(servers)
    const old = childProcesses(master.pid)
    const alreadyLogged = this.log().length
    master.signal('SIGHUP')
    await waitUntil(
      () => `nginx to reload. Its log:\n${this.log().slice(alreadyLogged)}`,
      () =>
        childProcesses(master.pid).some((pid) => !old.includes(pid)) &&
        this.log().slice(alreadyLogged).includes('gracefully shutting down'),
    )
  }

  async stop(): Promise<void> {
    const { master } = this
    this.master = undefined
    await master?.stop()
    // Killed, it cannot remove this itself; start() waits for a new one.
    rmSync(this.path('nginx.pid'), { force: true })
  }

  /** Writes the configuration, and a certificate for each server. */
  async configure(servers: readonly NginxServer[]): Promise<void> {
    const blocks = await Promise.all(servers.map((server) => this.serverBlock(server)))
    writeFileSync(this.path('nginx.conf'), this.mainBlock(blocks.join('\n')))
  }

  private mainBlock(servers: string): string {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `  ${kind}_temp_path ${this.path(kind)};`)
      .join('\n')
    return `
daemon off;
${workerUser(this.options)}
pid ${this.path('nginx.pid')};
error_log ${this.path('error.log')} notice;
worker_processes 1;
events {}
http {
${temporary}
  access_log ${this.path('access.log')};
  map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
  include ${this.includeDirectory}/*.conf;
${servers}
}
`
  }

  private async serverBlock(server: NginxServer): Promise<string> {
    const { names, serverName, upstream } = routeOf(server)
    const { certPath, keyPath } = await this.options.ca.issue({ names })
    return `
  server {
    listen 127.0.0.1:${this.httpsPort} ssl http2;
    server_name ${serverName};
    ssl_certificate ${certPath};
    ssl_certificate_key ${keyPath};
    location / {
      proxy_pass ${upstream};
${server.bare === true ? '' : complete}
    }
  }`
  }

  private path(name: string): string {
    return join(this.directory, name)
  }
}

/** nginx would look for a group of the user's own name. */
function workerUser({ workerUser = userInfo().username }: NginxOptions): string {
  if (process.getuid?.() !== 0) return ''
  const group = execFileSync('id', ['-gn', workerUser], { encoding: 'utf8' }).trim()
  return `user ${workerUser} ${group};`
}

/** What a reverse proxy in front of any app needs: WebSocket, live SSE, uploads of any size, who called. */
const complete = `
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_buffering off;
      proxy_request_buffering off;
      client_max_body_size 0;
      proxy_read_timeout 1h;`

function routeOf(server: NginxServer): { names: string[]; serverName: string; upstream: string } {
  if (server.kind === 'port') {
    const { name, upstreamPort } = server
    return { names: [name], serverName: name, upstream: `http://127.0.0.1:${upstreamPort}` }
  }
  const { baseDomain } = server
  const names = [`*.${baseDomain}`, baseDomain]
  const escaped = baseDomain.replaceAll('.', '\\.')
  if (server.kind === 'range') {
    return {
      names,
      serverName: `"~^p(?<expose_port>${portPattern(server.firstPort, server.lastPort)})\\.${escaped}$"`,
      upstream: 'http://127.0.0.1:$expose_port',
    }
  }
  const { socketDirectory } = server
  return {
    names,
    // Quoted for the braces.
    serverName: `"~^(?<expose_name>[a-z0-9][a-z0-9-]{0,62})\\.${escaped}$"`,
    upstream: `http://unix:${socketDirectory}/$expose_name.sock`,
  }
}
