import type { Duplex } from 'node:stream'
import type { Event } from '../../base/event'
import { Emitter } from '../../base/event'
import type { Log } from '../../base/log'
import type { Transport } from '../../ssh/transport'
import { quoteLine, SessionLines } from './sessionText'

/**
 * The one session of a connection that a service prints to. A second one is never opened: sish ends itself when it is
 * asked for another shell on the same connection.
 */
export class ServiceSession {
  private readonly didHear = new Emitter<string>()
  private readonly didEnd = new Emitter<void>()
  private readonly lines = new SessionLines()
  private recent: readonly string[] = []
  private ended = false

  readonly onDidHear: Event<string> = this.didHear.event
  /** It closed, by itself or with the connection. */
  readonly onDidEnd: Event<void> = this.didEnd.event

  /**
   * Opens it, or answers the one that is open already.
   * @throws Error when the server opens none.
   */
  static on(transport: Transport, request: SessionRequest, log: Log): Promise<ServiceSession> {
    const existing = sessions.get(transport)
    if (existing !== undefined) return existing
    const { hostName } = transport.settings
    const opened = transport
      .openSession(request)
      .then((channel) => new ServiceSession(channel, (line) => log.debug(`${hostName}: ${quoteLine(line)}`)))
    sessions.set(transport, opened)
    opened.catch(() => sessions.delete(transport))
    return opened
  }

  private constructor(
    channel: Duplex,
    private readonly write: (line: string) => void,
  ) {
    channel.on('data', (chunk: Buffer) => this.hear(this.lines.push(chunk)))
    channel.once('close', () => {
      this.finishLine()
      this.ended = true
      this.didEnd.fire()
      this.didHear.dispose()
      this.didEnd.dispose()
    })
  }

  get hasEnded(): boolean {
    return this.ended
  }

  /** What it said last, for a message; empty for nothing. */
  get lastWords(): string {
    return this.recent.map(quoteLine).join(' ')
  }

  /** Hears what came last as a whole line: nothing more is expected. */
  finishLine(): void {
    this.hear([this.lines.flush()])
  }

  private hear(lines: readonly string[]): void {
    for (const line of lines) {
      if (line === '') continue
      this.write(line)
      this.recent = [...this.recent, line].slice(-mostRecent)
      this.didHear.fire(line)
    }
  }
}

type SessionRequest = Parameters<Transport['openSession']>[0]

const sessions = new WeakMap<Transport, Promise<ServiceSession>>()
const mostRecent = 4
