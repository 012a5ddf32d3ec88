import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { rootCertificates } from 'node:tls'
import type { Scope } from './scope'
import type { TestCa } from './testCa'

/** One call of a provider's API, as it came. */
export interface ApiRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface ApiAnswer {
  readonly status: number
  readonly body: unknown
}

/** How a provider's own HTTP client fares at a callback. */
export interface CallbackAnswer {
  readonly status: number
  readonly reason: string
  readonly body: string
}

/** Why it got no answer: curl's number (https://curl.se/libcurl/c/libcurl-errors.html). */
export class CallbackError extends Error {
  constructor(
    readonly curlErrno: number,
    message: string,
  ) {
    super(message)
  }
}

export interface ProviderServerOptions {
  /** Whom the provider trusts, besides the public authorities. */
  readonly ca?: TestCa
  /** How long it waits for a callback. */
  readonly patienceMs?: number
  readonly maxRedirects?: number
}

/** An API on loopback that calls callbacks over HTTPS as an outsider. */
export class ProviderServer {
  readonly requests: ApiRequest[] = []
  /** Answers given instead of the right ones, first come first served; to calls of that method if one is named. */
  readonly instead: ((ApiAnswer & { readonly method?: string }) | 'hang up')[] = []
  private readonly sockets = new Set<Socket>()
  private readonly server = createServer((request, response) => void this.receive(request, response))

  constructor(
    protected readonly options: ProviderServerOptions,
    private readonly answer: (request: ApiRequest) => Promise<ApiAnswer> | ApiAnswer,
  ) {
    this.server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async start(scope: Scope): Promise<void> {
    scope.add(() => {
      for (const socket of this.sockets) socket.destroy()
      this.server.close()
    })
    await once(this.server.listen(0, '127.0.0.1'), 'listening')
  }

  /** Calls a callback as a provider does, following as many redirects as it follows. @throws CallbackError */
  async call(
    callback: string,
    request: { method: string; headers?: Record<string, string>; body?: string | Uint8Array },
  ): Promise<CallbackAnswer> {
    const { maxRedirects = 2 } = this.options
    let url = callback
    for (let followed = 0; ; followed++) {
      const { location, ...answer } = await this.callOnce(url, request)
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return answer
      if (followed === maxRedirects)
        throw new CallbackError(47, `Maximum (${maxRedirects}) redirects followed`)
      url = new URL(location, url).toString()
    }
  }

  private callOnce(
    callback: string,
    {
      method,
      headers = {},
      body,
    }: { method: string; headers?: Record<string, string>; body?: string | Uint8Array },
  ): Promise<CallbackAnswer & { location: string | undefined }> {
    const { ca, patienceMs = 10_000 } = this.options
    return new Promise((resolve, reject) => {
      const asked = requestHttps(callback, {
        method,
        headers,
        agent: false,
        ca: [...rootCertificates, ...(ca === undefined ? [] : [ca.certPem])],
        signal: AbortSignal.timeout(patienceMs),
        lookup: (hostname, options, done) => {
          if (!hostname.endsWith('.localhost') && hostname !== 'localhost')
            return done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 4)
          if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }])
          else done(null, '127.0.0.1', 4)
        },
      })
      const fail = ({ code, name, message }: NodeJS.ErrnoException) =>
        reject(new CallbackError(curlErrno(code ?? name), message))
      asked
        .on('error', fail)
        .once('response', (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', fail)
          response.once('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              reason: response.statusMessage ?? '',
              body: Buffer.concat(chunks).toString(),
              location: response.headers.location,
            }),
          )
        })
        .end(body)
    })
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', url = '', headers } = request
    const call: ApiRequest = { method, url, headers, body: Buffer.concat(chunks).toString() }
    this.requests.push(call)
    const { status, body } = await this.next(call, response)
    if (response.destroyed) return
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body)
    response
      .writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html' : 'application/json' })
      .end(text)
  }

  private async next(call: ApiRequest, response: ServerResponse): Promise<ApiAnswer> {
    const index = this.instead.findIndex(
      (each) => each === 'hang up' || each.method === undefined || each.method === call.method,
    )
    const [instead] = index < 0 ? [] : this.instead.splice(index, 1)
    if (instead === undefined) return this.answer(call)
    if (instead !== 'hang up') return instead
    response.destroy()
    return { status: 0, body: '' }
  }
}

function curlErrno(code: string): number {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 51
  if (/SELF_SIGNED|UNABLE_TO|CERT_/.test(code)) return 60
  if (code === 'TimeoutError' || code === 'ABORT_ERR' || code === 'AbortError') return 28
  if (code === 'ENOTFOUND') return 6
  if (code === 'ECONNREFUSED') return 7
  return 56
}
