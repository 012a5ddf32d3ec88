import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { Capture } from '../http/capture'
import type { Exchanges } from '../http/exchanges'
import { forwardHttp, type HttpGate } from '../http/forwardHttp'
import type { GateOptions } from '../http/gateOptions'
import { replay, type ReplayRequest } from '../http/replay'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { PublicWay } from '../servers/profile'
import type { Certificate } from '../tls/certificate'
import { EndTls } from '../tls/endTls'
import { readProxyProtocol } from '../tls/proxyProtocol'
import type { LocalApp } from './localApp'
import { NonceStage } from './nonceStage'
import type { ExpectedNonce } from './publicChecker'
import { notExposed, notHttp } from './replayFailures'
import { toLocal } from './toLocal'
import type { TunnelCount } from './tunnelCount'

export interface StagesOptions {
  readonly way: PublicWay
  /** What visitors call now: a service may change it while the way stays. */
  readonly publicUrl: () => string
  readonly app: LocalApp
  /** What the user wishes of the gate now. */
  readonly gate: () => GateOptions
  readonly exchanges: Exchanges
  readonly tunnelId: number
  /** Outlives these stages. */
  readonly count: TunnelCount
  readonly certificateFor: (way: PublicWay) => Certificate
  readonly report: { onAnswer(): void; onNoAnswer(error: Error): void; onHeld(): void }
  readonly clock: Clock
  readonly log: Log
}

/** What a visitor passes between the server and the app: the same few stages, put together as the way asks. */
export class Stages implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly nonce: NonceStage
  private gate: HttpGate | undefined
  private isClosed = false
  private readonly ended = new AbortController()
  /** Undefined where nothing reads HTTP. */
  private replayWay: Pick<Parameters<typeof replay>[1], 'capture' | 'toApp'> | undefined
  readonly way: PublicWay
  readonly accept: Accept
  /** What is shown to visitors, where HTTPS ends on this machine. */
  readonly certificate: Certificate | undefined

  constructor(private readonly options: StagesOptions) {
    const { way, count, clock, log } = options
    this.way = way
    const last = this.lastStage(options)
    this.nonce = new NonceStage(last, clock)
    const inner: Accept = (visitor) => (visitor.protocol === 'h2' ? last : this.nonce.accept)(visitor)
    if (way.tls === 'here') {
      this.certificate = this.owned.add(options.certificateFor(way))
      const { certificate } = this
      const protocols = options.app.protocol === 'tcp' ? [] : (['h2', 'http/1.1'] as const)
      this.accept = this.owned.add(new EndTls({ certificate, clock, log, protocols }, inner)).accept
    } else {
      this.accept = inner
    }
    if (way.proxyProtocol) this.accept = readProxyProtocol(this.accept, { clock, log })
    const outermost = this.accept
    this.accept = (visitor) => {
      count.watch(visitor)
      outermost(visitor)
    }
  }

  /**
   * Sends a request to the app, past what only concerns visitors; it resolves as `replay` in src/http.
   * @throws Failure when the app does not speak HTTP, or these stages come to their end.
   */
  replay(request: ReplayRequest, signal?: AbortSignal): Promise<number> {
    const { replayWay, options } = this
    if (replayWay === undefined) return Promise.reject(notHttp(options.app))
    const { source } = request
    const original = source.kind === 'replay' ? options.exchanges.get(source.of) : undefined
    return replay(request, {
      ...replayWay,
      visitorAddress: original?.visitorAddress ?? '',
      signal: AbortSignal.any([this.ended.signal, ...(signal === undefined ? [] : [signal])]),
    })
  }

  /** How many requests wait for the app to come back. */
  get held(): number {
    return this.gate?.held() ?? 0
  }

  /** The app takes connections, it seems: what is held is delivered. */
  appAnswers(): void {
    this.gate?.appAnswers()
  }

  /** Looks out for a check of the public URL. */
  expect(): ExpectedNonce {
    return this.nonce.expect()
  }

  /**
   * The app sees nobody new. Visitors who speak HTTP are told so, until `dispose`; others are let go. Resolves when those
   * who waited for an answer have been told.
   */
  async close(): Promise<void> {
    this.isClosed = true
    this.ended.abort(notExposed(this.options.app))
    await this.gate?.close()
  }

  dispose(): void {
    void this.close()
    this.owned.dispose()
  }

  private lastStage(options: StagesOptions): Accept {
    const { way, app, report } = options
    const { protocol } = new URL(way.publicUrl)
    // What visitors say in TLS themselves is not read here, nor wrapped in TLS once more.
    const isUntouched = way.tls === 'app' || (way.tls === 'none' && protocol !== 'http:')
    if (isUntouched) return this.untilClosed(toLocal({ ...app, protocol: 'tcp' }, report))
    const { protocol: spoken } = app
    return spoken === 'tcp'
      ? this.untilClosed(toLocal(app, report))
      : this.httpStage({ ...options, scheme: spoken })
  }

  private untilClosed(next: Accept): Accept {
    return (visitor) => (this.isClosed ? void visitor.stream.destroy() : next(visitor))
  }

  private httpStage({
    way,
    app,
    scheme,
    ...options
  }: StagesOptions & { readonly scheme: 'http' | 'https' }): Accept {
    // Otherwise a reverse proxy has seen to who calls.
    const isEdge = way.tls !== 'server' || way.proxyProtocol
    const capture = this.owned.add(new Capture({ ...options, isEdge }))
    const stage = forwardHttp({
      ...options,
      isEdge,
      app: { host: app.host, port: app.port, scheme },
      dial: scheme === 'https' ? dialLocalTls : dialLocal,
      before: [(exchange, next) => this.nonce.acceptExchange(exchange, next), capture.accept],
      record: capture.recordDelivery,
      onHeld: () => options.report.onHeld(),
    })
    this.gate = this.owned.add(stage)
    this.replayWay = { capture, toApp: stage.toApp }
    return stage.accept
  }
}
