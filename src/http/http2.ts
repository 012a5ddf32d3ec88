import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex, Writable } from 'node:stream'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { answerStatus } from './answers'
import { fieldsOf, recordOf, valuesOf, type AcceptExchange, type Field } from './exchange'
import type { HttpRequest, HttpResponse } from './exchange'
import { isTarget, joinCookies, mostFields, trailersFrom, whatIsWrong } from './fields'
import { Progress } from './progress'
import { VisitorConnection } from './visitorConnection'

/** Reads what visitors send as HTTP/2 and makes exchanges of it. Takes TLS streams on which h2 was agreed. */
export class Http2 implements Disposable {
  private readonly sessions = new Map<Duplex, VisitorConnection>()
  private readonly server: Http2Server = createServer(settings)
  /** Takes the session of the stream that is being accepted: Node tells of it before `emit` returns. */
  private onSession: ((session: ServerHttp2Session) => void) | undefined

  constructor(
    private readonly options: { clock: Clock; log: Log },
    private readonly next: AcceptExchange,
  ) {
    const { server } = this
    server.on('session', (session) => {
      try {
        session.setLocalWindowSize(sessionWindow)
        this.onSession?.(session)
      } catch (error) {
        // The visitor has gone already.
        options.log.debug(`HTTP/2: ${String(error)}`)
        session.destroy()
      }
    })
    server.on('unknownProtocol', (socket: Duplex) => socket.destroy())
    server.on('sessionError', (error: Error) => options.log.debug(`HTTP/2: ${error.message}`))
  }

  readonly accept: Accept = (visitor) => {
    const { stream } = visitor
    let session: ServerHttp2Session | undefined
    // A session says goodbye first.
    const giveUp = () => (session === undefined ? stream.destroy() : session.destroy())
    const connection = new VisitorConnection(visitor, this.options.clock, giveUp)
    this.sessions.set(stream, connection)
    stream.on('error', () => stream.destroy())
    // Nobody is there any more, and Node waits for more of a stream that may be half open.
    stream.once('end', () => stream.destroy())
    stream.once('close', () => {
      this.sessions.delete(stream)
      connection.dispose()
    })
    this.onSession = (opened) => {
      session = opened
      const onStream = (
        incoming: ServerHttp2Stream,
        headers: IncomingHttpHeaders,
        _flags: number,
        raw: string[],
      ) => this.take(connection, incoming, headers, raw)
      opened.on('stream', onStream)
      watchForSilence(opened, this.options.clock)
    }
    this.server.emit('connection', stream)
    this.onSession = undefined
  }

  dispose(): void {
    for (const stream of [...this.sessions.keys()]) stream.destroy()
  }

  private take(
    connection: VisitorConnection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    raw: readonly string[],
  ): void {
    const request = readRequest(stream, headers, fieldsOf(raw))
    const exchange = {
      visitor: connection.visitor,
      request,
      response: new Http2Response(stream, headers.expect, connection),
    }
    const wrong = whatIsWrong(request.fields, '2.0')
    // Nobody is told that Extended CONNECT is known (RFC 8441), and the plain one is for proxies.
    const refuse = (status: number, reason: string) =>
      answerStatus(exchange, { status, reason, note: reason })
    if (request.method === 'CONNECT') refuse(405, 'Method Not Allowed')
    else if (wrong !== undefined || !isTarget(request.target)) refuse(400, 'Bad Request')
    else this.next(exchange)
  }
}

/**
 * Ends a session that does not answer any more. Node does not tell when it has broken off for a frame that is
 * against the rules, and reads nothing from then on, not even the visitor's end.
 */
function watchForSilence(session: ServerHttp2Session, clock: Clock): void {
  let unanswered = 0
  const look = () => {
    // As much as a slow visitor may have before them that is still under way.
    if (session.destroyed) return
    if (unanswered >= 2) {
      session.destroy()
      return
    }
    unanswered++
    session.ping((error) => {
      if (error === null) unanswered = 0
    })
    timer = clock.after(pingIntervalMs, look)
  }
  let timer = clock.after(pingIntervalMs, look)
  session.once('close', () => timer.dispose())
}

const pingIntervalMs = 60_000

/** How much may be under way to us on one session: what long ways and fast uploads need. */
const sessionWindow = 16 * 1024 * 1024

