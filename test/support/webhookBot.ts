import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Scope } from './scope'

/** How a bot behaves; all right unless given. */
export interface BotManners {
  readonly path?: string
  /** Instead of the challenge alone. */
  readonly challenge?: (challenge: string) => string
  /** The answer to every verification. */
  readonly status?: number
  /** Where every request is sent on to. */
  readonly redirect?: string
  /** Answers no request until it is closed. */
  readonly isMute?: boolean
  readonly acceptsAnyToken?: boolean
  readonly checksNoSignature?: boolean
}

/** A bot as Messenger, Telegram or GitHub wants it, and in the ways in which bots are wrong. */
export async function startWebhookBot(
  scope: Scope,
  secrets: { verifyToken?: string; appSecret?: string; secretToken?: string },
): Promise<WebhookBot> {
  const bot = new WebhookBot(secrets)
  await bot.start(scope)
  return bot
}

export class WebhookBot {
  manners: BotManners = {}
  /** The bodies of the events that it took in. */
  readonly events: string[] = []
  private readonly sockets = new Set<Socket>()
  private readonly server = createServer((request, response) => void this.answer(request, response))

  constructor(private readonly secrets: { verifyToken?: string; appSecret?: string; secretToken?: string }) {
    this.server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async start(scope: Scope): Promise<void> {
    scope.add(() => this.close())
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { path = '/webhook', redirect, isMute = false } = this.manners
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://bot')
    if (isMute) return
    if (redirect !== undefined) return void response.writeHead(302, { location: redirect }).end()
    if (pathname !== path) return void response.writeHead(404).end()
    if (request.method === 'GET') this.verify(searchParams, response)
    else this.receive(request, Buffer.concat(chunks), response)
  }

  private verify(query: URLSearchParams, response: ServerResponse): void {
    const { status, challenge = (text: string) => text, acceptsAnyToken = false } = this.manners
    if (status !== undefined) return void response.writeHead(status).end()
    if (query.get('hub.verify_token') !== this.secrets.verifyToken && !acceptsAnyToken)
      return void response.writeHead(403).end()
    response.writeHead(200, { 'content-type': 'text/html' }).end(challenge(query.get('hub.challenge') ?? ''))
  }

  private receive({ headers }: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { appSecret, secretToken } = this.secrets
    const expected =
      appSecret === undefined
        ? secretToken
        : `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`
    const given = headers[appSecret === undefined ? 'x-telegram-bot-api-secret-token' : 'x-hub-signature-256']
    const isRight = this.manners.checksNoSignature === true || isSame(String(given), expected ?? '')
    if (!isRight) return void response.writeHead(403).end()
    this.events.push(body.toString())
    response.writeHead(200).end('EVENT_RECEIVED')
  }
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
