import type { Clock } from '../base/clock'
import type { CapturedExchange, CapturedResponse, ExchangeSource, ExchangeState } from './capturedExchange'
import { valuesOf, type Exchange, type Field, type HttpRequest, type OwnDoing } from './exchange'
import { GrowingBody } from './growingBody'
import type { ExchangeWatch, HowItEnded } from './watchedExchange'
import { webSocketTrace, type WebSocketTrace } from './webSocketTrace'

/** What is known of an exchange before anything has happened to it. */
export interface RecordingStart {
  readonly request: Exchange['request']
  readonly tunnelId: number
  readonly source: ExchangeSource
  readonly visitorAddress: string
  readonly mostBodyBytes: number
  readonly clock: Pick<Clock, 'now'>
  readonly told: Told | undefined
}

/** Somebody else who is told of it. */
export interface Told {
  onBegin?(status: number): void
  onOver(how: HowItEnded): void
}

/** An exchange while it is captured. */
export class Recording implements ExchangeWatch {
  private readonly at: number
  private readonly requestBody: GrowingBody
  private readonly answerBody: GrowingBody
  private hasWholeRequest: boolean
  private response: Pick<CapturedResponse, 'status' | 'reason' | 'fields' | 'isOurs'> | undefined
  private trailers: readonly Field[] = []
  private informed: CapturedResponse['informed'] = []
  private state: ExchangeState = 'open'
  private firstByteMs: number | undefined
  private endMs: number | undefined
  private ownDoing: OwnDoing | undefined
  private webSocket: WebSocketTrace | undefined

  /** Given when it is kept. */
  id = 0
  /** Among those that are open. */
  place = 0
  /** More has come than whoever keeps it has. */
  hasChanged = false

  /** `change` is called often; `over` once. */
  constructor(
    private readonly start: RecordingStart,
    private readonly on: { change(recording: Recording): void; over(recording: Recording): void },
  ) {
    this.at = start.clock.now()
    this.requestBody = new GrowingBody(start.mostBodyBytes)
    this.answerBody = new GrowingBody(start.mostBodyBytes)
    this.hasWholeRequest = start.request.length === 'no body'
  }

  get isOver(): boolean {
    return this.state !== 'open'
  }

  /** As it is now. Each request makes two of these: it is spelt out, for spreading costs ten times that. */
  get now(): CapturedExchange {
    const { start } = this
    return {
      id: this.id,
      tunnelId: start.tunnelId,
      source: start.source,
      at: this.at,
      visitorAddress: start.visitorAddress,
      protocol: start.request.protocol,
      request: this.requestNow,
      response: this.responseNow,
      state: this.state,
      firstByteMs: this.firstByteMs,
      endMs: this.endMs,
      note: this.ownDoing?.text,
      webSocket: this.webSocket?.now,
    }
  }

  /** It has given way: nothing is kept any more. */
  letGo(): void {
    this.requestBody.letGo()
    this.answerBody.letGo()
    this.webSocket?.letGo()
  }

  readonly bodies = {
    onRequestBytes: (chunk: Uint8Array): void => {
      if (this.webSocket === undefined) this.requestBody.add(chunk)
      else this.webSocket.fromVisitor(chunk)
      this.on.change(this)
    },
    onAnswerBytes: (chunk: Uint8Array): void => {
      if (this.webSocket === undefined) this.answerBody.add(chunk)
      else this.webSocket.fromApp(chunk)
      this.on.change(this)
    },
  }

  onRequestEnd(): void {
    this.hasWholeRequest = true
    this.on.change(this)
  }

  onInform(status: number, fields: readonly Field[]): void {
    // An app may say it is at work for ever.
    if (this.informed.length < mostInformed) this.informed = [...this.informed, { status, fields }]
    this.on.change(this)
  }

  onNote(did: OwnDoing): void {
    this.ownDoing = did
    this.on.change(this)
  }

  onBegin(status: number, reason: string, fields: readonly Field[]): void {
    this.firstByteMs = this.start.clock.now() - this.at
    this.response = { status, reason, fields, isOurs: this.ownDoing?.isAnswer === true }
    this.start.told?.onBegin?.(status)
    this.on.change(this)
  }

  onTrailers(trailers: readonly Field[]): void {
    this.trailers = trailers
  }

  onAnswerEnd(): void {
    this.endMs = this.start.clock.now() - this.at
    this.on.change(this)
  }

  onSwitch(): void {
    const { request, mostBodyBytes, clock } = this.start
    this.webSocket = webSocketTrace({
      request,
      answer: this.response?.fields ?? [],
      mostBytes: mostBodyBytes,
      now: () => clock.now(),
      onChange: () => this.on.change(this),
    })
  }

  onOver(how: HowItEnded): void {
    this.state = how
    this.endMs ??= this.start.clock.now() - this.at
    this.webSocket?.end()
    this.on.over(this)
    this.start.told?.onOver(how)
  }

  private get requestNow(): CapturedExchange['request'] {
    const { request } = this.start
    const { method, target, fields, host = '' } = request
    const body = this.isOver ? this.requestBody.whole : this.requestBody.now
    // Once the body has ended, and in HTTP/2 a moment later.
    const trailers = this.hasWholeRequest && request.length !== 'no body' ? request.trailers() : []
    const size = this.isOver && !this.hasWholeRequest ? announcedSize(request, body.size) : body.size
    return { method, target, host, fields, body: { bytes: body.bytes, size }, trailers }
  }

  private get responseNow(): CapturedResponse | undefined {
    const { response, informed, trailers, answerBody } = this
    if (response === undefined) return undefined
    const { status, reason, fields, isOurs } = response
    const body = this.isOver ? answerBody.whole : answerBody.now
    return { status, reason, fields, body, trailers, isOurs, informed }
  }
}

const mostInformed = 20

/** So that nobody takes the beginning of a body for all of it. */
function announcedSize({ fields }: HttpRequest, came: number): number {
  const announced = Number(valuesOf(fields, 'content-length')[0] ?? 0)
  return Number.isSafeInteger(announced) ? Math.max(announced, came + 1) : came + 1
}
