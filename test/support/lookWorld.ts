import { randomBytes } from 'node:crypto'
import { connect, isIP } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../src/base/clock'
import type { Accept } from '../../src/base/visitor'
import type { ServerEvidence } from '../../src/servers/look/evidence'
import { lookAtServer, type LookRequest } from '../../src/servers/look/lookAtServer'
import { gatewayProfile } from '../../src/servers/gateway'
import { fillIn } from '../../src/servers/profile'
import type { Proposal } from '../../src/servers/propose/proposal'
import { propose } from '../../src/servers/propose/propose'
import { formatProblem, readServers } from '../../src/servers/validation'
import type { RemoteForward } from '../../src/ssh/remoteForwards'
import type { Transport } from '../../src/ssh/transport'
import { CollectedLog } from './collectedLog'
import { freePort } from './freePort'
import { logIn } from './logIn'
import type { Scope } from './scope'
import type { ClientKey, Sshd } from './sshd'
import { createTestCa, type TestCa } from './testCa'
import { loginTo } from './world'

/** What a look at a server of this machine needs in place of the world outside. */
export interface LookWorld {
  /** No other test has it; names in it lead to this machine, and all others nowhere. */
  readonly domain: string
  readonly ca: TestCa
  /** In place of 443 and 80. */
  readonly ports: { readonly https: number; readonly http: number }
  readonly log: CollectedLog
  login(sshd: Sshd, key?: ClientKey): Promise<Transport>
  look(
    transport: Transport,
    changes?: Partial<LookRequest>,
  ): Promise<{ readonly evidence: ServerEvidence; readonly proposals: readonly Proposal[] }>
}

export async function startLookWorld(scope: Scope): Promise<LookWorld> {
  const domain = `look-${randomBytes(5).toString('hex')}.localhost`
  const ca = await createTestCa(scope)
  const ports = { https: await freePort(), http: await freePort() }
  const log = new CollectedLog()
  const directory = scope.tempDir('look')
  return {
    domain,
    ca,
    ports,
    log,
    async login(sshd, key) {
      const knownHostsFile = join(directory, 'known_hosts')
      writeFileSync(knownHostsFile, `${sshd.knownHostsLine}\n`)
      const settings = loginTo(sshd, { key: key ?? (await sshd.newClientKey()), knownHostsFile })
      const transport = await logIn(scope, settings, log)
      return transport
    },
    async look(transport, changes = {}) {
      const { user, hostName, port } = transport.settings
      const evidence = await lookAtServer({
        transport,
        ssh: `${user}@${hostName}:${port}`,
        domain,
        resolver: (name) =>
          Promise.resolve(
            isIP(name) !== 0 || name === domain || name.endsWith(`.${domain}`) ? ['127.0.0.1'] : [],
          ),
        ca: ca.certPem,
        ports,
        socketDirectory: join(directory, 'sockets'),
        clock: systemClock,
        log,
        signal: new AbortController().signal,
        onProgress: () => undefined,
        ...changes,
      })
      return { evidence, ...propose(evidence) }
    },
  }
}

/** Opens what a proposal describes, and leads its visitors to an app. Answers the URL it then has. */
export async function expose(
  transport: Transport,
  { entry }: Proposal,
  accept: Accept,
): Promise<{ readonly publicUrl: string; readonly forward: RemoteForward }> {
  const { profiles, problems } = readServers({ proposed: entry })
  const [profile] = profiles
  if (profile === undefined || profile.kind === 'service')
    throw new Error(problems.map(formatProblem).join('\n'))
  const own = profile.kind === 'gateway' ? gatewayProfile(profile, transport.banner) : profile
  const way = fillIn(own, { name: 'my-app' })
  return { publicUrl: way.publicUrl, forward: await transport.forward(way.bind, accept) }
}

/** The stage of an app that listens on this machine. */
export function toApp(port: number): Accept {
  return ({ stream }) => {
    const socket = connect(port, '127.0.0.1')
    pipeline(stream, socket).catch(() => undefined)
    pipeline(socket, stream).catch(() => undefined)
  }
}
