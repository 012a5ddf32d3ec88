import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex, Writable } from 'node:stream'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { WrappedStream } from '../base/startOfStream'
import type { Accept } from '../base/visitor'
import { fieldsOf, pairsOf, rawOf, recordOf, sendHead, tokensOf, valuesOf } from './exchange'
import type { AcceptExchange, Field, HttpRequest, HttpResponse } from './exchange'
import { readTarget, trailersFrom, whatIsWrong, type Refusal } from './fields'
import { Progress } from './progress'
import { UpgradeResponse, withoutUpgrade } from './upgrade'
import { VisitorConnection } from './visitorConnection'

/** Reads what visitors send as HTTP/1.0 and 1.1 and makes exchanges of it. */
export class Http1 implements Disposable {
  private readonly connections = new Map<Duplex, VisitorConnection>()
  private readonly server = createServer({
    insecureHTTPParser: false,
    // Node's own answer would let through what comes after; see `whatIsWrong`.
    requireHostHeader: false,
    maxHeaderSize: longestHead,
    // Those of a server that listens; for one that does not, VisitorConnection has its own.
    requestTimeout: 0,
    headersTimeout: 0,
    keepAliveTimeout: 0,
  })

  constructor(
    private readonly clock: Clock,
    private readonly next: AcceptExchange,
  ) {
    const { server } = this
    // Node would leave fields out without a word; they are counted in `whatIsWrong`.
    server.maxHeadersCount = 0
    const onRequest = (request: IncomingMessage, response: ServerResponse) => this.take(request, response)
    // With a listener, Node leaves it to us, and so to the app, to say 100 Continue.
    server.on('request', onRequest).on('checkContinue', onRequest).on('checkExpectation', onRequest)
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) =>
      this.upgrade(request, stream, head),
    )
  }

  readonly accept: Accept = (visitor) => {
    // Node marks the streams it reads HTTP from with a property that ssh2's channels have for themselves. From a socket it
    // takes what comes past the stream, and so before what has been put back.
    const isLikeSocket = 'destroySoon' in visitor.stream && visitor.stream.readableLength === 0
    const stream = isLikeSocket ? visitor.stream : new WrappedStream(visitor.stream)
    const connection = new VisitorConnection(visitor, this.clock, () => stream.destroy())
    this.connections.set(stream, connection)
    stream.on('error', () => stream.destroy())
    stream.once('close', () => {
      this.connections.delete(stream)
      connection.dispose()
    })
    this.server.emit('connection', stream)
  }

  dispose(): void {
    for (const stream of [...this.connections.keys()]) stream.destroy()
  }

  private take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const connection = this.connections.get(incoming.socket)
    if (connection === undefined || connection.openExchanges >= mostPipelined) {
      incoming.socket.destroy()
      return
    }
    // What comes after a request that was refused may have been meant as a part of it.
    if (connection.isRefused) return
    const fields = fieldsOf(incoming.rawHeaders)
    const response = new Http1Response({ incoming, outgoing, fields }, connection)
    const request = readRequest(incoming, fields)
    if (typeof request === 'object') return this.next({ visitor: connection.visitor, request, response })
    connection.isRefused = true
    refuse(incoming, response, request)
  }

  private upgrade(incoming: IncomingMessage, stream: Duplex, head: Buffer): void {
    const connection = this.connections.get(stream)
    // Answers come in the order of the requests, and here nothing would hold this one back.
    if (connection === undefined || connection.isRefused || connection.openExchanges > 0)
      return void stream.destroy()
    const fields = fieldsOf(incoming.rawHeaders)
    // A body comes before the other protocol; h2c is for those who know nothing better (RFC 9113 3.1).
    if (bodyLength(fields) !== 'no body' || tokensOf(fields, 'upgrade').includes('h2c')) {
      stream.unshift(Buffer.concat([withoutUpgrade(incoming), head]))
      this.server.emit('connection', stream)
      return
    }
    if (head.length > 0) stream.unshift(head)
    const response = new UpgradeResponse(incoming, stream, connection)
    const request = readRequest(incoming, fields, valuesOf(fields, 'upgrade').join(', '))
    if (typeof request === 'object') this.next({ visitor: connection.visitor, request, response })
    else refuse(incoming, response, request)
  }
}

