import { createHmac, randomUUID } from 'node:crypto'
import {
  ProviderServer,
  CallbackError,
  type ApiAnswer,
  type ApiRequest,
  type ProviderServerOptions,
} from './providerServer'
import type { Scope } from './scope'

/** GitHub's REST API as documented, on loopback, as far as webhooks go (https://docs.github.com/rest/repos/webhooks). */
export async function startGithubServer(
  scope: Scope,
  options: ProviderServerOptions = {},
): Promise<GithubServer> {
  const server = new GithubServer(options)
  await server.start(scope)
  return server
}

interface HookConfig {
  url: string
  content_type: string
  secret?: string
}

interface Hook {
  id: number
  active: boolean
  events: string[]
  config: HookConfig
}

interface Delivery {
  id: number
  guid: string
  event: string
  action: string | null
  delivered_at: string
  redelivery: boolean
  status: string
  status_code: number
  readonly payload: object
}

export class GithubServer extends ProviderServer {
  readonly repository = 'octocat/hello-world'
  readonly accessToken = 'github_pat_access-token-mark'
  readonly hooks: Hook[] = []
  readonly deliveries: Delivery[] = []
  private nextId = 1

  constructor(options: ProviderServerOptions) {
    super(options, (request) => this.route(request))
  }

  /** Sends an event to every webhook that is subscribed to it; resolves when all have answered. */
  async deliver(event: string, payload: object): Promise<void> {
    for (const hook of this.hooks) {
      if (hook.active && (event === 'ping' || hook.events.includes(event)))
        await this.send(hook, event, payload)
    }
  }

  private async send(hook: Hook, event: string, payload: object, again?: Delivery): Promise<void> {
    const body = JSON.stringify(payload)
    const { url, secret } = hook.config
    const guid = again?.guid ?? randomUUID()
    const sign = () =>
      `sha256=${createHmac('sha256', secret ?? '')
        .update(body)
        .digest('hex')}`
    const outcome = await this.call(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': guid,
        ...(secret === undefined ? {} : { 'x-hub-signature-256': sign() }),
      },
      body,
    }).catch((error: unknown) => {
      if (error instanceof CallbackError) return { status: 0, reason: error.message }
      throw error
    })
    this.deliveries.unshift({
      id: this.nextId++,
      guid,
      event,
      action: null,
      delivered_at: new Date().toISOString(),
      redelivery: again !== undefined,
      status: outcome.status === 0 ? outcome.reason : 'OK',
      status_code: outcome.status,
      payload,
    })
  }

  private async route(request: ApiRequest): Promise<ApiAnswer> {
    const { pathname } = new URL(request.url, 'http://github')
    if (request.headers.authorization !== `Bearer ${this.accessToken}`)
      return {
        status: 401,
        body: { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' },
      }
    const base = `/repos/${this.repository}/hooks`
    if (!pathname.startsWith(base)) return notFound
    const parts = pathname.slice(base.length).split('/').slice(1)
    return this.routeHook(request, parts)
  }

  private async routeHook({ method, body }: ApiRequest, [id, edge, delivery]: string[]): Promise<ApiAnswer> {
    const wish = (body === '' ? {} : JSON.parse(body)) as Partial<Hook>
    if (id === undefined || id === '') {
      if (method === 'GET') return { status: 200, body: this.hooks.map(shown) }
      return this.create(wish)
    }
    const hook = this.hooks.find((each) => String(each.id) === id)
    if (hook === undefined) return notFound
    if (edge === 'pings') {
      await this.send(hook, 'ping', { zen: 'Keep it logically awesome.', hook_id: hook.id })
      return { status: 204, body: undefined }
    }
    if (edge === 'deliveries') return this.routeDelivery(hook, method, delivery)
    if (method === 'DELETE') {
      this.hooks.splice(this.hooks.indexOf(hook), 1)
      return { status: 204, body: undefined }
    }
    if (method === 'PATCH') Object.assign(hook, wish)
    return { status: 200, body: shown(hook) }
  }

  private async create(wish: Partial<Hook>): Promise<ApiAnswer> {
    const { config, events = ['push'] } = wish
    if (config === undefined || this.hooks.some((hook) => hook.config.url === config.url)) {
      const errors = [{ resource: 'Hook', code: 'custom', message: 'Hook already exists on this repository' }]
      return { status: 422, body: { message: 'Validation Failed', errors } }
    }
    const hook: Hook = { id: this.nextId++, active: true, events, config }
    this.hooks.push(hook)
    await this.send(hook, 'ping', { zen: 'Keep it logically awesome.', hook_id: hook.id })
    return { status: 201, body: shown(hook) }
  }

  private async routeDelivery(hook: Hook, method: string, id: string | undefined): Promise<ApiAnswer> {
    if (method === 'GET') return { status: 200, body: this.deliveries.map(({ payload: _, ...each }) => each) }
    const delivery = this.deliveries.find((each) => String(each.id) === id)
    if (delivery === undefined) return notFound
    await this.send(hook, delivery.event, delivery.payload, delivery)
    return { status: 202, body: {} }
  }
}

const notFound: ApiAnswer = { status: 404, body: { message: 'Not Found' } }

function shown(hook: Hook): object {
  const { secret, ...config } = hook.config
  return { ...hook, config: { ...config, ...(secret === undefined ? {} : { secret: '********' }) } }
}
