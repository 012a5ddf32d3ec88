import { request as requestHttp, type ClientRequest } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../../base/clock'
import { AppConnections } from '../../http/appConnections'
import { fieldsOf, valuesOf, type Field } from '../../http/exchange'
import { dialLocal, dialLocalTls } from '../../ports/dialLocal'
import type { LocalApp } from '../../tunnels/localApp'
import { lookupPublic } from '../../tunnels/publicProbe'

/** One request as the provider would send it. */
export interface ProbeRequest {
  readonly method: 'GET' | 'POST'
  /** A path with its query. */
  readonly target: string
  readonly fields: readonly Field[]
  readonly body: Uint8Array
}

/** What came of it; times in milliseconds. */
export type ProbeAnswer =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly reason: string
      /** Empty where there is none. */
      readonly location: string
      /** Its beginning. */
      readonly body: string
      readonly ms: number
    }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly ms: number }

export interface ProbeLimits {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Until the answer has come whole. */
  readonly limitMs: number
}

/** Straight to the app on this machine. Never rejects. */
export async function askApp(
  app: LocalApp,
  request: ProbeRequest,
  limits: ProbeLimits,
): Promise<ProbeAnswer> {
  const connections = new AppConnections({
    app,
    dial: app.protocol === 'https' ? dialLocalTls : dialLocal,
    report: { onAnswer: () => undefined, onNoAnswer: () => undefined },
    clock: limits.clock,
  })
  try {
    return await ask(request, limits, (signal) =>
      requestHttp({
        agent: connections.single,
        method: request.method,
        path: request.target,
        headers: headersOf(request, app.port === 80 ? app.host : `${app.host}:${app.port}`),
        signal,
      }),
    )
  } finally {
    connections.dispose()
  }
}

/** As somebody outside would, who trusts the public authorities and `roots` only, and follows no redirect. Never rejects. */
export function askOutside(
  origin: string,
  request: ProbeRequest,
  limits: ProbeLimits & {
    /** Whom the provider trusts, in PEM. */
    readonly roots: readonly string[]
    readonly lookup?: LookupFunction | undefined
  },
): Promise<ProbeAnswer> {
  const url = new URL(request.target, origin)
  const { roots, lookup = lookupPublic } = limits
  return ask(request, limits, (signal) => {
    const options = {
      agent: false,
      method: request.method,
      headers: headersOf(request, url.host),
      lookup,
      signal,
    }
    return url.protocol === 'http:'
      ? requestHttp(url, options)
      : requestHttps(url, { ...options, ca: [...roots] })
  })
}

async function ask(
  { body }: ProbeRequest,
  { clock, signal, limitMs }: ProbeLimits,
  open: (signal: AbortSignal) => ClientRequest,
): Promise<ProbeAnswer> {
  const began = clock.now()
  const end = new AbortController()
  const timer = clock.after(limitMs, () => end.abort())
  try {
    const answer = await exchange(open(AbortSignal.any([signal, end.signal])), body)
    return { kind: 'answered', ...answer, ms: clock.now() - began }
  } catch (error) {
    const { code, name, message } = error as NodeJS.ErrnoException
    const isLate = end.signal.aborted
    return {
      kind: 'error',
      code: isLate ? 'ETIMEDOUT' : (code ?? name),
      message: isLate ? `no answer within ${limitMs / 1000} s` : message,
      ms: clock.now() - began,
    }
  } finally {
    timer.dispose()
  }
}

function exchange(
  asked: ClientRequest,
  body: Uint8Array,
): Promise<{ status: number; reason: string; location: string; body: string }> {
  return new Promise((resolve, reject) => {
    asked
      // Later ones too: an app may break off after it has answered.
      .on('error', reject)
      .once('response', (response) => {
        const chunks: Buffer[] = []
        let size = 0
        const finish = () =>
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? '',
            location: valuesOf(fieldsOf(response.rawHeaders), 'location')[0] ?? '',
            body: Buffer.concat(chunks).toString().slice(0, keptOfBody),
          })
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          size += chunk.length
          if (size < keptOfBody) return
          finish()
          asked.destroy()
        })
        response.on('error', reject)
        response.once('end', finish)
      })
      .end(body)
  })
}

const keptOfBody = 4096

function headersOf({ fields, body, method }: ProbeRequest, host: string): string[] {
  return [
    ...['Host', host],
    ...fields.flat(),
    ...(method === 'POST' ? ['Content-Length', String(body.length)] : []),
    ...['Connection', 'close'],
  ]
}
