import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { accessRules, guardVisitors, withoutGate } from '../http/access/accessStage'
import { sourceSeen, type AddressSource } from '../http/access/toldAddress'
import { Capture } from '../http/capture'
import type { Exchanges } from '../http/exchanges'
import { forwardHttp, type HttpGate } from '../http/forwardHttp'
import type { GateOptions } from '../http/gateOptions'
import { replay, type ReplayRequest } from '../http/replay'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { PublicWay } from '../servers/profile'
import { isLoopback } from '../servers/reach'
import type { Certificate } from '../tls/certificate'
import { EndTls } from '../tls/endTls'
import { readProxyProtocol } from '../tls/proxyProtocol'
import type { LocalApp } from './localApp'
import { NonceStage } from './nonceStage'
import type { ExpectedNonce } from './publicChecker'
import { readsHttp } from './readsHttp'
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
  /** Behind a proxy, nobody is believed before the check of the public URL has shown what the proxy does. */
  private addressSource: AddressSource
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
    this.addressSource = tellsAddress(way) ? 'connection' : 'nobody'
    const { last, guarded } = this.lastStages(options)
    this.nonce = new NonceStage(guarded, clock, {
      pass: last,
      onSeen: (fields) => {
        if (!isEdge(way)) this.addressSource = sourceSeen(fields)
      },
    })
    const inner: Accept = (visitor) => (visitor.protocol === 'h2' ? guarded : this.nonce.accept)(visitor)
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

  /** The last stage, and what guards it against visitors: a gate guards itself. */
  private lastStages(options: StagesOptions): { readonly last: Accept; readonly guarded: Accept } {
    const { way, app, report } = options
    if (readsHttp(way, app)) {
      const gate = this.httpStage({ ...options, scheme: app.protocol === 'https' ? 'https' : 'http' })
      return { last: gate, guarded: gate }
    }
    // What visitors say in TLS themselves is not wrapped in TLS once more.
    const last = this.untilClosed(toLocal({ ...app, protocol: 'tcp' }, report))
    return { last, guarded: guardVisitors(this.accessScene(options), last) }
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
    const place = { isEdge: isEdge(way) }
    const capture = this.owned.add(new Capture({ ...options, ...place }))
    const stage = forwardHttp({
      ...options,
      ...place,
      app: { host: app.host, port: app.port, scheme },
      dial: scheme === 'https' ? dialLocalTls : dialLocal,
      before: [
        (exchange, next) => this.nonce.acceptExchange(exchange, next),
        capture.accept,
        accessRules({ ...this.accessScene(options), publicUrl: options.publicUrl }),
      ],
      record: capture.recordDelivery,
      onHeld: () => options.report.onHeld(),
    })
    this.gate = this.owned.add(stage)
    const toApp = withoutGate(() => options.gate().access, stage.toApp)
    this.replayWay = { capture, toApp }
    return stage.accept
  }

  private accessScene({ gate, clock }: Pick<StagesOptions, 'gate' | 'clock'>) {
    return { rules: () => gate().access, addressSource: () => this.addressSource, clock }
  }
}

/** Otherwise a reverse proxy has seen to who calls. */
function isEdge({ tls, proxyProtocol }: PublicWay): boolean {
  return tls !== 'server' || proxyProtocol
}

/** Whether sshd, or a PROXY protocol header, says who calls: behind a socket or on loopback that is a proxy. */
function tellsAddress(way: PublicWay): boolean {
  const { bind, proxyProtocol } = way
  return isEdge(way) && (proxyProtocol || (bind.kind === 'tcp' && !isLoopback(bind.host)))
}
