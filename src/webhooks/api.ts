import { request as requestHttp } from 'node:http'
import { request as requestHttps, type RequestOptions } from 'node:https'
import { rootCertificates } from 'node:tls'
import { delay, type Clock } from '../base/clock'
import { Cancelled } from '../base/failure'
import type { Log } from '../base/log'
import { Redactor } from '../base/redactor'
import type { ApiSettings } from './apiSettings'

export interface ApiCall {
  /** What is being done, for the log; no URL stands there, since some hold a token. */
  readonly doing: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: URLSearchParams | object
  /** What must not come out of this call but to the provider. */
  readonly secrets: readonly string[]
}

/** The provider said no. Holds no secret of the call. */
export class ApiRefusal extends Error {
  constructor(
    readonly status: number,
    /** JSON as it came, undefined where it is none. */
    readonly body: unknown,
    readonly text: string,
  ) {
    super(`HTTP ${status}`)
    this.name = 'ApiRefusal'
  }
}

/** No answer came. */
export class ApiUnreachable extends Error {
  constructor(
    /** Of Node: `ECONNREFUSED`. */
    readonly code: string,
    message: string,
    readonly host: string,
  ) {
    super(message)
    this.name = 'ApiUnreachable'
  }
}

/** Calls the API of a provider. What only reads is tried again where that may help; what changes something never is. */
export class Api {
  constructor(
    private readonly parts: {
      readonly settings: ApiSettings
      readonly clock: Clock
      readonly log: Log
      readonly signal: AbortSignal
    },
  ) {}

  get settings(): ApiSettings {
    return this.parts.settings
  }

  /** Resolves with the JSON. @throws ApiRefusal, ApiUnreachable, or Cancelled. */
  async call(call: ApiCall): Promise<unknown> {
    const { clock, log, signal } = this.parts
    for (const waitMs of [...(call.method === 'GET' ? readAgainMs : []), undefined]) {
      this.throwIfAborted()
      try {
        return await this.once(call)
      } catch (error) {
        this.throwIfAborted()
        if (waitMs === undefined || !mayPass(error)) throw error
        log.debug(`${call.doing}: ${(error as Error).message}; once more in ${waitMs} ms`)
        await delay(clock, waitMs, signal).catch(() => undefined)
      }
    }
    throw new Cancelled()
  }

  private throwIfAborted(): void {
    if (this.parts.signal.aborted) throw new Cancelled()
  }

  private async once(call: ApiCall): Promise<unknown> {
    const { settings, log, signal } = this.parts
    const { status, text } = await send(call, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
      ca: settings.ca === undefined ? undefined : [...rootCertificates, settings.ca],
    })
    log.debug(`${call.doing}: HTTP ${status}`)
    const body = parseJson(text)
    if (status >= 200 && status < 300 && body !== undefined) return body
    const said = redactorOf(call).redact(text).slice(0, 4000)
    throw new ApiRefusal(status, parseJson(said), said)
  }
}

/** The provider may be waiting for the app to verify meanwhile. */
const limitMs = 60_000
const readAgainMs = [500, 2000]
const largestAnswer = 4 * 1024 * 1024

function mayPass(error: unknown): boolean {
  return error instanceof ApiUnreachable || (error instanceof ApiRefusal && error.status >= 500)
}

interface Answer {
  readonly status: number
  readonly text: string
}

function send(call: ApiCall, how: { signal: AbortSignal; ca: string[] | undefined }): Promise<Answer> {
  const { method, url, fields = {} } = call
  const { host, protocol } = new URL(url)
  const content = contentOf(call.body)
  const options: RequestOptions = {
    method,
    agent: false,
    signal: how.signal,
    ...(how.ca === undefined ? {} : { ca: how.ca }),
    headers: {
      accept: 'application/json',
      'user-agent': 'expose-port',
      ...(content === undefined
        ? {}
        : { 'content-type': content.type, 'content-length': Buffer.byteLength(content.text) }),
      ...fields,
    },
  }
  return new Promise((resolve, reject) => {
    const fail = ({ code, name, message }: NodeJS.ErrnoException) =>
      reject(new ApiUnreachable(code ?? name, redactorOf(call).redact(message), host))
    const asked = (protocol === 'http:' ? requestHttp : requestHttps)(url, options)
    asked
      .once('error', fail)
      .once('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > largestAnswer) asked.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.once('error', fail)
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
      })
      .end(content?.text)
  })
}

function contentOf(body: ApiCall['body']): { type: string; text: string } | undefined {
  if (body === undefined) return undefined
  if (body instanceof URLSearchParams)
    return { type: 'application/x-www-form-urlencoded', text: body.toString() }
  return { type: 'application/json', text: JSON.stringify(body) }
}

function parseJson(text: string): unknown {
  try {
    // An answer without a body, such as that to a DELETE.
    return text === '' ? null : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

/** Providers repeat in their errors what they were sent: "Malformed access token …". */
function redactorOf({ secrets }: ApiCall): Redactor {
  const redactor = new Redactor()
  for (const secret of secrets) redactor.add(secret)
  return redactor
}
