import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Scope } from '../support/scope'

/** Where run.mjs puts what it has bundled. */
const folder = resolve(__dirname, '../../out/bench')

/** The file of a process in `processes/`, without its ending. */
export function bundled(name: string): string {
  return join(folder, `${name}.js`)
}

/** Runs one of `processes/` to its end; what it writes is the answer. */
export async function askProcess(name: string, request: object): Promise<unknown> {
  const { stdout } = await runToEnd(process.execPath, [bundled(name), JSON.stringify(request)])
  return JSON.parse(stdout)
}

const longestMs = 20_000

/**
 * Runs a program to its end.
 * @throws Error with what it wrote when it ends by anything but 0, or not within 20 s.
 */
export async function runToEnd(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string }> {
  const scope = new Scope()
  try {
    const started = await scope.spawn(command, args, { env: { ...process.env, ...env } })
    // Not 'exit': only with 'close' all that it wrote has been read.
    await Promise.race([once(started.child, 'close'), sleep(longestMs, undefined, { ref: false })])
    const { stdout, stderr } = started
    const code = started.hasExited ? await started.exited() : `nothing after ${longestMs} ms`
    if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return { stdout }
  } finally {
    await scope.close()
  }
}
