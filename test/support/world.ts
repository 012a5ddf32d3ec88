import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TcpAddress } from '../../src/base/address'
import { systemClock } from '../../src/base/clock'
import type { Bind, OwnProfile } from '../../src/servers/profile'
import type { OwnServer } from '../../src/servers/server'
import { algorithms } from '../../src/ssh/algorithms'
import type { ExposurePrompts } from '../../src/servers/listen'
import type { ChannelKind } from '../../src/ssh/forwardedChannels'
import { openTransport } from '../../src/ssh/openTransport'
import type { SshPrompts } from '../../src/ssh/prompts'
import type { SshSettings } from '../../src/ssh/settings'
import { Tunnels, type TunnelsOptions } from '../../src/tunnels/tunnels'
import { CollectedLog } from './collectedLog'
import { freePort } from './freePort'
import { startNginx, type Nginx } from './nginx'
import type { Scope } from './scope'
import { scriptedPrompts } from './scriptedPrompts'
import { startSshd, type ClientKey, type Sshd, type SshdOptions } from './sshd'
import { createTestCa, type TestCa } from './testCa'

/**
 * A server as a user has it: sshd, and nginx with both kinds of names. `https://dev.localhost` leads to one TCP
 * port, `https://NAME.dev.localhost` to a unix socket.
 */
export interface World {
  readonly sshd: Sshd
  readonly nginx: Nginx
  readonly ca: TestCa
  readonly key: ClientKey
  readonly knownHostsFile: string
  readonly tcpBind: TcpAddress
  readonly socketDirectory: string
  readonly log: CollectedLog
  /** A server with a TCP bind and one URL. */
  oneUrl(changes?: Partial<SshSettings>): OwnServer
  /** A server with socket binds and a URL for each name. */
  namedUrls(changes?: Partial<SshSettings>): OwnServer
  /** An empty list of tunnels; the scope closes it. */
  tunnels(prompts?: SshPrompts & ExposurePrompts, options?: Partial<TunnelsOptions>): Tunnels
}

export interface WorldOptions extends SshdOptions {
  /** How the channels of its tunnels are carried; as users have it unless given. */
  readonly channels?: ChannelKind
  /** True unless given. With a verbose log, the way of the bytes has no shortcuts. */
  readonly isVerbose?: boolean
}

export async function startWorld(scope: Scope, options: WorldOptions = {}): Promise<World> {
  const { channels } = options
  const directory = scope.tempDir('world')
  const socketDirectory = join(directory, 'run')
  mkdirSync(socketDirectory)
  const config = [...(options.config ?? [])]
  const sshd = await startSshd(scope, {
    ...options,
    config: config.some((line) => line.startsWith('StreamLocalBindUnlink'))
      ? config
      : ['StreamLocalBindUnlink yes', ...config],
  })
  const ca = await createTestCa(scope)
  const upstreamPort = await freePort()
  const nginx = await startNginx(scope, {
    ca,
    servers: [
      { kind: 'port', name: 'dev.localhost', upstreamPort },
      { kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory },
    ],
  })
  const key = await sshd.newClientKey()
  const knownHostsFile = join(directory, 'known_hosts')
  writeFileSync(knownHostsFile, `${sshd.knownHostsLine}\n`)
  const log = new CollectedLog(options.isVerbose)
  const tcpBind: TcpAddress = { kind: 'tcp', host: '127.0.0.1', port: upstreamPort }

  const settings = (changes: Partial<SshSettings>): SshSettings => ({
    ...loginTo(sshd, { key, knownHostsFile }),
    ...changes,
  })
  const server = (id: string, bind: Bind, publicUrl: string, changes: Partial<SshSettings>): OwnServer => {
    const resolved = settings(changes)
    const profile: OwnProfile = {
      kind: 'own',
      id,
      ssh: `${resolved.user}@${resolved.hostName}:${resolved.port}`,
      destination: { host: resolved.hostName, user: resolved.user, port: resolved.port },
      bind,
      publicUrl,
      tls: 'server',
      proxyProtocol: false,
    }
    return { profile, settings: () => Promise.resolve(resolved), ca: ca.certPem }
  }
  return {
    sshd,
    nginx,
    ca,
    key,
    knownHostsFile,
    tcpBind,
    socketDirectory,
    log,
    oneUrl: (changes = {}) =>
      server(
        'one',
        { kind: 'tcp', host: tcpBind.host, firstPort: upstreamPort, lastPort: upstreamPort },
        nginx.url('dev.localhost'),
        changes,
      ),
    namedUrls: (changes = {}) =>
      server(
        'named',
        { kind: 'unix', path: `${socketDirectory}/{name}.sock` },
        nginx.url('{name}.dev.localhost'),
        changes,
      ),
    tunnels: (prompts = scriptedPrompts(), options = {}) => {
      const tunnels = new Tunnels({
        ...{ prompts, clock: systemClock, log },
        openTransport: (attempt) => openTransport({ ...attempt, ...(channels && { channels }) }),
        ...options,
      })
      scope.add(async () => {
        await tunnels.stopAll()
        tunnels.dispose()
      })
      return tunnels
    },
  }
}

/** What ssh_config would resolve to for a server of ours. */
export function loginTo(
  sshd: Pick<Sshd, 'host' | 'port' | 'user'>,
  { key, knownHostsFile }: { key: ClientKey; knownHostsFile: string },
): SshSettings {
  return {
    destination: sshd.host,
    hostName: sshd.host,
    port: sshd.port,
    user: sshd.user,
    identityFiles: [key.path],
    identitiesOnly: true,
    identityAgent: undefined,
    userKnownHostsFiles: [knownHostsFile],
    globalKnownHostsFiles: [],
    fixedKnownHosts: [],
    hostKeyAlias: undefined,
    revokedHostKeys: undefined,
    addressFamily: 'any',
    algorithms,
    proxyJump: [],
    proxyCommand: undefined,
    hashKnownHosts: false,
    strictHostKeyChecking: 'ask',
    connectTimeoutMs: 15_000,
    serverAliveIntervalMs: 15_000,
    serverAliveCountMax: 3,
    unsupported: [],
  }
}
