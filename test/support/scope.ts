import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { killTree, signalProcess } from './processTree.mjs'
import { waitUntil } from './waitUntil'
import { forgetDirectory, forgetProcess, startWatchdog, watchDirectory, watchProcess } from './watchdog'

/** What may still hold something; the leak check reads it. */
export const openTempDirs = new Set<string>()

type AsyncDispose = () => unknown

/**
 * Owns what a test starts: processes, directories, anything with an end. `close()` ends them in reverse
 * order. When this process dies first, in whatever way, the watchdog ends the processes and removes the
 * directories.
 */
export class Scope {
  private readonly owned: AsyncDispose[] = []
  private closed = false

  constructor() {
    startWatchdog()
  }

  /** Registers what `close()` shall call and await. On a closed scope it is called at once. */
  add(dispose: AsyncDispose): void {
    if (this.closed) void dispose()
    else this.owned.push(dispose)
  }

  /** A new directory that only this user can enter; `close()` removes it. */
  tempDir(prefix: string): string {
    this.assertOpen()
    // Not macOS's long $TMPDIR: the path of a unix socket has to fit into 104 bytes.
    const parent = process.platform === 'win32' ? tmpdir() : '/tmp'
    const path = mkdtempSync(join(parent, `${prefix}-`))
    watchDirectory(path)
    openTempDirs.add(path)
    this.add(async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 20 })
      openTempDirs.delete(path)
      forgetDirectory(path)
    })
    return path
  }

  /**
   * Starts a program in a process group of its own and waits until it is ready, if told how to know.
   * `close()` kills it and all its descendants. Fails with its output when it ends before it is ready.
   */
  async spawn(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<ScopedProcess> {
    this.assertOpen()
    const child = spawn(command, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.env ?? process.env,
      detached: true,
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    })
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error]
      throw new Error(`cannot start ${command}: ${error.message}`)
    }
    watchProcess(child.pid)
    const started = new ScopedProcess(command, child, child.pid)
    this.add(() => started.stop())
    if (options.ready !== undefined) await started.waitUntilReady(options.ready, options.readyTimeoutMs)
    return started
  }

  /** Ends everything, last come first served, and tells of every end that failed. */
  async close(): Promise<void> {
    this.closed = true
    const errors: unknown[] = []
    for (let dispose = this.owned.pop(); dispose !== undefined; dispose = this.owned.pop()) {
      try {
        await dispose()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `closing a scope failed: ${errors.join('; ')}`)
  }

  private assertOpen(): void {
    if (this.closed) throw new Error('this scope is closed')
  }
}

export interface SpawnOptions {
  readonly cwd?: string
  /** The whole environment; this process's own unless given. */
  readonly env?: NodeJS.ProcessEnv
  /** 'ignore' unless given. */
  readonly stdin?: 'ignore' | 'pipe'
  /** Text that its stdout and stderr show, or a question that is asked until the answer is yes. */
  readonly ready?: RegExp | (() => boolean | Promise<boolean>)
  /** 15 s unless given. */
  readonly readyTimeoutMs?: number
}

/** A program that a scope started. */
export class ScopedProcess {
  stdout = ''
  stderr = ''

  constructor(
    private readonly command: string,
    readonly child: ChildProcess,
    readonly pid: number,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    child.on('error', () => undefined)
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** The exit code, or the signal that ended it. */
  async exited(): Promise<number | NodeJS.Signals> {
    if (!this.hasExited) await once(this.child, 'exit')
    return this.child.exitCode ?? this.child.signalCode ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.hasExited) signalProcess(this.pid, signal)
  }

  /** Kills it and its descendants and waits for its end. */
  async stop(): Promise<void> {
    killTree(this.pid)
    await this.exited()
    forgetProcess(this.pid)
    // Somebody who left the tree may still hold the other end.
    for (const stream of this.child.stdio) stream?.destroy()
  }

  async waitUntilReady(ready: NonNullable<SpawnOptions['ready']>, timeoutMs?: number): Promise<void> {
    const isReady = ready instanceof RegExp ? () => ready.test(this.stdout + this.stderr) : ready
    await waitUntil(
      () => `${this.command} to be ready. It wrote:\n${this.stdout}${this.stderr}`,
      async () => {
        if (await isReady()) return true
        if (!this.hasExited) return false
        throw new Error(
          `${this.command} ended with ${await this.exited()} before it was ready. It wrote:\n${this.stdout}${this.stderr}`,
        )
      },
      timeoutMs,
    )
  }
}
