import { Agent, type ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'

export interface AppAddress {
  readonly host: string
  readonly port: number
}

/** The connections to the local app: those that are kept for the next request, and those for one only. */
export class AppConnections implements Disposable {
  private readonly reached = new WeakSet<object>()
  readonly kept: Disposable & Agent
  /** Each request gets a connection of its own. VS Code puts a proxy's agent where a request names none. */
  readonly single: Disposable & Agent

  constructor(
    private readonly options: {
      readonly app: AppAddress
      readonly dial: (app: AppAddress) => Socket
      readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
      readonly clock: Clock
    },
  ) {
    const { clock } = options
    this.kept = new Pool(clock, mostKept, () => {
      const socket = this.open()
      // The app ends a kept connection when it likes; one that was half open would take the next request for ever.
      socket.allowHalfOpen = false
      return socket
    })
    this.single = new Pool(clock, 0, () => this.open())
  }

  private open(): Socket {
    const { app, dial, report } = this.options
    const socket = dial(app)
    socket.once('connect', () => {
      this.reached.add(socket)
      report.onAnswer()
    })
    socket.once('error', (error) => {
      if (!this.hasReached(socket)) report.onNoAnswer(error)
    })
    return socket
  }

  /** Whether the app took the connection. */
  hasReached(socket: object | null): boolean {
    return socket !== null && this.reached.has(socket)
  }

  dispose(): void {
    this.kept.dispose()
    this.single.dispose()
  }
}

const mostKept = 32
/** Not for long: an app that serves one connection at a time must not wait for us. */
const keptMs = 2000

/**
 * Gives each request a connection: the one that was kept last, or a new one. It stands in the place of all that Node's
 * Agent does for many servers and limits (names, queues, a timer and a system call for each connection and request),
 * which took half of the time of a small request.
 */
class Pool extends Agent implements Disposable {
  /** The latest last. */
  private readonly free: Kept[] = []
  private timer: Disposable | undefined
  private isDisposed = false

  constructor(
    private readonly clock: Clock,
    private readonly mostFree: number,
    private readonly open: () => Socket,
  ) {
    super({ keepAlive: true })
  }

  /** Node's ClientRequest calls it. */
  addRequest(request: ClientRequest): void {
    for (let kept = this.free.pop(); kept !== undefined; kept = this.free.pop()) {
      const { socket, bytesRead } = kept
      // What an app says unasked would be taken for the answer.
      if (socket.destroyed || !socket.writable || socket.bytesRead !== bytesRead) {
        socket.destroy()
        continue
      }
      request.reusedSocket = true
      request.onSocket(socket)
      return
    }
    const socket = this.open()
    socket.on('free', () => this.keep(socket))
    request.onSocket(socket)
  }

  dispose(): void {
    this.isDisposed = true
    this.timer?.dispose()
    for (const { socket } of this.free.splice(0)) socket.destroy()
    this.destroy()
  }

  private keep(socket: Socket): void {
    if (this.isDisposed || this.free.length >= this.mostFree || !socket.writable) {
      socket.destroy()
      return
    }
    this.free.push({ socket, bytesRead: socket.bytesRead, since: this.clock.now() })
    this.timer ??= this.clock.after(keptMs, () => this.dropOld())
  }

  private dropOld(): void {
    const now = this.clock.now()
    const young = this.free.findIndex(({ since }) => now - since < keptMs)
    for (const { socket } of this.free.splice(0, young < 0 ? Infinity : young)) socket.destroy()
    const [oldest] = this.free
    this.timer = oldest && this.clock.after(oldest.since + keptMs - now, () => this.dropOld())
  }
}

interface Kept {
  readonly socket: Socket
  /** What had come of it when it was kept. */
  readonly bytesRead: number
  /** In milliseconds since the epoch. */
  readonly since: number
}
