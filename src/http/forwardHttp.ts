import type { Socket } from 'node:net'
import type { Clock } from '../base/clock'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { AppConnections, type AppAddress } from './appConnections'
import type { AcceptExchange, ExchangeStage } from './exchange'
import type { RecordDelivery } from './heldRequest'
import { HeldRequests } from './heldRequests'
import { Http1 } from './http1'
import { Http2 } from './http2'
import { ToApp } from './toApp'
import type { GateOptions } from './gateOptions'
import { namesOf, type HostHeader, type Names } from './towardsApp'

/**
 * The last stage wherever visitors speak HTTP: passes each request of a visitor to the local app by HTTP/1.1,
 * and the answer back, both as they come. Visitors speak HTTP/1.x, or h2 where that was agreed on (RFC 7301).
 * An app that does not answer gives a 502.
 */
export function forwardHttp(options: {
  readonly app: AppAddress & { readonly scheme: 'http' | 'https' }
  /** Begins a connection to the app. */
  readonly dial: (app: AppAddress) => Socket
  /** What visitors call; it may become another. */
  readonly publicUrl: () => string
  /** What the user wishes now. */
  readonly gate: () => GateOptions
  /** Nobody in front reads HTTP. */
  readonly isEdge: boolean
  /** What visitors' exchanges pass before the app, the first one first. */
  readonly before?: readonly ExchangeStage[]
  /** Lets what is delivered later than it was answered be seen. */
  readonly record?: RecordDelivery
  /** Another number of requests is held now. */
  readonly onHeld?: () => void
  /** Whether the app takes connections. */
  readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
  readonly clock: Clock
  readonly log: Log
}): HttpGate {
  const { clock, log, before = [], onHeld = () => undefined } = options
  const owned = new DisposableStore()
  const connections = owned.add(new AppConnections(options))
  const toApp = owned.add(new ToApp({ ...options, connections, names: namesNow(options) }))
  const held = owned.add(
    new HeldRequests({ ...options, toApp, record: options.record ?? unrecorded, onChange: onHeld }),
  )
  const accept = before.reduceRight<AcceptExchange>(
    (next, stage) => (exchange) => stage(exchange, next),
    held.accept,
  )
  const http1 = owned.add(new Http1(clock, accept))
  const http2 = owned.add(new Http2({ clock, log }, accept))
  return {
    accept: (visitor) => {
      if (owned.isDisposed) visitor.stream.destroy()
      else if (visitor.protocol === 'h2') http2.accept(visitor)
      else http1.accept(visitor)
    },
    toApp: toApp.accept,
    held: () => held.count,
    appAnswers: () => held.appAnswers(),
    close: async () => {
      await Promise.all([held.close(), toApp.close()])
    },
    dispose: () => owned.dispose(),
  }
}

/** Disposing it ends every visitor. */
export interface HttpGate extends Disposable {
  readonly accept: Accept
  /** Straight to the app, past what stands before it. */
  readonly toApp: AcceptExchange
  /** How many requests wait for the app to come back. */
  held(): number
  /** Told by whoever watches the local port, and of each connection that the app took. */
  appAnswers(): void
  /**
   * No request reaches the app any more; whoever waits for an answer, or still calls, is told why. Resolves when those
   * who waited have been told.
   */
  close(): Promise<void>
}

const unrecorded: RecordDelivery = (delivery, _of, next) => next(delivery)

function namesNow(options: Parameters<typeof forwardHttp>[0]): () => Names {
  const namesFor = (publicUrl: string, hostHeader: HostHeader) =>
    namesOf({ ...options, publicUrl, hostHeader })
  let names: Names | undefined
  return () => {
    const publicUrl = options.publicUrl()
    const { hostHeader = 'local' } = options.gate()
    if (names?.publicUrl !== publicUrl || names.hostHeader !== hostHeader)
      names = namesFor(publicUrl, hostHeader)
    return names
  }
}
