import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import { Places } from '../base/places'
import { answerByGate, answerStatus } from './answers'
import type { AppAddress, AppConnections } from './appConnections'
import { fieldsOf, pairsOf, rawOf, sendHead, tokensOf, type AcceptExchange, type Exchange } from './exchange'
import { trailersFrom, withoutConnectionFields } from './fields'
import type { GateOptions } from './gateOptions'
import { gateAnswers, type GateAnswer } from './gatePage'
import { fieldForVisitor, fieldsForApp, fieldsForVisitor, type Names } from './towardsApp'

/** The last stage for exchanges: asks the local app by HTTP/1.1 and brings back what it says, both as they come. */
export class ToApp implements Disposable {
  private readonly open = new Places<Forwarding>()
  private isClosed = false

  constructor(
    private readonly options: {
      readonly app: AppAddress
      readonly names: () => Names
      readonly gate: () => GateOptions
      readonly connections: AppConnections
      readonly clock: Clock
      readonly log: Log
    },
  ) {}

  readonly accept: AcceptExchange = (exchange) =>
    this.ask(exchange, {
      onReached: () => undefined,
      onUnsent: (why) => void answerByGate(exchange, why),
    })

  /** Asks for somebody who does not want the exchange to be answered while the app has not seen a byte of it. */
  ask(exchange: Exchange, asker: Asker): void {
    if (this.isClosed) return asker.onUnsent(gateAnswers.closed)
    if (this.open.size >= mostExchanges) return asker.onUnsent(tooMany)
    const forwarding = new Forwarding(exchange, asker, this.options)
    const place = this.open.add(forwarding)
    forwarding.start(() => this.open.delete(place, forwarding))
  }

  /** From now on no request reaches the app, and those that wait for their answer get another. Resolves when they have. */
  async close(): Promise<void> {
    this.isClosed = true
    const said = this.open.all.flatMap((forwarding) => forwarding.answerInstead(gateAnswers.closed) ?? [])
    await Promise.allSettled(said.map((out) => finished(out, { readable: false })))
  }

  dispose(): void {
    for (const forwarding of this.open.all) forwarding.dispose()
  }
}

/** Each has a socket to the app. */
const mostExchanges = 2048

const tooMany: GateAnswer = {
  ...gateAnswers.tooMany,
  note: `${mostExchanges} requests were waiting for the app already.`,
}

export interface Asker {
  /** The app took the connection: from here on it may have seen the request. */
  onReached(): void
  /** It did not. What would have been answered; to answer is the asker's. */
  onUnsent(why: GateAnswer): void
}

class Forwarding implements Disposable {
  private outgoing: ClientRequest | undefined
  private isOver = false
  private hasAnswer = false
  private onOver: () => void = () => undefined
  /** Rings when the app has said nothing for too long. */
  private patience: Disposable | undefined
  private readonly names: Names

  constructor(
    private readonly exchange: Exchange,
    private readonly asker: Asker,
    private readonly options: ConstructorParameters<typeof ToApp>[0],
  ) {
    this.names = options.names()
  }

  start(onOver: () => void): void {
    this.onOver = onOver
    this.exchange.response.onGone(() => this.dispose())
    this.exchange.request.body.on('error', () => undefined) // the response hears that the visitor has gone
    this.ask({ onKept: this.mayRepeat() })
  }

  /** What the gate says, unless the app's answer has begun. */
  answerInstead(answer: GateAnswer): Writable | undefined {
    if (this.isOver || this.exchange.response.hasBegun) return undefined
    this.outgoing?.destroy()
    const out = answerByGate(this.exchange, answer)
    this.finish()
    return out
  }

  /** Nobody is left for the answer. */
  dispose(): void {
    if (this.isOver) return
    this.over()
    this.outgoing?.destroy()
  }

  /** RFC 9110 9.2.2: a kept connection may turn out to be closed, and then the request is sent once more. */
  private mayRepeat(): boolean {
    const { method, length, upgrade } = this.exchange.request
    return ['GET', 'HEAD', 'OPTIONS'].includes(method) && length === 'no body' && upgrade === undefined
  }

  private ask({ onKept }: { onKept: boolean }): void {
    const { connections } = this.options
    this.patience?.dispose()
    const { request: asked, visitor } = this.exchange
    const { address } = visitor.originator
    try {
      this.outgoing = request({
        method: asked.method,
        path: asked.target,
        setHost: false,
        headers: rawOf(fieldsForApp(asked, { address, names: this.names })),
        maxHeaderSize: longestHead,
        insecureHTTPParser: false,
        agent: onKept ? connections.kept : connections.single,
      })
    } catch {
      // What HTTP/2 can carry and HTTP/1.1 cannot.
      answerStatus(this.exchange, {
        ...{ status: 400, reason: 'Bad Request' },
        note: 'It cannot be said in HTTP/1.1.',
      })
      return this.finish()
    }
    this.follow(this.outgoing)
    this.sendBody(this.outgoing)
  }

