import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { portPattern } from '../../src/servers/lines/publicHost'
import { freePort } from './freePort'
import type { Scope, ScopedProcess } from './scope'
import type { TestCa } from './testCa'
import { findTool } from './tools'
import { waitUntil } from './waitUntil'

const run = promisify(execFile)

export type CaddySite =
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
  /** Lines of a Caddyfile, as they are. */
  | { readonly kind: 'lines'; readonly lines: readonly string[] }

export interface CaddyOptions {
  readonly sites: readonly CaddySite[]
  /** Issues the certificates. Without it Caddy has an authority of its own, see `rootPem`. */
  readonly ca?: TestCa
  /** Lines for the block at the top, beside those that keep this Caddy private. */
  readonly globalOptions?: readonly string[]
  /** A free one unless given. */
  readonly httpsPort?: number
}

/** Starts a private Caddy on loopback that speaks HTTPS, HTTP/1.1 and h2, and plain HTTP at a port of its own. */
export async function startCaddy(scope: Scope, options: CaddyOptions): Promise<Caddy> {
  const ports = { https: options.httpsPort ?? (await freePort()), http: await freePort() }
  const caddy = new Caddy(scope, scope.tempDir('caddy'), ports, options)
  await caddy.configure(options)
  await caddy.start()
  return caddy
}

export class Caddy {
  private process: ScopedProcess | undefined

  constructor(
    private readonly scope: Scope,
    private readonly directory: string,
    private readonly ports: { readonly https: number; readonly http: number },
    private readonly options: CaddyOptions,
  ) {}

  get httpsPort(): number {
    return this.ports.https
  }

  get httpPort(): number {
    return this.ports.http
  }

  get caddyfile(): string {
    return this.path('Caddyfile')
  }

  /** The public URL of a full host name: `https://bot.dev.localhost:8443`. */
  url(hostName: string): string {
    return `https://${hostName}:${this.httpsPort}`
  }

  /** All that it has logged, each request too. */
  log(): string {
    return this.process?.stderr ?? ''
  }

  /** The certificate of its own authority, once it has issued something. */
  async rootPem(): Promise<string> {
    const path = this.path('data/pki/authorities/local/root.crt')
    await waitUntil('Caddy to make an authority of its own', () => existsSync(path))
    return readFileSync(path, 'utf8')
  }

  /** Starts with the latest configuration, also after `stop()`, on the same ports. */
  async start(): Promise<void> {
    this.process = await this.scope.spawn(findTool('caddy'), ['run', '--config', this.caddyfile], {
      env: this.environment,
      // It logs this once it listens.
      ready: /serving initial configuration/,
    })
    await this.waitForCertificates()
  }

  /** Takes another configuration in without a break. */
  async reload(options: Pick<CaddyOptions, 'sites' | 'globalOptions'> = this.options): Promise<void> {
    await this.configure(options)
    const args = [
      'reload',
      '--force',
      '--config',
      this.caddyfile,
      '--address',
      `unix/${this.path('admin.sock')}`,
    ]
    await run(findTool('caddy'), args, { env: this.environment })
    await this.waitForCertificates()
  }

  async stop(): Promise<void> {
    const { process } = this
    this.process = undefined
    await process?.stop()
  }

  /** Writes the configuration, and a certificate for each site where a `ca` was given. */
  async configure({
    sites,
    globalOptions = [],
  }: Pick<CaddyOptions, 'sites' | 'globalOptions'>): Promise<void> {
    const blocks = await Promise.all(sites.map((site) => this.site(site)))
    const lines = [
      '{',
      ...this.privately.map((line) => `\t${line}`),
      ...globalOptions.map((line) => `\t${line}`),
      '}',
      ...blocks.flat(),
      '',
    ]
    writeFileSync(this.caddyfile, lines.join('\n'))
  }

  /** Its own authority issues them a moment after the start. */
  private async waitForCertificates(): Promise<void> {
    const names = readFileSync(this.caddyfile, 'utf8').matchAll(/^([a-z0-9*.-]+\.[a-z0-9-]+) \{\n(?!\ttls)/gm)
    for (const [, name = ''] of names) {
      const sample = name.replace('*', 'sample')
      await waitUntil(
        () => `Caddy to have a certificate for ${name}. Its log:\n${this.log()}`,
        () => shakesHands(this.httpsPort, sample),
      )
    }
  }

  private get privately(): string[] {
    return [
      `admin unix/${this.path('admin.sock')}`,
      `storage file_system ${this.path('data')}`,
      `https_port ${this.ports.https}`,
      `http_port ${this.ports.http}`,
      'default_bind 127.0.0.1',
      'auto_https disable_redirects',
      'local_certs',
      'skip_install_trust',
      'servers {',
      '\tprotocols h1 h2',
      '}',
    ]
  }

  private get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      HOME: this.directory,
      XDG_CONFIG_HOME: this.directory,
      XDG_DATA_HOME: this.directory,
    }
  }

  private async site(site: CaddySite): Promise<string[]> {
    if (site.kind === 'lines') return [...site.lines]
    const { names, lines } = siteLines(site)
    return [`${names.join(', ')} {`, ...(await this.tls(names)), '\tlog', ...lines, '}']
  }

  private async tls(names: readonly string[]): Promise<string[]> {
    if (this.options.ca === undefined) return []
    const { certPath, keyPath } = await this.options.ca.issue({ names })
    return [`\ttls ${certPath} ${keyPath}`]
  }

  private path(name: string): string {
    return join(this.directory, name)
  }
}

function siteLines(site: Exclude<CaddySite, { kind: 'lines' }>): { names: string[]; lines: string[] } {
  const proxy = (upstream: string) => [`\treverse_proxy ${upstream} {`, '\t\tflush_interval -1', '\t}']
  switch (site.kind) {
    case 'port':
      return { names: [site.name], lines: proxy(`127.0.0.1:${site.upstreamPort}`) }
    case 'sockets': {
      // {labels.N} counts from the right, beginning with 0.
      const label = `{labels.${site.baseDomain.split('.').length}}`
      return { names: [`*.${site.baseDomain}`], lines: proxy(`unix/${site.socketDirectory}/${label}.sock`) }
    }
    case 'range': {
      const pattern = portPattern(site.firstPort, site.lastPort)
      const matcher = `\t@range header_regexp port Host ^p(${pattern})\\.`
      return { names: [`*.${site.baseDomain}`], lines: [matcher, ...proxy('@range 127.0.0.1:{re.port.1}')] }
    }
  }
}

function shakesHands(port: number, servername: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
    const end = (shaken: boolean) => {
      socket.destroy()
      resolve(shaken)
    }
    socket.once('secureConnect', () => end(true)).once('error', () => end(false))
  })
}
