import { createHmac, randomBytes, randomInt } from 'node:crypto'
import {
  ProviderServer,
  CallbackError,
  type ApiAnswer,
  type ApiRequest,
  type ProviderServerOptions,
} from './providerServer'
import type { Scope } from './scope'

export interface GraphOptions extends ProviderServerOptions {
  readonly appId?: string
  readonly appSecret?: string
  readonly pageId?: string
  readonly pageToken?: string
  /** Of the page token; all that is needed unless given. */
  readonly permissions?: readonly string[]
}

interface Subscription {
  callback_url: string
  fields: string[]
  active: boolean
}

/**
 * The Graph API as documented, on loopback, as far as webhooks go: it verifies a callback by calling it, answers with
 * the errors people report, and sends signed events where app and page are subscribed.
 */
export async function startGraphServer(scope: Scope, options: GraphOptions = {}): Promise<GraphServer> {
  const server = new GraphServer(options)
  await server.start(scope)
  return server
}

export class GraphServer extends ProviderServer {
  readonly appId: string
  readonly appSecret: string
  readonly pageId: string
  readonly pageToken: string
  permissions: readonly string[]
  isTokenExpired = false
  /** By object. */
  readonly subscriptions = new Map<string, Subscription>()
  /** What bots have answered. */
  readonly sent: unknown[] = []
  /** What the page sends to the app; undefined while it is not subscribed. */
  pageFields: string[] | undefined

  constructor(options: GraphOptions) {
    super(options, (request) => this.route(request))
    this.appId = options.appId ?? '123456789012345'
    this.appSecret = options.appSecret ?? randomBytes(16).toString('hex')
    this.pageId = options.pageId ?? '109876543210987'
    this.pageToken = options.pageToken ?? `EAAB${randomBytes(24).toString('hex')}`
    this.permissions = options.permissions ?? ['pages_manage_metadata', 'pages_messaging']
  }

