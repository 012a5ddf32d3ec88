/** The part of VS Code's LogOutputChannel that the rooms below ui write to. */
export interface Log {
  trace(message: string): void
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  /** True when debug lines are kept: building the SSH protocol log costs time for each packet. */
  readonly isVerbose: boolean
}

export const silentLog: Log = {
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  isVerbose: false,
}
