// Plain Node: it runs before node_modules exists.
import { spawn } from 'node:child_process'
import { clearTimeout } from 'node:timers'

const patienceMs = 10_000
const running = new Set()
let interruptedBy

/**
 * Runs a program to its end on this terminal; answers its exit code, or 1 when a signal ended it or it cannot be
 * started. `options` are spawn's.
 */
export async function run(command, args, options = {}) {
  if (interruptedBy !== undefined) return 1
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options })
  running.add(child)
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`cannot start ${command}: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (exitCode) => resolve(exitCode ?? 1))
  })
  running.delete(child)
  return code
}

/** Runs npm, which is a script that only a shell can start on Windows. */
export function runNpm(args, options = {}) {
  return run('npm', args, { shell: process.platform === 'win32', ...options })
}

/**
 * On Ctrl-C, or when asked to end: asks what runs to end, waits for it, calls `tidy`, and ends this process as the
 * signal would have. The tests' own watchdogs clean up after them.
 */
export function endTogether(tidy = () => undefined) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (interruptedBy !== undefined) return
      interruptedBy = signal
      const ends = [...running].map((child) => end(child))
      void Promise.all(ends).then(() => {
        tidy()
        process.exit(signal === 'SIGINT' ? 130 : 143)
      })
    })
  }
}

/** True once a signal has asked this process to end. */
export function isInterrupted() {
  return interruptedBy !== undefined
}

function end(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const limit = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    child.once('exit', () => {
      clearTimeout(limit)
      resolve()
    })
    child.kill('SIGTERM')
    return undefined
  })
}
