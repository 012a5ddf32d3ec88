import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import { join } from 'node:path'

type Verb = 'watchProcess' | 'forgetProcess' | 'watchDirectory' | 'forgetDirectory'

let child: ChildProcess | undefined

/**
 * Starts the process that cleans up after this one, once; it holds a pipe from us and acts when the pipe
 * closes, so it also works after SIGKILL. It ends when we end and never keeps us alive.
 */
export function startWatchdog(): number {
  if (child?.pid === undefined) child = spawnWatchdog()
  if (child.pid === undefined) throw new Error(`cannot start ${process.execPath} as the tests' watchdog`)
  return child.pid
}

/** Kills this process with all its descendants when we die. */
export const watchProcess = (pid: number): void => tell('watchProcess', pid)

export const forgetProcess = (pid: number): void => tell('forgetProcess', pid)

/** Removes this directory with all it holds when we die. It need not exist yet. */
export const watchDirectory = (path: string): void => tell('watchDirectory', path)

export const forgetDirectory = (path: string): void => tell('forgetDirectory', path)

function tell(verb: Verb, value: number | string): void {
  startWatchdog()
  child?.stdin?.write(`${JSON.stringify([verb, value])}\n`)
}

function spawnWatchdog(): ChildProcess {
  const started = spawn(process.execPath, [join(__dirname, 'watchdogChild.mjs')], {
    // A session of its own, so that Ctrl-C and the end of a terminal do not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    // Without tsx, which NODE_OPTIONS may hold; as Node inside VS Code's extension host.
    env: { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
  })
  started.unref()
  const pipe = started.stdin
  // A broken pipe means that somebody killed the watchdog: a test can still end well without it.
  pipe.on('error', () => undefined)
  if (pipe instanceof Socket) pipe.unref()
  return started
}
