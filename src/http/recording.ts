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
  readonly now: () => number
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

  /** `change` is called often; `over` once. */
  constructor(
    private readonly start: RecordingStart,
    private readonly on: { change(): void; begin(status: number): void; over(how: HowItEnded): void },
  ) {
    this.at = start.now()
    this.requestBody = new GrowingBody(start.mostBodyBytes)
    this.answerBody = new GrowingBody(start.mostBodyBytes)
    this.hasWholeRequest = start.request.length === 'no body'
  }

  get isOver(): boolean {
    return this.state !== 'open'
  }

  /** As it is now, under this id. Each request makes two of these: it is spelt out, for spreading costs ten times that. */
  snapshot(id: number): CapturedExchange {
    const { start } = this
    return {
      id,
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
      this.on.change()
    },
    onAnswerBytes: (chunk: Uint8Array): void => {
      if (this.webSocket === undefined) this.answerBody.add(chunk)
      else this.webSocket.fromApp(chunk)
      this.on.change()
    },
  }

  onRequestEnd(): void {
    this.hasWholeRequest = true
    this.on.change()
  }

  onInform(status: number, fields: readonly Field[]): void {
    // An app may say it is at work for ever.
    if (this.informed.length < mostInformed) this.informed = [...this.informed, { status, fields }]
    this.on.change()
  }

  onNote(did: OwnDoing): void {
    this.ownDoing = did
    this.on.change()
  }

  onBegin(status: number, reason: string, fields: readonly Field[]): void {
    this.firstByteMs = this.start.now() - this.at
    this.response = { status, reason, fields, isOurs: this.ownDoing?.isAnswer === true }
    this.on.begin(status)
    this.on.change()
  }

  onTrailers(trailers: readonly Field[]): void {
    this.trailers = trailers
  }

  onAnswerEnd(): void {
    this.endMs = this.start.now() - this.at
    this.on.change()
  }

  onSwitch(): void {
    const { request, mostBodyBytes, now } = this.start
    this.webSocket = webSocketTrace({
      request,
      answer: this.response?.fields ?? [],
      mostBytes: mostBodyBytes,
      now,
      onChange: () => this.on.change(),
    })
  }

  onOver(how: HowItEnded): void {
    this.state = how
    this.endMs ??= this.start.now() - this.at
    this.webSocket?.end()
    this.on.over(how)
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
