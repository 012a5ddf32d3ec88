import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, type Clock } from '../../src/base/clock'
import type { Disposable } from '../../src/base/disposable'
import type { ServiceName, ServiceProfile } from '../../src/servers/profile'
import { adapterOf } from '../../src/servers/services/adapters'
import { listenAtService, type ServiceListening } from '../../src/servers/services/openService'
import { servicePrompts } from '../../src/servers/services/servicePrompts'
import { Connection } from '../../src/ssh/connection'
import type { SshPrompts } from '../../src/ssh/prompts'
import { toLocal } from '../../src/tunnels/toLocal'
import { startEchoApp, type EchoApp } from './apps'
import { CollectedLog } from './collectedLog'
import type { Scope } from './scope'
import { scriptedPrompts } from './scriptedPrompts'
import type { ClientKey } from './sshd'
import { generateKey } from './sshKeys'
import { createTestCa, type TestCa } from './testCa'
import { startTunnelService, type ServiceFaults, type TunnelService } from './tunnelService'
import { loginTo } from './world'

/** A tunnel service, and a connection of ours to it, as a tunnel would use it. */
export interface ServiceGuest {
  readonly service: TunnelService
  readonly connection: Connection
  readonly profile: ServiceProfile
  readonly log: CollectedLog
  /** What a person was asked. */
  readonly prompts: ReturnType<typeof scriptedPrompts>
  /** Keeps the connection in use until disposed; the scope does that too. */
  readonly use: Disposable
  readonly listen: (changes?: {
    name?: string
    signal?: AbortSignal
    clock?: Clock
  }) => Promise<ServiceListening>
}

/** What every visit of a service needs: who vouches for its URLs, the guest's key, an app. */
export interface ServiceGuestBase {
  readonly ca: TestCa
  readonly key: ClientKey
  readonly app: EchoApp
}

export async function serviceGuestBase(scope: Scope): Promise<ServiceGuestBase> {
  const path = join(scope.tempDir('key'), 'id')
  const publicKey = await generateKey({ path, type: 'ed25519' })
  return { ca: await createTestCa(scope), key: { path, publicKey }, app: await startEchoApp(scope) }
}

export async function visitService(
  scope: Scope,
  name: ServiceName,
  options: {
    readonly ca: TestCa
    readonly key: ClientKey
    readonly app: EchoApp
    readonly faults?: ServiceFaults
    /** As the service has it unless given. */
    readonly user?: string
    /** True unless given. */
    readonly isKeyKnown?: boolean
    readonly isHostKeyKnown?: boolean
    readonly domain?: string
    readonly answers?: Partial<SshPrompts>
  },
): Promise<ServiceGuest> {
  const { ca, key, app, faults = {}, isKeyKnown = true, isHostKeyKnown = true, answers = {} } = options
  const service = await startTunnelService(scope, { service: name, ca, faults })
  if (isKeyKnown) service.knownKeys.push(key.publicKey)
  const user = options.user ?? adapterOf(name).user.withoutKey ?? 'me'
  const knownHostsFile = join(scope.tempDir('known'), 'known_hosts')
  writeFileSync(knownHostsFile, isHostKeyKnown ? `${service.knownHostsLine}\n` : '')
  const settings = loginTo({ host: service.host, port: service.port, user }, { key, knownHostsFile })
  const domain = options.domain ?? (name === 'sish' ? service.domain : undefined)
  const profile = {
    ...({ kind: 'service', id: 'one', ssh: service.host, service: name } as const),
    destination: { host: service.host, port: service.port, user },
    ...(domain === undefined ? {} : { domain }),
  }
  const log = new CollectedLog()
  const prompts = scriptedPrompts(answers)
  const connection = new Connection({
    settings: () => Promise.resolve(settings),
    resolve: () => assert.fail('no jump host'),
    prompts: servicePrompts(name, prompts),
    clock: systemClock,
    log,
    isTunnelService: true,
    onUnused: () => undefined,
  })
  const use = connection.use()
  scope.add(() => use.dispose())
  const accept = toLocal(
    { host: 'localhost', port: app.port, protocol: 'http' },
    { onAnswer: () => undefined, onNoAnswer: (error) => log.warn(String(error)) },
  )
  return {
    ...{ service, connection, profile, log, prompts, use },
    listen: async ({
      name: wish = 'my-app-3000',
      signal = new AbortController().signal,
      clock = systemClock,
    } = {}) => {
      const transport = await connection.connect(signal)
      return listenAtService({ transport, profile, name: wish, accept, clock, log, signal })
    },
  }
}

/** Time in which limits of seconds are over much sooner, in their order. */
export const hurriedClock: Clock = {
  now: () => systemClock.now(),
  after: (ms, callback) => systemClock.after(ms > 5000 ? ms / 40 : ms / 5, callback),
}