const longestHead = 32 * 1024
/** Browsers send the next request when the answer is there; nobody needs more than a few under way. */
const mostPipelined = 64

function readRequest(
  incoming: IncomingMessage,
  fields: readonly Field[],
  upgrade?: string,
): HttpRequest | Refusal {
  const { httpVersion: version } = incoming
  // HTTP/0.9 has neither fields nor a status, and HTTP/2 is another thing.
  if (version !== '1.0' && version !== '1.1') return 400
  const wrong = whatIsWrong(fields, version)
  if (wrong !== undefined) return wrong
  const where = readTarget(incoming.url ?? '')
  if (where === undefined) return 400
  return {
    protocol: `HTTP/${version}`,
    method: incoming.method ?? 'GET',
    target: where.target,
    fields,
    host: where.host ?? valuesOf(fields, 'host')[0],
    length: bodyLength(fields),
    body: incoming,
    trailers: () => trailersFrom(incoming.rawTrailers),
    upgrade,
  }
}

function bodyLength(fields: readonly Field[]): HttpRequest['length'] {
  if (tokensOf(fields, 'transfer-encoding').length > 0) return 'seen at its end'
  const [length = '0'] = valuesOf(fields, 'content-length')
  return Number(length) === 0 ? 'no body' : 'in a field'
}

const reasons: Record<Refusal, string> = {
  400: 'Bad Request',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
}

/** How such a request goes on is anybody's guess, so the connection ends with the answer. */
function refuse(incoming: IncomingMessage, response: HttpResponse, status: Refusal): void {
  const reason = reasons[status]
  incoming.resume()
  const text = `${status} ${reason}\n`
  const out = response.begin(status, reason, [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Content-Length', String(text.length)],
    ['Connection', 'close'],
  ])
  out.write(text)
  response.end([])
}

/** HTTP/1.0 knows nothing of answers before the answer. */
function isOld(incoming: IncomingMessage): boolean {
  return incoming.httpVersion === '1.0'
}

class Http1Response implements HttpResponse {
  private readonly done: () => void
  private readonly progress: Progress
  private gone: () => void = () => undefined

  private readonly incoming: IncomingMessage
  private readonly outgoing: ServerResponse

  constructor(
    asked: {
      readonly incoming: IncomingMessage
      readonly outgoing: ServerResponse
      readonly fields: readonly Field[]
    },
    connection: VisitorConnection,
  ) {
    const { incoming, outgoing, fields } = asked
    this.incoming = incoming
    this.outgoing = outgoing
    const body = bodyLength(fields) === 'no body' ? undefined : incoming
    this.progress = new Progress(body, outgoing, isOld(incoming) ? undefined : valuesOf(fields, 'expect')[0])
    this.done = connection.begin({
      onGone: () => this.gone(),
      isStalled: () => this.isStalled(),
      giveUp: () => this.abort(),
    })
    outgoing.on('error', () => undefined)
    outgoing.on('close', () => {
      this.done()
      if (!outgoing.writableFinished) this.gone()
    })
  }

  get hasBegun(): boolean {
    return this.outgoing.headersSent
  }

  inform(status: number, fields: readonly Field[]): void {
    const { outgoing, incoming } = this
    if (outgoing.headersSent || isOld(incoming)) return
    if (status === 100) {
      this.progress.onContinue()
      outgoing.writeContinue()
    } else if (status === 102) outgoing.writeProcessing()
    else if (status === 103) outgoing.writeEarlyHints(recordOf(fields))
  }

  begin(status: number, reason: string, fields: readonly Field[]): Writable {
    this.outgoing.writeHead(status, reason, rawOf(fields))
    sendHead(this.outgoing)
    return this.outgoing
  }

  end(trailers: readonly Field[]): void {
    if (trailers.length > 0) this.outgoing.addTrailers(pairsOf(trailers))
    this.outgoing.end()
  }

  abort(): void {
    this.outgoing.destroy()
    this.incoming.socket.destroy()
  }

  onGone(callback: () => void): void {
    this.gone = callback
  }

  private isStalled(): boolean {
    const { outgoing, progress } = this
    // Without a socket, its turn comes after the answers to what was asked before on this connection.
    return outgoing.socket !== null && progress.isStalled({ hasAnswerBegun: outgoing.headersSent })
  }
}
