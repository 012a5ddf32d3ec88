import * as v from 'valibot'
import type { Api, ApiCall } from '../api'
import { apiUrl } from '../apiSettings'
import { need } from '../asks'
import type { Answers, Ask, Registrar, Registration } from '../provider'
import { ProviderFailure } from '../providerFailure'
import { githubFailure } from './githubFailures'

/** GitHub shows it as ********. */
const formerSecret: Ask = {
  id: 'formerHookSecret',
  label: 'Secret that the webhook had',
  prompt: 'GitHub does not tell it. Leave it empty if it had none.',
  isSecret: true,
  isOptional: true,
  envNames: [],
}

/** A repository has many webhooks: ours stands beside the others. https://docs.github.com/rest/repos/webhooks */
export const githubRegistrar: Registrar = {
  account: (answers) => need(answers, 'repository').toLowerCase(),
  read,
  async register(api, answers, { callbackUrl, events, present }) {
    const secret = need(answers, 'hookSecret')
    const hook = { active: true, events, config: configOf(callbackUrl, secret) }
    const id = idOf(present)
    if (id === undefined) {
      await call(api, answers, {
        doing: 'creating the webhook',
        method: 'POST',
        path: '',
        body: { name: 'web', ...hook },
        schema: hookSchema,
      })
    } else {
      await call(api, answers, {
        doing: 'changing the webhook',
        method: 'PATCH',
        path: `/${id}`,
        body: hook,
        schema: hookSchema,
      })
      // A new one is pinged by GitHub itself.
      await call(api, answers, {
        doing: 'pinging',
        method: 'POST',
        path: `/${id}/pings`,
        schema: v.unknown(),
      })
    }
    return ['GitHub sends a ping now.']
  },
  async restore(api, answers, former, ours) {
    const id = idOf(ours)
    if (id === undefined) return
    if (former === undefined) {
      await call(api, answers, {
        doing: 'removing the webhook',
        method: 'DELETE',
        path: `/${id}`,
        schema: v.unknown(),
      })
      return
    }
    await call(api, answers, {
      doing: 'changing the webhook back',
      method: 'PATCH',
      path: `/${id}`,
      body: {
        active: former.isActive,
        events: former.events,
        config: configOf(former.callbackUrl, answers[formerSecret.id] ?? ''),
      },
      schema: hookSchema,
    })
  },
  formerSecret,
  deliveries: {
    async list(api, answers, ours) {
      const deliveries = await call(api, answers, {
        doing: 'reading the deliveries',
        method: 'GET',
        path: `/${needId(ours)}/deliveries?per_page=30`,
        schema: deliveriesSchema,
      })
      return deliveries.map(({ id, event, action, delivered_at, status, status_code }) => ({
        id: String(id),
        event: action === null ? event : `${event} ${action}`,
        at: delivered_at,
        outcome: status_code === 0 ? status : `${status_code} ${status}`,
      }))
    },
    async again(api, answers, ours, deliveryId) {
      await call(api, answers, {
        doing: 'asking for a redelivery',
        method: 'POST',
        path: `/${needId(ours)}/deliveries/${encodeURIComponent(deliveryId)}/attempts`,
        schema: v.unknown(),
      })
    },
  },
}

async function read(api: Api, answers: Answers, ours: readonly string[]): Promise<Registration | undefined> {
  const hooks = await call(api, answers, {
    doing: 'reading the webhooks',
    method: 'GET',
    path: '?per_page=100',
    schema: v.array(hookSchema),
  })
  const found = hooks.find(({ config }) => ours.includes(config.url))
  if (found === undefined) return undefined
  const { id, active, events, config } = found
  return { callbackUrl: config.url, events, isActive: active, more: { hookId: id } }
}

async function call<T>(
  api: Api,
  answers: Answers,
  request: {
    doing: string
    method: ApiCall['method']
    /** Below the repository's hooks. */
    path: string
    body?: object
    schema: v.GenericSchema<unknown, T>
  },
): Promise<T> {
  const { doing, method, path, body, schema } = request
  const { githubUrl, githubVersion } = api.settings
  const repository = need(answers, 'repository')
  const token = need(answers, 'accessToken')
  const under = repository.split('/').map(encodeURIComponent).join('/')
  try {
    const answer = await api.call({
      ...{ doing, method, url: apiUrl(githubUrl, `/repos/${under}/hooks${path}`) },
      fields: {
        accept: 'application/vnd.github+json',
        authorization: `Bearer ${token}`,
        'x-github-api-version': githubVersion,
      },
      ...(body === undefined ? {} : { body }),
      secrets: [token, answers['hookSecret'] ?? '', answers[formerSecret.id] ?? ''],
    })
    return v.parse(schema, answer)
  } catch (error) {
    throw githubFailure(error, repository)
  }
}

function configOf(url: string, secret: string): object {
  return { url, content_type: 'json', insecure_ssl: '0', ...(secret === '' ? {} : { secret }) }
}

function idOf(registration: Registration | undefined): number | undefined {
  const parsed = v.safeParse(v.object({ hookId: v.number() }), registration?.more)
  return parsed.success ? parsed.output.hookId : undefined
}

function needId(ours: Registration): number {
  const id = idOf(ours)
  if (id !== undefined) return id
  throw new ProviderFailure({
    kind: 'github-hook-unknown',
    message: 'It is not known which webhook of the repository is ours.',
    advice: 'Set the webhook up again.',
  })
}

const hookSchema = v.object({
  id: v.number(),
  active: v.boolean(),
  events: v.array(v.string()),
  config: v.object({ url: v.optional(v.string(), '') }),
})

const deliveriesSchema = v.array(
  v.object({
    id: v.number(),
    event: v.string(),
    action: v.optional(v.nullable(v.string()), null),
    delivered_at: v.string(),
    status: v.string(),
    status_code: v.number(),
  }),
)
