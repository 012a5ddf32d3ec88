import { randomBytes } from 'node:crypto'
import { Resolver } from 'node:dns/promises'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AskSudoPassword } from '../../src/servers/prepare/becomeRoot'
import { GatewayScript } from '../../src/servers/prepare/gatewayScript'
import type { ScriptLine } from '../../src/servers/prepare/output'
import type { SshSettings } from '../../src/ssh/settings'
import type { Transport } from '../../src/ssh/transport'
import { startBareServer, type BareServer, type BareServerOptions } from './bareServer'
import { CollectedLog } from './collectedLog'
import { logIn } from './logIn'
import { visit } from './publicFetch'
import type { Scope } from './scope'
import type { ClientKey } from './sshd'
import { generateKey } from './sshKeys'
import { createTestCa, type TestCa } from './testCa'
import { findTool } from './tools'
import { loginTo } from './world'

/** A bare server to be prepared, and who logs in there. */
export interface GatewayWorld {
  readonly server: BareServer
  /** Logs in as anybody. */
  readonly key: ClientKey
  /** Of `admin`, for sudo. */
  readonly password: string
  readonly log: CollectedLog
  newKey(comment?: string): Promise<ClientKey>
  settings(user: string, key?: ClientKey): SshSettings
  /** The scope closes it. */
  login(user: string, key?: ClientKey): Promise<Transport>
  /** The product's way to run the script; the password is known unless `ask` says otherwise. */
  script(
    transport: Transport,
    options?: { ask?: AskSudoPassword; onLine?: (line: ScriptLine) => void },
  ): GatewayScript
  /** What makes OpenSSH's own programs log in here, with nothing of the user's own configuration. */
  sshOptions(key: ClientKey): string[]
  /** Runs one of them to its end, such as `ssh('expose', key, ['-N', '-R', …])`; what it wrote stands in `output`. */
  ssh(user: string, key: ClientKey, args: readonly string[], command?: string): Promise<SshRun>
}

export interface SshRun {
  readonly code: number
  readonly output: string
}

export const scriptPath = join(import.meta.dirname, '../../media/prepare-gateway.sh')

export async function startGatewayWorld(
  scope: Scope,
  options: Pick<BareServerOptions, 'systemd'> = {},
): Promise<GatewayWorld> {
  const directory = scope.tempDir('gateway')
  let keys = 0
  const newKey = async (comment = 'laptop'): Promise<ClientKey> => {
    const path = join(directory, `key${++keys}`)
    return { path, publicKey: await generateKey({ path, type: 'ed25519', comment }) }
  }
  const key = await newKey()
  const password = `it's "${randomBytes(6).toString('hex')}"`
  const server = await startBareServer(scope, { publicKey: key.publicKey, password, ...options })
  const knownHostsFile = join(directory, 'known_hosts')
  writeFileSync(knownHostsFile, `${server.knownHostsLine}\n`)
  const log = new CollectedLog()
  const settings = (user: string, by = key): SshSettings => ({
    ...loginTo({ host: '127.0.0.1', port: 22, user }, { key: by, knownHostsFile }),
    destination: server.address,
    hostName: server.address,
  })
  const sshOptions = (by: ClientKey) => [
    ...['-F', 'none', '-i', by.path, '-o', `UserKnownHostsFile=${knownHostsFile}`],
    ...['-o', 'GlobalKnownHostsFile=none', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
    ...['-o', 'BatchMode=yes'],
  ]
  return {
    server,
    key,
    password,
    log,
    newKey,
    settings,
    sshOptions,
    async login(user, by) {
      const transport = await logIn(scope, settings(user, by), log)
      return transport
    },
    script: (transport, { ask = () => Promise.resolve(password), onLine } = {}) =>
      new GatewayScript({
        transport,
        script: readFileSync(scriptPath, 'utf8'),
        askPassword: ask,
        log,
        ...(onLine === undefined ? {} : { onLine }),
      }),
    async ssh(user, by, args, command) {
      const destination = [`${user}@${server.address}`, ...(command === undefined ? [] : [command])]
      const ran = await scope.spawn(findTool('ssh'), [...sshOptions(by), ...args, ...destination])
      // What a server should have refused may go on for ever.
      const limit = setTimeout(() => void ran.stop(), 20_000)
      const code = await ran.exited()
      clearTimeout(limit)
      return { code: typeof code === 'number' ? code : 1, output: ran.stdout + ran.stderr }
    },
  }
}

/** A certificate authority that reaches the names below the server's domain, and a name server that leads them there. */
export interface Authority {
  readonly directoryUrl: string
  /** On the server: whom Caddy shall trust for the directory. */
  readonly caFileOnServer: string
  /** Whom visitors trust. */
  readonly issuer: { readonly certPem: string }
  /** For every name: the address of the server. */
  resolve(name: string): Promise<string[]>
  /** How many certificates were asked for. */
  orders(): number
}

/** Starts Debian's pebble beside the server, on the address that both can reach. */
export async function startAuthority(scope: Scope, { server }: GatewayWorld): Promise<Authority> {
  const ca: TestCa = await createTestCa(scope)
  const { hostAddress } = server
  const pebblePath = findTool('pebble')
  await scope.spawn(
    join(dirname(pebblePath), 'pebble-challtestsrv'),
    [
      // The server's resolver knows no other port than 53; the address is ours alone.
      ...['-dns01', `${hostAddress}:53`, '-defaultIPv4', server.address, '-defaultIPv6', ''],
      ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-management', `${hostAddress}:8055`],
    ],
    {
      ready: async () =>
        (
          await resolver(hostAddress)
            .resolve4('ready.test')
            .catch(() => [])
        ).length > 0,
    },
  )
  const { certPath, keyPath } = await ca.issue({ names: [hostAddress] })
  const config = {
    listenAddress: `${hostAddress}:14000`,
    managementListenAddress: `${hostAddress}:15000`,
    certificate: certPath,
    privateKey: keyPath,
    httpPort: 80,
    tlsPort: 443,
  }
  const configPath = join(scope.tempDir('authority'), 'pebble.json')
  writeFileSync(configPath, JSON.stringify({ pebble: config }))
  const pebble = await scope.spawn(pebblePath, ['-config', configPath, '-dnsserver', `${hostAddress}:53`], {
    env: { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
    ready: /ACME directory available/,
  })
  const { body } = await visit(`https://${hostAddress}:15000/roots/0`, { ca })
  const caFileOnServer = '/var/tmp/authority.pem'
  writeFileSync(join(server.root, caFileOnServer), ca.certPem)
  return {
    directoryUrl: `https://${hostAddress}:14000/dir`,
    caFileOnServer,
    issuer: { certPem: body.toString() },
    resolve: (name) => resolver(hostAddress).resolve4(name),
    orders: () => (pebble.stdout + pebble.stderr).match(/POST \/order-plz/g)?.length ?? 0,
  }
}

function resolver(address: string): Resolver {
  const one = new Resolver({ timeout: 500, tries: 2 })
  one.setServers([`${address}:53`])
  return one
}
