import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import type { Disposable } from '../base/disposable'

export interface AppAddress {
  readonly host: string
  readonly port: number
}

/** The connections to the local app: those that are kept for the next request, and those for one only. */
export class AppConnections implements Disposable {
  private readonly reached = new WeakSet<object>()
  readonly kept: Agent
  /** Each request gets a connection of its own. VS Code puts a proxy's agent where a request names none. */
  readonly single: Agent

  constructor(
    private readonly options: {
      readonly app: AppAddress
      readonly dial: (app: AppAddress) => Socket
      readonly report: { onAnswer(): void; onNoAnswer(error: Error): void }
    },
  ) {
    this.kept = new KeptConnections(() => {
      const socket = this.open()
      // The app ends a kept connection when it likes; one that was half open would take the next request for ever.
      socket.allowHalfOpen = false
      return socket
    })
    this.single = new SingleConnections(() => this.open())
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
    this.kept.destroy()
    this.single.destroy()
  }
}

class SingleConnections extends Agent {
  constructor(private readonly open: () => Socket) {
    super({ keepAlive: true })
  }

  override createConnection(): Socket {
    return this.open()
  }

  override keepSocketAlive(): boolean {
    return false
  }
}

class KeptConnections extends Agent {
  constructor(private readonly open: () => Socket) {
    // Not for long: an app that serves one connection at a time must not wait for us.
    super({ keepAlive: true, maxFreeSockets: 32, timeout: 2000 })
  }

  override createConnection(): Socket {
    return this.open()
  }
}
