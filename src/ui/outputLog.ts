import { LogLevel, window, type LogOutputChannel } from 'vscode'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'

/** The output channel "Expose Port": every line passes the redactor on its way there. */
export class OutputLog implements Log, Disposable {
  private readonly channel: LogOutputChannel = window.createOutputChannel('Expose Port', { log: true })

  constructor(private readonly redactor: Redactor) {}

  get isVerbose(): boolean {
    return this.channel.logLevel === LogLevel.Trace || this.channel.logLevel === LogLevel.Debug
  }

  trace(message: string): void {
    this.channel.trace(this.redactor.redact(message))
  }
  debug(message: string): void {
    this.channel.debug(this.redactor.redact(message))
  }
  info(message: string): void {
    this.channel.info(this.redactor.redact(message))
  }
  warn(message: string): void {
    this.channel.warn(this.redactor.redact(message))
  }
  error(message: string): void {
    this.channel.error(this.redactor.redact(message))
  }

  show(): void {
    this.channel.show(true)
  }

  dispose(): void {
    this.channel.dispose()
  }
}
