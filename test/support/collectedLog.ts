import type { Log } from '../../src/base/log'

/** A log that keeps its lines: at Trace, or without those that cost time for each packet. */
export class CollectedLog implements Log {
  readonly lines: string[] = []

  constructor(readonly isVerbose = true) {}

  trace(message: string): void {
    this.lines.push(`trace ${message}`)
  }
  debug(message: string): void {
    this.lines.push(`debug ${message}`)
  }
  info(message: string): void {
    this.lines.push(`info ${message}`)
  }
  warn(message: string): void {
    this.lines.push(`warn ${message}`)
  }
  error(message: string): void {
    this.lines.push(`error ${message}`)
  }

  get text(): string {
    return this.lines.join('\n')
  }
}