  /** What happens once only needs no `once`, which makes more objects than the rest. */
  private follow(outgoing: ClientRequest): void {
    const { response } = this.exchange
    let isSent = false
    outgoing.on('socket', (socket: Socket) => {
      if (this.options.connections.hasReached(socket)) this.asker.onReached()
      else socket.once('connect', () => this.asker.onReached())
    })
    outgoing.on('error', (error) => {
      // One that was asked anew has nothing more to say.
      if (outgoing === this.outgoing) this.fail(error)
    })
    outgoing.on('finish', () => {
      isSent = true
      this.listen()
    })
    outgoing.on('information', ({ statusCode, rawHeaders }) => {
      if (this.isOver || statusCode === 101) return
      if (isSent) this.listen()
      try {
        response.inform(statusCode, withoutConnectionFields(fieldsOf(rawHeaders)))
      } catch (error) {
        this.options.log.debug(`HTTP: a status ${statusCode} of the app was left out: ${String(error)}`)
      }
    })
    outgoing.on('response', (answer) => this.answer(answer))
    outgoing.on('upgrade', (answer, socket: Socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head)
      if (this.isOver || response.switchProtocols === undefined) {
        socket.destroy()
        this.fail(new Error('it left HTTP without having been asked'))
        return
      }
      const fields = fieldsOf(answer.rawHeaders).map((field) => fieldForVisitor(field, this.names))
      response.switchProtocols(answer.statusMessage ?? '', fields, socket)
      this.finish()
    })
  }

  /** The app has as long as the user says, from the end of the request, or from what it last said of it. */
  private listen(): void {
    const { gate, clock, app, log } = this.options
    const { answerWithinMs } = gate()
    this.patience?.dispose()
    if (answerWithinMs === undefined || this.hasAnswer || this.isOver) return
    this.patience = clock.after(answerWithinMs, () => {
      log.warn(`the app on port ${app.port} did not begin its answer within ${answerWithinMs / 1000} s`)
      this.answerInstead({
        ...gateAnswers.tooSlow,
        note: `The app did not begin its answer within ${answerWithinMs / 1000} s.`,
      })
    })
  }

  private sendBody(outgoing: ClientRequest): void {
    const { request: asked } = this.exchange
    const { body, length } = asked
    if (length === 'no body') {
      outgoing.end()
      return
    }
    sendHead(outgoing)
    body.pipe(outgoing, { end: false })
    body.once('end', () => {
      try {
        const trailers = asked.trailers()
        if (trailers.length > 0) outgoing.addTrailers(pairsOf(trailers))
        outgoing.end()
      } catch (error) {
        // HTTP/2 can carry what HTTP/1.1 cannot.
        outgoing.destroy(error as Error)
      }
    })
  }

  private answer(answer: IncomingMessage): void {
    const { response } = this.exchange
    this.hasAnswer = true
    this.patience?.dispose()
    answer.on('error', () => undefined)
    answer.on('close', () => {
      if (answer.complete || this.isOver) return
      response.abort()
      this.dispose()
    })
    // What has come with the head is read by then, and a short answer goes on in one piece.
    process.nextTick(() => this.passOn(answer))
  }

  private passOn(answer: IncomingMessage): void {
    if (this.isOver) return
    const { response } = this.exchange
    const fields = fieldsOf(answer.rawHeaders)
    const codings = tokensOf(fields, 'transfer-encoding')
    if (codings.some((coding) => coding !== 'chunked')) return this.fail(new Error('unknown transfer coding'))
    let out: Writable
    try {
      const shown = fieldsForVisitor(fields, this.names)
      out = response.begin(answer.statusCode ?? 502, answer.statusMessage ?? '', shown)
    } catch (error) {
      return this.fail(error as Error)
    }
    if (answer.complete) {
      const body = answer.read() as Buffer | null
      if (body !== null) out.write(body)
      this.end(answer)
    } else {
      answer.once('end', () => this.end(answer)).pipe(out, { end: false })
    }
  }

  private end(answer: IncomingMessage): void {
    if (this.isOver) return
    this.exchange.response.end(trailersFrom(answer.rawTrailers))
    this.finish()
  }

  private fail(error: Error): void {
    if (this.isOver) return
    const { outgoing, exchange } = this
    const { connections, log } = this.options
    // What has come of the answer is brought to its end; its 'close' tells whether it is whole.
    if (exchange.response.hasBegun) return
    if (outgoing?.reusedSocket === true && !this.hasAnswer) return this.ask({ onKept: false })
    const wasReached = connections.hasReached(outgoing?.socket ?? null)
    if (wasReached) {
      log.warn(`the app on port ${this.options.app.port} gave no proper answer: ${error.message}`)
      this.answerInstead(gateAnswers.badAnswer)
      return
    }
    outgoing?.destroy()
    this.finish()
    this.asker.onUnsent(gateAnswers.noAnswer)
  }

  /** The answer is complete, or on its way. What the visitor still sends is of no use to anybody. */
  private finish(): void {
    if (this.isOver) return
    this.over()
    const { outgoing, exchange } = this
    const { body, upgrade } = exchange.request
    if (upgrade === undefined && outgoing !== undefined) body.unpipe(outgoing).resume()
    if (outgoing?.writableEnded === false) outgoing.destroy()
  }

  private over(): void {
    this.isOver = true
    this.patience?.dispose()
    this.onOver()
  }
}

const longestHead = 64 * 1024
