import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { systemClock } from '../../../src/base/clock'
import { WrappedStream } from '../../../src/base/startOfStream'
import type { Accept } from '../../../src/base/visitor'
import { Capture } from '../../../src/http/capture'
import type { AcceptExchange } from '../../../src/http/exchange'
import { Exchanges, usualLimits, type CaptureLimits } from '../../../src/http/exchanges'
import { forwardHttp, type HttpGate } from '../../../src/http/forwardHttp'
import type { GateOptions } from '../../../src/http/gateOptions'
import type { HostHeader } from '../../../src/http/towardsApp'
import { dialLocal } from '../../../src/ports/dialLocal'
import { TunnelCount } from '../../../src/tunnels/tunnelCount'
import { CollectedLog } from '../../support/collectedLog'
import type { Scope } from '../../support/scope'

/** Takes connections on loopback and makes visitors of them: what sshd and an SSH channel are in between. */
export async function startEdge(
  scope: Scope,
  accept: Accept,
  originator = { address: '198.51.100.9', port: 40_000 },
): Promise<{ port: number; sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    // No socket, just as SSH channels are none.
    accept({ stream: new WrappedStream(socket), originator })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.add(async () => {
    const closed = once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

export interface Forwarded extends HttpGate {
  readonly log: CollectedLog
  /** What the stage said about the app. */
  readonly heard: string[]
  /** What was captured. */
  readonly exchanges: Exchanges
  /** For a replay. */
  readonly capture: Capture
  readonly toApp: AcceptExchange
}

/** The HTTP stage in front of an app on loopback; nobody else reads HTTP, and the app is called by its public name. */
export function startForward(
  scope: Scope,
  app: { port: number; host?: string },
  options: Partial<Pick<Parameters<typeof forwardHttp>[0], 'clock' | 'dial' | 'isEdge' | 'before'>> & {
    publicUrl?: string
    hostHeader?: HostHeader
    gate?: GateOptions
    /** Decides for each request whether it is captured; all are unless given. */
    captures?: () => boolean
    limits?: CaptureLimits
  } = {},
): Forwarded {
  const log = new CollectedLog()
  const heard: string[] = []
  const exchanges = new Exchanges(() => options.limits ?? usualLimits)
  const isEdge = options.isEdge ?? true
  const gate = () => ({
    hostHeader: options.hostHeader ?? ('public' as const),
    capture: options.captures?.() ?? true,
    ...options.gate,
  })
  const capture = new Capture({
    ...{ exchanges, tunnelId: 1, isEdge, gate, count: new TunnelCount(), clock: systemClock },
  })
  const stage: HttpGate = forwardHttp({
    app: { host: app.host ?? 'localhost', port: app.port, scheme: 'http' },
    dial: options.dial ?? dialLocal,
    publicUrl: () => options.publicUrl ?? 'https://dev.example.com',
    ...{ gate, isEdge },
    before: [capture.accept, ...(options.before ?? [])],
    record: capture.recordDelivery,
    report: {
      onAnswer: () => {
        heard.push('answers')
        stage.appAnswers()
      },
      onNoAnswer: (error: Error & { code?: string }) => void heard.push(`no answer: ${error.code ?? ''}`),
    },
    clock: options.clock ?? systemClock,
    log,
  })
  scope.add(() => {
    stage.dispose()
    capture.dispose()
  })
  return { ...stage, log, heard, exchanges, capture }
}

/** An app of which a test writes and reads every byte. */
export interface RawApp {
  readonly port: number
  /** What came on each connection, oldest first. */
  readonly connections: { readonly socket: Socket; text: string; ended: boolean }[]
}

/** `answer` is called once a connection has brought the end of a head; it writes what it likes. */
export async function startRawApp(
  scope: Scope,
  answer: (socket: Socket, head: string, number: number) => void,
): Promise<RawApp> {
  const app: RawApp & { port: number } = { port: 0, connections: [] }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = { socket, text: '', ended: false }
    app.connections.push(connection)
    let answered = 0
    socket.on('error', () => undefined)
    socket.once('end', () => (connection.ended = true))
    socket.setEncoding('latin1').on('data', (text: string) => {
      connection.text += text
      const heads = connection.text.split('\r\n\r\n').slice(0, -1)
      for (; answered < heads.length; answered++) answer(socket, heads[answered] ?? '', answered)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  app.port = (server.address() as AddressInfo).port
  scope.add(async () => {
    const closed = once(server.close(), 'close')
    for (const { socket } of app.connections) socket.destroy()
    await closed
  })
  return app
}

/** A visitor who writes and reads every byte themselves. */
export class RawVisitor {
  text = ''
  ended = false
  closed = false

  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1').on('data', (text: string) => (this.text += text))
    socket.on('error', () => undefined)
    socket.once('end', () => (this.ended = true)).once('close', () => (this.closed = true))
  }

  static call(scope: Scope, port: number, text = ''): RawVisitor {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    scope.add(() => socket.destroy())
    if (text !== '') socket.write(text, 'latin1')
    return new RawVisitor(socket)
  }
}
