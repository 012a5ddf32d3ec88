import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, freePorts } from '../support/freePort'
import type { Scope, ScopedProcess } from '../support/scope'
import { startSshd, type ClientKey, type Sshd } from '../support/sshd'
import { findTool } from '../support/tools'
import { loginTo } from '../support/world'
import { bundled } from './bundled'
import { startNginxApp } from './nginxApp'
import type { AppRequest } from './processes/app'
import type { OursForward, OursRequest } from './processes/ours'
import type { RelayRequest } from './processes/relay'

/** Who forwards. `direct` is nobody: visitors call the app itself. */
export type SubjectName = 'ours' | 'openssh' | 'openssh aes128-gcm' | 'direct'

/** One way to the app: all ports are on loopback, where visitors connect. */
export interface Subject {
  readonly name: SubjectName
  readonly sourcePort: number
  readonly sinkPort: number
  readonly httpPort: number
  /** With the gate and capture; where there is none, the same as `httpPort`. */
  readonly gatePort: number
  /** Twenty more that lead to `httpPort`'s app. */
  readonly manyPorts: readonly number[]
  /** The process that forwards. */
  readonly pid: number | undefined
}

/** What all measurements share: an app, a private sshd, and those who forward, each started when first asked for. */
export class World {
  private readonly subjects = new Map<string, Promise<Subject>>()
  private readonly relays = new Map<number, Promise<number>>()
  private readonly forwarders = new Map<string, ScopedProcess>()

  private constructor(
    private readonly scope: Scope,
    readonly sshd: Sshd,
    readonly key: ClientKey,
    readonly app: AppRequest & { readonly httpPort: number },
    private readonly directory: string,
  ) {}

  static async start(scope: Scope): Promise<World> {
    const [sourcePort, sinkPort, countPort, httpPort] = (await freePorts(4)) as [
      number,
      number,
      number,
      number,
    ]
    const app = { sourcePort, sinkPort, countPort, httpPort }
    await scope.spawn(process.execPath, [bundled('app'), JSON.stringify(app)], { ready: /ready/ })
    await startNginxApp(scope, httpPort)
    // Otherwise it logs each visitor; all else is as it comes.
    const sshd = await startSshd(scope, { config: ['LogLevel ERROR'] })
    return new World(scope, sshd, await sshd.newClientKey(), app, scope.tempDir('bench'))
  }

  /** Connected once and kept, by a path that takes `rttMs` there and back. */
  subject(name: SubjectName, rttMs = 0): Promise<Subject> {
    const key = `${name} ${rttMs}`
    const known = this.subjects.get(key) ?? this.connect(name, rttMs)
    this.subjects.set(key, known)
    return known
  }

  private async connect(name: SubjectName, rttMs: number): Promise<Subject> {
    if (name === 'direct') return this.direct()
    const [sourcePort, sinkPort, httpPort, gatePort, ...manyPorts] = (await freePorts(4 + tunnels)) as [
      ...[number, number, number, number],
      ...number[],
    ]
    const plain: OursForward[] = [
      { remotePort: sourcePort, appPort: this.app.sourcePort, protocol: 'tcp' },
      { remotePort: sinkPort, appPort: this.app.sinkPort, protocol: 'tcp' },
      ...[httpPort, ...manyPorts].map((remotePort) => ({
        ...{ remotePort, appPort: this.app.httpPort, protocol: 'tcp' as const },
      })),
    ]
    const sshPort = await this.pathTo(rttMs)
    const ports = { name, sourcePort, sinkPort, httpPort, manyPorts }
    if (name === 'ours') {
      const gate: OursForward = { remotePort: gatePort, appPort: this.app.httpPort, protocol: 'http' }
      const ours = await startOurs(this.scope, this.oursRequest([...plain, gate], sshPort))
      this.forwarders.set(`${name}, ${rttMs} ms`, ours)
      return { ...ports, gatePort, pid: ours.pid }
    }
    const cipher = name === 'openssh' ? [] : ['-o', 'Ciphers=aes128-gcm@openssh.com']
    const args = [...cipher, ...this.sshArgs(plain, sshPort)]
    const ssh = await this.scope.spawn(findTool('ssh'), args)
    const listens = async () => (await this.sshd.listeners()).includes(`127.0.0.1:${manyPorts.at(-1)}`)
    await ssh.waitUntilReady(listens)
    this.forwarders.set(`${name}, ${rttMs} ms`, ssh)
    return { ...ports, gatePort: httpPort, pid: ssh.pid }
  }

  /** A line for each of those who forward that should run and does not. */
  ended(): string[] {
    return [...this.forwarders]
      .filter(([, { hasExited }]) => hasExited)
      .map(([name, { stderr }]) => `${name} has ended: ${stderr}`)
  }

  /** What the process `ours` is asked for. */
  oursRequest(forwards: readonly OursForward[], sshPort = this.sshd.port): OursRequest {
    const knownHostsFile = this.knownHosts(sshPort)
    const { host, user } = this.sshd
    return { settings: loginTo({ host, user, port: sshPort }, { key: this.key, knownHostsFile }), forwards }
  }

  /** What makes ssh forward the same, with its defaults. */
  sshArgs(forwards: readonly OursForward[], sshPort = this.sshd.port): string[] {
    return [
      '-N',
      ...forwards.flatMap(({ remotePort, appPort }) => ['-R', `${remotePort}:127.0.0.1:${appPort}`]),
      // ssh takes the first value of each.
      ...['-p', `${sshPort}`, '-o', `UserKnownHostsFile=${this.knownHosts(sshPort)}`],
      ...['-o', 'BatchMode=yes', '-o', 'ExitOnForwardFailure=yes'],
      ...this.sshd.clientArgs(this.key),
    ]
  }

  private direct(): Promise<Subject> {
    const { sourcePort, sinkPort, httpPort } = this.app
    const ports = { sourcePort, sinkPort, httpPort, gatePort: httpPort, manyPorts: [] }
    return Promise.resolve({ name: 'direct', ...ports, pid: undefined })
  }

  /** The port of sshd, or that of a relay that takes its time. */
  private pathTo(rttMs: number): Promise<number> {
    if (rttMs === 0) return Promise.resolve(this.sshd.port)
    const known = this.relays.get(rttMs) ?? this.startRelay(rttMs)
    this.relays.set(rttMs, known)
    return known
  }

  private async startRelay(rttMs: number): Promise<number> {
    const request: RelayRequest = { port: await freePort(), toPort: this.sshd.port, oneWayMs: rttMs / 2 }
    await this.scope.spawn(process.execPath, [bundled('relay'), JSON.stringify(request)], { ready: /ready/ })
    return request.port
  }

  private knownHosts(sshPort: number): string {
    const path = join(this.directory, `known_hosts-${sshPort}`)
    writeFileSync(path, `${this.sshd.knownHostsLine.replace(`:${this.sshd.port} `, `:${sshPort} `)}\n`)
    return path
  }
}

/** A process that has connected and in which every remote forward stands. `program` are Node's arguments. */
export async function startOurs(
  scope: Scope,
  request: OursRequest,
  program: readonly string[] = [bundled('ours')],
): Promise<ScopedProcess> {
  const ours = await scope.spawn(process.execPath, program, { stdin: 'pipe' })
  ours.child.stdin?.write(`${JSON.stringify(request)}\n`)
  await ours.waitUntilReady(/ready/)
  return ours
}

const tunnels = 20
