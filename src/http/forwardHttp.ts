import type { Socket } from 'node:net'
import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { AppConnections, type AppAddress } from './appConnections'
import { Http1 } from './http1'
import { Http2 } from './http2'
import { ToApp } from './toApp'

/**
 * The last stage where HTTP is read on this machine: passes each request of a visitor to the local app by HTTP/1.1,
 * and the answer back, both as they come. Visitors speak HTTP/1.x, or h2 where that was agreed on (RFC 7301).
 * An app that does not answer gives a 502.
 */
export function forwardHttp(options: {
  readonly app: AppAddress
  /** Begins a connection to the app. */
  readonly dial: (app: AppAddress) => Socket
  /** What visitors call it by, for X-Forwarded-Proto. */
  readonly scheme: 'http' | 'https'
  /** Whether the app takes connections. */
  readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
  readonly clock: Clock
  readonly log: Log
}): Disposable & { readonly accept: Accept } {
  const { clock, log } = options
  const owned = new DisposableStore()
  const connections = owned.add(new AppConnections(options))
  const toApp = owned.add(new ToApp({ ...options, connections }))
  const http1 = owned.add(new Http1(clock, toApp.accept))
  const http2 = owned.add(new Http2({ clock, log }, toApp.accept))
  return {
    accept: (visitor) => {
      if (owned.isDisposed) visitor.stream.destroy()
      else if (visitor.protocol === 'h2') http2.accept(visitor)
      else http1.accept(visitor)
    },
    dispose: () => owned.dispose(),
  }
}