const settings = {
  settings: {
    // The same for each stream.
    initialWindowSize: 4 * 1024 * 1024,
    maxConcurrentStreams: 100,
    maxHeaderListSize: 32 * 1024,
    enablePush: false,
    // WebSocket then comes by HTTP/1.1 (RFC 8441 3).
    enableConnectProtocol: false,
  },
  maxHeaderListPairs: mostFields,
  // In MB. Node's own limit is below what the window allows.
  maxSessionMemory: 64,
}

function readRequest(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  all: readonly Field[],
): HttpRequest {
  const ownFields = all.filter(([name]) => !name.startsWith(':'))
  const host = headers[':authority'] ?? valuesOf(ownFields, 'host')[0]
  let trailers: readonly Field[] = []
  stream.on('trailers', (_headers, _flags, raw?: string[]) => (trailers = trailersFrom(raw ?? [])))
  // RFC 9113 8.3.1: :authority stands for Host.
  const rest = headers[':authority'] === undefined ? ownFields : ownFields.filter(([name]) => name !== 'host')
  const isHostMissing = valuesOf(rest, 'host').length === 0
  return {
    protocol: 'HTTP/2',
    method: headers[':method'] ?? 'GET',
    target: headers[':path'] ?? '',
    fields: joinCookies(isHostMissing && host !== undefined ? [['host', host], ...rest] : rest),
    host,
    length: lengthOf(stream, ownFields),
    body: stream,
    trailers: () => trailers,
    upgrade: undefined,
  }
}

function lengthOf(stream: ServerHttp2Stream, fields: readonly Field[]): HttpRequest['length'] {
  if (stream.endAfterHeaders) return 'no body'
  return valuesOf(fields, 'content-length').length > 0 ? 'in a field' : 'seen at its end'
}

class Http2Response implements HttpResponse {
  private gone: () => void = () => undefined
  private readonly progress: Progress

  constructor(
    private readonly stream: ServerHttp2Stream,
    expect: string | undefined,
    connection: VisitorConnection,
  ) {
    this.progress = new Progress(stream, stream, expect)
    const done = connection.begin({
      onGone: () => this.gone(),
      isStalled: () => this.progress.isStalled({ hasAnswerBegun: stream.headersSent }),
      giveUp: () => stream.close(constants.NGHTTP2_CANCEL),
    })
    stream.on('error', () => undefined) // 'close' follows
    // Tells of a visitor who cancels, before their body ends as if it were whole.
    stream.once('aborted', () => this.gone())
    stream.once('close', () => {
      done()
      if (!stream.writableFinished) this.gone()
    })
  }

  get hasBegun(): boolean {
    return this.stream.headersSent
  }

  inform(status: number, fields: readonly Field[]): void {
    if (this.stream.headersSent || this.stream.closed) return
    if (status === 100) this.progress.onContinue()
    this.stream.additionalHeaders({ ...recordOf(fields), ':status': status })
  }

  begin(status: number, _reason: string, fields: readonly Field[]): Writable {
    const { stream } = this
    if (stream.closed) return stream
    leniently(recordOf(fields), (headers) =>
      stream.respond({ ...headers, ':status': status }, { waitForTrailers: true }),
    )
    return stream
  }

  end(trailers: readonly Field[]): void {
    const { stream } = this
    stream.once('wantTrailers', () => {
      try {
        leniently(recordOf(trailers), (headers) => stream.sendTrailers(headers))
      } catch {
        this.abort()
      }
    })
    stream.once('finish', () => {
      // RFC 9113 8.1: the visitor need not send the rest of what nobody reads any more.
      if (!stream.readableEnded && !stream.endAfterHeaders) stream.close(constants.NGHTTP2_NO_ERROR)
    })
    stream.end()
  }

  abort(): void {
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  onGone(callback: () => void): void {
    this.gone = callback
  }
}

/** Node takes some names once only, where HTTP/1.1 lets everything pass. */
function leniently(
  record: Record<string, string | string[]>,
  send: (record: Record<string, string | string[]>) => void,
): void {
  try {
    send(record)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error
    send(onceEach(record))
  }
}

function onceEach(record: Record<string, string | string[]>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name,
      typeof value === 'string' || name === 'set-cookie' ? value : (value.at(-1) ?? ''),
    ]),
  )
}
