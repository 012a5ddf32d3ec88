import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { forwardHttp, type HttpGate } from '../http/forwardHttp'
import type { GateOptions } from '../http/gateOptions'
import { dialLocal, dialLocalTls } from '../ports/dialLocal'
import type { PublicWay } from '../servers/profile'
import type { Certificate } from '../tls/certificate'
import { EndTls } from '../tls/endTls'
import { readProxyProtocol } from '../tls/proxyProtocol'
import type { LocalApp } from './localApp'
import { NonceStage } from './nonceStage'
import type { ExpectedNonce } from './publicChecker'
import { toLocal } from './toLocal'

export interface StagesOptions {
  readonly way: PublicWay
  /** What visitors call now: a service may change it while the way stays. */
  readonly publicUrl: () => string
  readonly app: LocalApp
  /** What the user wishes of the gate now. */
  readonly gate: () => GateOptions
  readonly certificateFor: (way: PublicWay) => Certificate
  readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
  readonly clock: Clock
  readonly log: Log
}

/** What a visitor passes between the server and the app: the same few stages, put together as the way asks. */
export class Stages implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly nonce: NonceStage
  private gate: HttpGate | undefined
  private isClosed = false
  readonly way: PublicWay
  readonly accept: Accept
  /** What is shown to visitors, where HTTPS ends on this machine. */
  readonly certificate: Certificate | undefined

  constructor(options: StagesOptions) {
    const { way, clock, log } = options
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
    const stage = forwardHttp({
      ...options,
      app: { host: app.host, port: app.port, scheme },
      dial: scheme === 'https' ? dialLocalTls : dialLocal,
      // Otherwise a reverse proxy has seen to who calls.
      isEdge: way.tls !== 'server' || way.proxyProtocol,
      before: (next) => (exchange) => this.nonce.acceptExchange(exchange, next),
    })
    this.gate = this.owned.add(stage)
    return stage.accept
  }
}
