import assert from 'node:assert/strict'
import { systemClock } from '../../../src/base/clock'
import { isPublicApi, usualApis, type ApiSettings } from '../../../src/webhooks/apiSettings'
import type { RegistrationMemory } from '../../../src/webhooks/keptRegistrations'
import type { Finding } from '../../../src/webhooks/preflight/evidence'
import { judgePreflight } from '../../../src/webhooks/preflight/judge'
import { gatherPreflight } from '../../../src/webhooks/preflight/preflight'
import type { Answers, Provider } from '../../../src/webhooks/provider'
import { ProviderFailure } from '../../../src/webhooks/providerFailure'
import { Registrations } from '../../../src/webhooks/registrations'
import { CollectedLog } from '../../support/collectedLog'
import { startNginx, type Nginx } from '../../support/nginx'
import { visit } from '../../support/publicFetch'
import type { Scope } from '../../support/scope'
import { createTestCa, type TestCa } from '../../support/testCa'
import { startWebhookBot, type WebhookBot } from '../../support/webhookBot'

/** What a provider meets: a bot, and nginx that makes it public under two names. */
export interface WebhookWorld {
  readonly ca: TestCa
  readonly nginx: Nginx
  readonly bot: WebhookBot
  readonly callbackUrl: string
}

export const publicName = 'bot.dev.localhost'
export const productionName = 'production.dev.localhost'

export async function startWebhookWorld(
  scope: Scope,
  secrets: { verifyToken?: string; appSecret?: string; secretToken?: string },
): Promise<WebhookWorld> {
  const ca = await createTestCa(scope)
  const bot = await startWebhookBot(scope, secrets)
  const nginx = await startNginx(scope, {
    ca,
    servers: [
      { kind: 'port', name: publicName, upstreamPort: bot.port },
      { kind: 'port', name: productionName, upstreamPort: bot.port },
    ],
  })
  // Its worker comes after its pid file, and is not to be taken for a leak of the first test.
  await visit(nginx.url(publicName), { ca })
  return { ca, nginx, bot, callbackUrl: `${nginx.url(publicName)}/webhook` }
}

/** As VS Code's Memento, which keeps JSON. */
export class MapMemory implements RegistrationMemory {
  private readonly values = new Map<string, string>()
  keys(): string[] {
    return [...this.values.keys()]
  }
  get(key: string): unknown {
    const value = this.values.get(key)
    return value === undefined ? undefined : JSON.parse(value)
  }
  update(key: string, value: unknown): Promise<void> {
    if (value === undefined) this.values.delete(key)
    else this.values.set(key, JSON.stringify(value))
    return Promise.resolve()
  }
  get text(): string {
    return JSON.stringify([...this.values])
  }
}

export function registrationsOf(apis: Partial<ApiSettings>): {
  registrations: Registrations
  memory: MapMemory
  log: CollectedLog
} {
  const memory = new MapMemory()
  const log = new CollectedLog()
  const settings = () => ({ ...usualApis, ...apis })
  return { registrations: new Registrations({ memory, settings, clock: systemClock, log }), memory, log }
}

/** What the preflight finds. */
export async function examine(
  world: WebhookWorld,
  provider: Provider,
  answers: Answers,
  changes: {
    callbackUrl?: string
    apiUrl?: string
    ca?: string | undefined
    limitMs?: number
    port?: number
  } = {},
): Promise<Finding[]> {
  const evidence = await gatherPreflight({
    ...{ provider, answers, clock: systemClock, signal: new AbortController().signal },
    app: { host: 'localhost', port: changes.port ?? world.bot.port, protocol: 'http' },
    callbackUrl: changes.callbackUrl ?? world.callbackUrl,
    isProviderPublic: isPublicApi(changes.apiUrl ?? 'http://127.0.0.1'),
    ca: 'ca' in changes ? changes.ca : world.ca.certPem,
    ...(changes.limitMs === undefined ? {} : { limitMs: changes.limitMs }),
  })
  return judgePreflight(evidence, provider.rules)
}

/** The provider's no. */
export async function refused(work: Promise<unknown>): Promise<ProviderFailure> {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ProviderFailure, String(error))
  return error
}
