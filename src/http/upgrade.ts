import type { IncomingMessage } from 'node:http'
import type { Duplex, Writable } from 'node:stream'
import { join } from '../base/join'
import { fieldsOf, tokensOf, type Field, type HttpResponse } from './exchange'
import { Progress } from './progress'
import type { VisitorConnection } from './visitorConnection'

/**
 * The way back for a request to leave HTTP, as for a WebSocket: Node has stopped reading HTTP from the stream by then.
 * An answer other than 101 is the last one on this connection.
 */
export class UpgradeResponse implements HttpResponse {
  private readonly done: () => void
  private gone: () => void = () => undefined
  private begun = false
  private hasLeftHttp = false

  constructor(
    request: IncomingMessage,
    private readonly stream: Duplex,
    connection: VisitorConnection,
  ) {
    const progress = new Progress(request, stream, undefined)
    this.done = connection.begin({
      onGone: () => this.gone(),
      // What the two say to each other beyond HTTP may take as long as it likes.
      isStalled: () => !this.hasLeftHttp && progress.isStalled({ hasAnswerBegun: this.begun }),
      giveUp: () => this.abort(),
    })
  }

  get hasBegun(): boolean {
    return this.begun
  }

  inform(): void {
    // Who asks to leave HTTP waits for 101 or a refusal.
  }

  begin(status: number, reason: string, fields: readonly Field[]): Writable {
    const kept = fields.filter(([name]) => name.toLowerCase() !== 'connection')
    this.writeHead(status, reason, [...kept, ['Connection', 'close']])
    return this.stream
  }

  end(): void {
    this.gone = () => undefined
    this.stream.end()
    this.stream.resume()
    // From here the visitor has as long as any that says nothing.
    this.done()
  }

  abort(): void {
    this.stream.destroy()
  }

  readonly switchProtocols = (reason: string, fields: readonly Field[], app: Duplex): void => {
    this.hasLeftHttp = true
    this.gone = () => undefined
    this.writeHead(101, reason, fields)
    join(this.stream, app)
  }

  onGone(callback: () => void): void {
    this.gone = callback
  }

  private writeHead(status: number, reason: string, fields: readonly Field[]): void {
    this.begun = true
    this.stream.write(head(`HTTP/1.1 ${status} ${reason}`, fields))
  }
}

/** The request again, as one that asks for nothing but HTTP. */
export function withoutUpgrade({ method = '', url = '', httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const fields = fieldsOf(rawHeaders)
  const connection = tokensOf(fields, 'connection').filter((name) => !ofUpgrade.includes(name))
  const kept = fields.filter(([name]) => ![...ofUpgrade, 'connection'].includes(name.toLowerCase()))
  if (connection.length > 0) kept.push(['Connection', connection.join(', ')])
  return head(`${method} ${url} HTTP/${httpVersion}`, kept)
}

const ofUpgrade = ['upgrade', 'http2-settings']

/** Node reads fields as latin1. */
function head(firstLine: string, fields: readonly Field[]): Buffer {
  const lines = [firstLine, ...fields.map(([name, value]) => `${name}: ${value}`)]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
