import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import { algorithms } from '../ssh/algorithms'
import { formatKnownHost, knownHostName, parseKnownHosts } from '../ssh/knownHosts'
import { publicKeyFromBlob } from '../ssh/publicKey'
import type { SshSettings } from '../ssh/settings'
import { createLocalAuthority } from '../tls/localAuthority'
import { startBuiltInSshd, type BuiltInSshd } from './builtInSshd'
import { startHttpsFront } from './httpsFront'
import type { OwnProfile } from './profile'
import type { OwnServer } from './server'

/** "Try it on this machine": a server of this process's own, for as long as it is not disposed. */
export interface ThisMachine extends Disposable {
  readonly server: OwnServer
  readonly httpsPort: number
}

/**
 * Starts an SSH server with an HTTPS front in this process, on 127.0.0.1 only. Tunnels through it are public to
 * this machine, at `https://{name}.localhost:PORT`, and go the same way as through a real server.
 * `preferredPort` is where HTTPS listens when it is free, 8443 unless given.
 * @throws Node's error when nothing can listen on 127.0.0.1.
 */
export async function startThisMachine(options: { preferredPort?: number; log: Log }): Promise<ThisMachine> {
  const { preferredPort = 8443, log } = options
  const owned = new DisposableStore()
  try {
    const permits = (socketPath: string) => socketPattern.test(socketPath)
    const sshd = owned.add(await startBuiltInSshd({ permits, log }))
    const authority = await createLocalAuthority()
    const openChannel = (name: string) => sshd.openChannel(socketPath(name))
    const front = owned.add(await startHttpsFront({ preferredPort, authority, openChannel, log }))
    log.info(`this machine serves https://{name}.localhost:${front.port}, by SSH on port ${sshd.port}`)
    return {
      server: {
        profile: profileOf(sshd, front.port),
        settings: () => Promise.resolve(settingsOf(sshd)),
        ca: authority.certPem,
      },
      httpsPort: front.port,
      dispose: () => owned.dispose(),
    }
  } catch (error) {
    owned.dispose()
    throw error
  }
}

const host = '127.0.0.1'
const socketPath = (name: string) => `/run/expose-port/${name}.sock`
const socketPattern = /^\/run\/expose-port\/[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.sock$/

function profileOf({ user, port }: BuiltInSshd, httpsPort: number): OwnProfile {
  return {
    kind: 'own',
    id: 'this-machine',
    ssh: `${user}@${host}:${port}`,
    destination: { user, host, port },
    bind: { kind: 'unix', path: socketPath('{name}') },
    publicUrl: `https://{name}.localhost:${httpsPort}`,
    tls: 'server',
    proxyProtocol: false,
  }
}

/** Nothing of the user's: no ssh_config, no agent, no key file, no known_hosts. */
function settingsOf({ user, port, clientKey, hostKey }: BuiltInSshd): SshSettings {
  const key = publicKeyFromBlob(hostKey)
  const known = key === undefined ? '' : formatKnownHost(knownHostName(host, port), key)
  return {
    destination: host,
    hostName: host,
    port,
    user,
    fixedIdentity: clientKey,
    identityFiles: [],
    identitiesOnly: true,
    identityAgent: undefined,
    userKnownHostsFiles: [],
    globalKnownHostsFiles: [],
    fixedKnownHosts: parseKnownHosts(known, 'this machine'),
    hostKeyAlias: undefined,
    revokedHostKeys: undefined,
    addressFamily: 'any',
    algorithms,
    proxyJump: [],
    proxyCommand: undefined,
    hashKnownHosts: false,
    strictHostKeyChecking: 'yes',
    connectTimeoutMs: 15_000,
    serverAliveIntervalMs: 15_000,
    serverAliveCountMax: 3,
    unsupported: [],
  }
}
