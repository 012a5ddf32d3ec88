import { Duplex, Readable, type Writable } from 'node:stream'
import { Cancelled } from '../base/failure'
import type { Capture } from './capture'
import type { ExchangeSource } from './capturedExchange'
import { tokensOf, valuesOf, type AcceptExchange, type Field } from './exchange'
import type { HttpRequest, HttpResponse } from './exchange'

/** A request to be sent to the app by the person whose app it is. */
export interface ReplayRequest {
  readonly source: ExchangeSource
  readonly method: string
  readonly target: string
  /** What the visitor called. */
  readonly host: string
  /** As the visitor sent them. What they say of the body's length is made right. */
  readonly fields: readonly Field[]
  readonly body: Uint8Array
  readonly trailers: readonly Field[]
}

/**
 * Sends a request to the app as if a visitor had, and captures it. Resolves with the id of the captured exchange when
 * the answer has ended, however that was.
 * @throws Cancelled when `signal` is aborted, or what it was aborted with where that is a Failure.
 */
export function replay(
  request: ReplayRequest,
  way: {
    readonly capture: Capture
    readonly toApp: AcceptExchange
    /** For the app, where the gate tells it who called. */
    readonly visitorAddress: string
    readonly signal: AbortSignal
  },
): Promise<number> {
  const { capture, toApp, visitorAddress, signal } = way
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const response = new ReplayResponse()
    const leave = () => response.leave()
    const { id, exchange } = capture.record(
      {
        visitor: { stream: response.out, originator: { address: visitorAddress, port: 0 } },
        request: readRequest(request),
        response,
      },
      {
        ...{ source: request.source, visitorAddress },
        told: {
          onOver: () => {
            signal.removeEventListener('abort', leave)
            if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : new Cancelled())
            else resolve(id)
          },
        },
      },
    )
    signal.addEventListener('abort', leave, { once: true })
    toApp(exchange)
  })
}

function readRequest({ method, target, host, fields, body, trailers }: ReplayRequest): HttpRequest {
  const isChunked = trailers.length > 0 || tokensOf(fields, 'transfer-encoding').length > 0
  return {
    ...{ protocol: 'HTTP/1.1', method, target, host, upgrade: undefined },
    fields: isChunked ? without(fields, 'content-length') : withLength(fields, body.length),
    length: isChunked ? 'seen at its end' : body.length > 0 ? 'in a field' : 'no body',
    body: Readable.from(body.length > 0 ? [Buffer.from(body)] : [], { objectMode: false }),
    trailers: () => trailers,
  }
}

/** In the place and the letters of the one there is, for a body that may have been edited. */
function withLength(fields: readonly Field[], length: number): Field[] {
  const [first] = valuesOf(fields, 'content-length')
  const value = String(length)
  if (first === undefined) return length === 0 ? [...fields] : [...fields, ['Content-Length', value]]
  const at = fields.findIndex(([name]) => name.toLowerCase() === 'content-length')
  return fields.flatMap((field, index): Field[] => {
    if (field[0].toLowerCase() !== 'content-length') return [field]
    return index === at ? [[field[0], value]] : []
  })
}

function without(fields: readonly Field[], dropped: string): Field[] {
  return fields.filter(([name]) => name.toLowerCase() !== dropped)
}

/** Nobody reads the answer but the capture. */
class ReplayResponse implements HttpResponse {
  private gone: () => void = () => undefined
  private begun = false
  readonly out = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => done(),
  })

  get hasBegun(): boolean {
    return this.begun
  }

  inform(): void {
    // The capture has heard it.
  }

  begin(): Writable {
    this.begun = true
    return this.out
  }

  end(): void {
    this.out.end()
  }

  abort(): void {
    this.out.destroy()
  }

  onGone(callback: () => void): void {
    this.gone = callback
  }

  leave(): void {
    this.gone()
    this.out.destroy()
  }
}
