import {
  ProviderServer,
  CallbackError,
  type ApiAnswer,
  type ApiRequest,
  type ProviderServerOptions,
} from './providerServer'
import type { Scope } from './scope'

/** The Bot API as documented, on loopback, as far as webhooks go (https://core.telegram.org/bots/api#setwebhook). */
export async function startTelegramServer(
  scope: Scope,
  options: ProviderServerOptions = {},
): Promise<TelegramServer> {
  const server = new TelegramServer(options)
  await server.start(scope)
  return server
}

interface Webhook {
  url: string
  secret_token?: string
  allowed_updates?: string[]
  max_connections?: number
  has_custom_certificate?: boolean
}

export class TelegramServer extends ProviderServer {
  readonly botToken = `8100000001:AAF${'x'.repeat(8)}telegram-bot-token-mark`
  /** The real one calls these only; tests have others. */
  ports: readonly number[] | undefined
  webhook: Webhook = { url: '' }
  /** What bots have answered. */
  readonly sent: unknown[] = []
  pending: object[] = []
  lastError: string | undefined

  constructor(options: ProviderServerOptions) {
    super(options, (request) => this.route(request))
  }

  /** Sends an update, or keeps it when it is not taken. */
  async deliver(update: object): Promise<number | undefined> {
    const { url, secret_token } = this.webhook
    if (url === '') {
      this.pending.push(update)
      return undefined
    }
    try {
      const { status, reason } = await this.call(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(secret_token === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret_token }),
        },
        body: JSON.stringify(update),
      })
      if (status >= 300) this.lastError = `Wrong response from the webhook: ${status} ${reason}`
      return status
    } catch (thrown) {
      if (!(thrown instanceof CallbackError)) throw thrown
      this.lastError = thrown.message
      return undefined
    }
  }

  private route({ url, body }: ApiRequest): ApiAnswer {
    const [, token = '', method = ''] = /^\/bot([^/]+)\/(\w+)/.exec(decodeURIComponent(url)) ?? []
    if (!/^\d+:[\w-]+$/.test(token)) return refused(404, 'Not Found')
    if (token !== this.botToken) return refused(401, 'Unauthorized')
    const parameters = (body === '' ? {} : JSON.parse(body)) as Webhook
    switch (method) {
      case 'getWebhookInfo':
        return done({
          has_custom_certificate: false,
          pending_update_count: this.pending.length,
          ...Object.fromEntries(Object.entries(this.webhook).filter(([name]) => name !== 'secret_token')),
          ...(this.lastError === undefined ? {} : { last_error_message: this.lastError }),
        })
      case 'getMe':
        return done({ id: 8100000001, is_bot: true, first_name: 'My Bot', username: 'my_bot' })
      case 'sendMessage':
        this.sent.push(parameters)
        return done({ message_id: 1, date: 0, chat: { id: 1, type: 'private' } })
      case 'deleteWebhook':
        this.webhook = { url: '' }
        return done(true)
      case 'setWebhook':
        return this.set(parameters)
      default:
        return refused(404, 'Not Found')
    }
  }

  private set(wish: Webhook): ApiAnswer {
    const bad = (reason: string) => refused(400, `Bad Request: bad webhook: ${reason}`)
    if (!wish.url.startsWith('https://')) return bad('An HTTPS URL must be provided for webhook')
    const { port, hostname } = new URL(wish.url)
    if (this.ports?.includes(Number(port || 443)) === false)
      return bad('Webhook can be set up only on ports 80, 88, 443 or 8443')
    if (!hostname.endsWith('localhost')) return bad('Failed to resolve host: Name or service not known')
    if (!/^[\w-]{0,256}$/.test(wish.secret_token ?? ''))
      return refused(400, 'Bad Request: secret token contains unallowed characters')
    this.webhook = { max_connections: 40, ...wish }
    return done(true)
  }
}

function done(result: unknown): ApiAnswer {
  return { status: 200, body: { ok: true, result } }
}

function refused(code: number, description: string): ApiAnswer {
  return { status: code, body: { ok: false, error_code: code, description } }
}
