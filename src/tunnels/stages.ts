import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { forwardHttp } from '../http/forwardHttp'
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
  readonly app: LocalApp
  readonly certificateFor: (way: PublicWay) => Certificate
  readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
  readonly clock: Clock
  readonly log: Log
}

/** What a visitor passes between the server and the app: the same few stages, put together as the way asks. */
export class Stages implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly nonce: NonceStage
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

  dispose(): void {
    this.owned.dispose()
  }

  private lastStage({ way, app, report, clock, log }: StagesOptions): Accept {
    const scheme = new URL(way.publicUrl).protocol === 'http:' ? 'http' : 'https'
    // Behind a reverse proxy, that one has seen to who called; elsewhere nobody else can.
    const isEdge = way.tls === 'here' || (way.tls === 'none' && scheme === 'http')
    if (isEdge && app.protocol !== 'tcp') {
      const dial = app.protocol === 'https' ? dialLocalTls : dialLocal
      return this.owned.add(forwardHttp({ app, dial, scheme, report, clock, log })).accept
    }
    // What visitors say in TLS themselves is not wrapped in TLS once more.
    const isUntouched = way.tls === 'app' || way.tls === 'none'
    return toLocal(isUntouched ? { ...app, protocol: 'tcp' } : app, report)
  }
}