  /** Sends an event as Meta does, if app and page are subscribed to the field. */
  async deliver(field: string, event: object): Promise<number | 'not subscribed'> {
    const subscription = this.subscriptions.get('page')
    const isSubscribed =
      subscription?.fields.includes(field) === true && this.pageFields?.includes(field) === true
    if (!isSubscribed) return 'not subscribed'
    const body = JSON.stringify(event)
      .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .replaceAll('/', '\\/')
    const sign = (hash: string) => `${hash}=${createHmac(hash, this.appSecret).update(body).digest('hex')}`
    const { status } = await this.call(subscription.callback_url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-hub-signature': sign('sha1'),
        'x-hub-signature-256': sign('sha256'),
      },
      body,
    })
    return status
  }

  private async route(request: ApiRequest): Promise<ApiAnswer> {
    const { pathname, searchParams } = new URL(request.url, 'http://graph')
    const [, version = '', node = '', edge = ''] = pathname.split('/')
    const parameters = request.method === 'POST' ? new URLSearchParams(request.body) : searchParams
    const token = parameters.get('access_token') ?? searchParams.get('access_token') ?? bearer(request)
    if (!/^v\d+\.\d+$/.test(version)) return error(400, 2500, 'Unknown path components: /' + node)
    if (edge === 'messages' && token === this.pageToken) {
      this.sent.push(JSON.parse(request.body))
      return { status: 200, body: { recipient_id: '1', message_id: 'm_1' } }
    }
    if (edge === 'subscriptions') return this.appLevel(request.method, node, parameters, token)
    return this.pageLevel(request.method, { node, edge, parameters, token })
  }

  private async appLevel(
    method: string,
    appId: string,
    parameters: URLSearchParams,
    token: string,
  ): Promise<ApiAnswer> {
    if (appId !== this.appId) {
      const said = `Unsupported ${method.toLowerCase()} request. Object with ID '${appId}' does not exist, cannot be loaded due to missing permissions, or does not support this operation.`
      return error(400, 100, said, 33)
    }
    // Meta repeats what it does not like.
    if (token !== `${this.appId}|${this.appSecret}`)
      return error(400, 190, `Invalid OAuth access token signature. Malformed access token ${token}`)
    const object = parameters.get('object') ?? ''
    switch (method) {
      case 'GET':
        return {
          status: 200,
          body: { data: [...this.subscriptions].map(([name, each]) => shown(name, each)) },
        }
      case 'DELETE':
        this.subscriptions.delete(object)
        return { status: 200, body: { success: true } }
      default:
        return this.subscribe(object, parameters)
    }
  }

  private async subscribe(object: string, parameters: URLSearchParams): Promise<ApiAnswer> {
    const missing = ['object', 'callback_url', 'verify_token', 'fields'].find((name) => !parameters.get(name))
    if (missing !== undefined) return error(400, 100, `(#100) The parameter ${missing} is required`)
    const callback = parameters.get('callback_url') ?? ''
    if (!callback.startsWith('https://')) return error(400, 100, '(#100) callback_url must be an https URL')
    const refusal = await this.verify(callback, parameters.get('verify_token') ?? '')
    if (refusal !== undefined) return refusal
    this.subscriptions.set(object, {
      callback_url: callback,
      fields: (parameters.get('fields') ?? '').split(','),
      active: true,
    })
    return { status: 200, body: { success: true } }
  }

  private async verify(callback: string, verifyToken: string): Promise<ApiAnswer | undefined> {
    const challenge = String(randomInt(1e8, 1e9))
    const url = new URL(callback)
    url.searchParams.set('hub.mode', 'subscribe')
    url.searchParams.set('hub.challenge', challenge)
    url.searchParams.set('hub.verify_token', verifyToken)
    const failed = (reason: string) =>
      error(400, 2200, `(#2200) Callback verification failed with the following errors: ${reason}`)
    try {
      const { status, reason, body } = await this.call(url.toString(), { method: 'GET' })
      if (status !== 200) return failed(`HTTP Status Code = ${status}; HTTP Message = ${reason}`)
      if (body === challenge) return undefined
      return error(
        400,
        2201,
        `(#2201) response does not match challenge, expected value="${challenge}", received="${body.slice(0, 100)}"`,
      )
    } catch (thrown) {
      if (!(thrown instanceof CallbackError)) throw thrown
      return failed(`curl_errno = ${thrown.curlErrno}; curl_error = ${thrown.message}`)
    }
  }

  private pageLevel(
    method: string,
    {
      node,
      edge,
      parameters,
      token,
    }: { node: string; edge: string; parameters: URLSearchParams; token: string },
  ): ApiAnswer {
    if (token !== this.pageToken)
      return error(400, 190, `Invalid OAuth access token. Malformed access token ${token}`)
    if (this.isTokenExpired)
      return error(
        400,
        190,
        'Error validating access token: Session has expired on Friday, 01-Jan-26 00:00:00 PST.',
        463,
      )
    if (edge === '' && (node === 'me' || node === this.pageId))
      return { status: 200, body: { id: this.pageId, name: 'My Page' } }
    if (edge !== 'subscribed_apps' || node !== this.pageId)
      return error(400, 100, `Unsupported get request. Object with ID '${node}' does not exist`, 33)
    if (!this.permissions.includes('pages_manage_metadata')) {
      return error(
        403,
        200,
        '(#200) To subscribe to the messages field, one of these permissions is needed: pages_manage_metadata',
      )
    }
    switch (method) {
      case 'GET': {
        const { pageFields } = this
        const app = {
          id: this.appId,
          name: 'My App',
          category: 'Messenger bot',
          subscribed_fields: pageFields,
        }
        return { status: 200, body: { data: pageFields === undefined ? [] : [app] } }
      }
      case 'DELETE':
        this.pageFields = undefined
        return { status: 200, body: { success: true } }
      default: {
        const fields = parameters.get('subscribed_fields') ?? ''
        if (fields === '') return error(400, 100, '(#100) The parameter subscribed_fields is required')
        this.pageFields = fields.split(',')
        return { status: 200, body: { success: 'true' } }
      }
    }
  }
}

function shown(object: string, { callback_url, active, fields }: Subscription): object {
  return { object, callback_url, active, fields: fields.map((name) => ({ name, version: 'v25.0' })) }
}

function bearer({ headers }: ApiRequest): string {
  return /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1] ?? ''
}

function error(status: number, code: number, message: string, subcode?: number): ApiAnswer {
  return {
    status,
    body: {
      error: {
        message,
        type: 'OAuthException',
        code,
        ...(subcode === undefined ? {} : { error_subcode: subcode }),
        fbtrace_id: 'AbCdEf',
      },
    },
  }
}
