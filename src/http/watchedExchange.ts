import type { Duplex, Writable } from 'node:stream'
import { seeReads, seeWrites } from '../base/taps'
import type { ExchangeState } from './capturedExchange'
import type { Exchange, Field, HttpRequest, HttpResponse, OwnDoing } from './exchange'

/**
 * Told of what happens to an exchange, as it happens: of what it asks for. What it gets of bytes it must not keep.
 */
export interface ExchangeWatch {
  /** Undefined: nothing is to be seen of the bodies. */
  readonly bodies?: {
    onRequestBytes(chunk: Uint8Array): void
    onAnswerBytes(chunk: Uint8Array): void
  }
  /** All of the request has been read. */
  onRequestEnd?(): void
  onInform?(status: number, fields: readonly Field[]): void
  onNote?(did: OwnDoing): void
  onBegin(status: number, reason: string, fields: readonly Field[]): void
  onTrailers?(trailers: readonly Field[]): void
  /** The visitor has been given all of the answer. */
  onAnswerEnd?(): void
  /** After a `begin` of 101: from now on the bytes of the bodies are of another protocol. */
  onSwitch?(): void
  /** Once; nothing follows. */
  onOver(how: HowItEnded): void
}

export type HowItEnded = Exclude<ExchangeState, 'open'>

/** The same exchange, watched. Nothing of it changes, and nothing waits. `capturedAs`: the id of what is kept of it. */
export function watchExchange(
  { visitor, request, response }: Exchange,
  watch: ExchangeWatch,
  capturedAs?: number,
): Exchange {
  const watched = new WatchedResponse(request, response, watch)
  if (request.length !== 'no body') {
    const { bodies } = watch
    if (bodies !== undefined) seeReads(request.body, (chunk) => bodies.onRequestBytes(chunk))
    request.body.once('end', () => watched.requestEnded())
  }
  return { visitor, request, response: watched, capturedAs }
}

class WatchedResponse implements HttpResponse {
  private gone: () => void = () => undefined
  private out: Writable | undefined
  private isRequestOver: boolean
  private isAnswerOver = false
  private isOver = false
  readonly switchProtocols?: NonNullable<HttpResponse['switchProtocols']>

  constructor(
    private readonly request: HttpRequest,
    private readonly inner: HttpResponse,
    private readonly watch: ExchangeWatch,
  ) {
    this.isRequestOver = request.length === 'no body'
    inner.onGone(() => {
      this.over('visitor left')
      this.gone()
    })
    const { switchProtocols } = inner
    if (switchProtocols !== undefined) {
      this.switchProtocols = (reason, fields, app) => this.switch(switchProtocols, { reason, fields, app })
    }
  }

  get hasBegun(): boolean {
    return this.inner.hasBegun
  }

  inform(status: number, fields: readonly Field[]): void {
    this.inner.inform(status, fields)
    this.watch.onInform?.(status, fields)
  }

  begin(status: number, reason: string, fields: readonly Field[]): Writable {
    const out = this.inner.begin(status, reason, fields)
    this.out = out
    this.watch.onBegin(status, reason, fields)
    const { bodies } = this.watch
    if (bodies !== undefined) seeWrites(out, (chunk) => bodies.onAnswerBytes(chunk))
    return out
  }

  end(trailers: readonly Field[]): void {
    if (trailers.length > 0) this.watch.onTrailers?.(trailers)
    const { out } = this
    out?.once('finish', () => this.answerEnded())
    // Not every way tells by `onGone` of a visitor who leaves before all of the answer is out.
    out?.once('close', () => {
      if (!this.isAnswerOver) this.over('visitor left')
    })
    this.inner.end(trailers)
  }

  abort(): void {
    this.over('broken off')
    this.inner.abort()
  }

  onGone(callback: () => void): void {
    this.gone = callback
  }

  note(did: OwnDoing): void {
    this.watch.onNote?.(did)
    this.inner.note?.(did)
  }

  requestEnded(): void {
    if (this.isRequestOver) return
    this.isRequestOver = true
    if (this.isOver) return
    this.watch.onRequestEnd?.()
    if (this.isAnswerOver) this.over('complete')
  }

  private answerEnded(): void {
    if (this.isAnswerOver) return
    this.isAnswerOver = true
    this.watch.onAnswerEnd?.()
    if (this.isRequestOver) this.over('complete')
    // What the visitor still sends of the request may come to its end, or be cut short by ours.
    else if (this.request.body.destroyed) this.over('complete')
    else this.request.body.once('close', () => this.over('complete'))
  }

  private switch(
    switchProtocols: NonNullable<HttpResponse['switchProtocols']>,
    { reason, fields, app }: { reason: string; fields: readonly Field[]; app: Duplex },
  ): void {
    const { watch } = this
    watch.onBegin(101, reason, fields)
    watch.onSwitch?.()
    const { bodies } = watch
    if (bodies !== undefined) {
      seeReads(app, (chunk) => bodies.onAnswerBytes(chunk))
      seeWrites(app, (chunk) => bodies.onRequestBytes(chunk))
    }
    app.once('close', () => this.over('complete'))
    switchProtocols(reason, fields, app)
  }

  private over(how: HowItEnded): void {
    if (this.isOver) return
    this.isOver = true
    this.watch.onOver(this.isAnswerOver && how !== 'broken off' ? 'complete' : how)
  }
}
