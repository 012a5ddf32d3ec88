import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDnsServer, type DnsServer } from './dnsServer'
import { freePorts } from './freePort'
import { visit } from './publicFetch'
import type { Scope, ScopedProcess } from './scope'
import type { TestCa } from './testCa'
import { findTool } from './tools'

export interface PebbleOptions {
  /** Issues the certificate of the directory itself. */
  readonly ca: TestCa
  /** Where visitors reach the names on 127.0.0.1: what would be 443. TLS-ALPN-01 comes there. */
  readonly tlsPort: number
  /** Names that DNS leads to 127.0.0.1; any other does not exist. */
  readonly names: readonly string[]
  /** How many valid nonces in a hundred are refused; none unless given. */
  readonly refusedNonces?: number
}

/** Starts an ACME server (RFC 8555) with a name server of its own, both on loopback. */
export async function startPebble(scope: Scope, options: PebbleOptions): Promise<Pebble> {
  const [acmePort = 0, managementPort = 0] = await freePorts(2)
  const { certPath, keyPath } = await options.ca.issue({ names: ['localhost', '127.0.0.1'] })
  const dns = await startDnsServer(
    scope,
    Object.fromEntries(options.names.map((name) => [name, '127.0.0.1'])),
  )
  const configPath = join(scope.tempDir('pebble'), 'pebble.json')
  const pebble = {
    listenAddress: `127.0.0.1:${acmePort}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: certPath,
    privateKey: keyPath,
    httpPort: 1, // nobody is there
    tlsPort: options.tlsPort,
  }
  writeFileSync(configPath, JSON.stringify({ pebble }))
  const server = await scope.spawn(findTool('pebble'), ['-config', configPath, '-dnsserver', dns.address], {
    env: {
      ...process.env,
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: String(options.refusedNonces ?? 0),
      // Each order proves the name anew.
      PEBBLE_AUTHZREUSE: '0',
    },
    ready: /ACME directory available/,
  })
  return new Pebble(options.ca, acmePort, managementPort, dns, server)
}

export class Pebble {
  constructor(
    private readonly ca: TestCa,
    readonly port: number,
    private readonly managementPort: number,
    readonly dns: DnsServer,
    private readonly server: ScopedProcess,
  ) {}

  get directoryUrl(): string {
    return `https://localhost:${this.port}/dir`
  }

  /** PEM file with whom to trust for the directory. */
  get caFile(): string {
    return this.ca.certPath
  }

  /** The root of what it issues, PEM. */
  async rootPem(): Promise<string> {
    const { body } = await visit(`https://localhost:${this.managementPort}/roots/0`, { ca: this.ca })
    return body.toString()
  }

  /** Everything that it wrote. */
  get log(): string {
    return this.server.stdout + this.server.stderr
  }

  /** How many orders have been placed. */
  get orders(): number {
    return this.count(/POST \/order-plz/g)
  }

  /** How many requests have come that a client signs. */
  get signedRequests(): number {
    return this.count(/POST \//g)
  }

  stop(): Promise<void> {
    return this.server.stop()
  }

  private count(line: RegExp): number {
    return this.log.match(line)?.length ?? 0
  }
}
