import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import { delay, type Clock } from '../base/clock'
import type { Failure, Hop } from '../base/failure'
import type { Log } from '../base/log'
import { readInto } from '../base/readInto'
import { dial } from './dial'
import { failures } from './failures'
import type { SshSettings } from './settings'
import type { Transport } from './transport'

/** The way to an SSH server: the stream the protocol runs on, and what must go when it ends. */
export interface Route {
  readonly stream: Duplex
  dispose(): void
  /** Whether a chunk that is read may be gone when its reader returns, which saves a copy. */
  lend?(mayLend: boolean): void
  /** Why the stream ended, where the route knows more than the stream could say. */
  explain?(): Promise<Failure | undefined>
}

/**
 * Opens the way that ssh_config asks for: through jump hosts (ProxyJump), through a program's standard input and
 * output (ProxyCommand), or straight by TCP.
 * @throws Failure, Node's own error, or the signal's reason.
 */
export async function openRoute(
  settings: SshSettings,
  options: {
    readonly signal: AbortSignal
    readonly log: Log
    readonly clock: Clock
    readonly onHop: (hop: Hop) => void
    /** Logs in to the last jump host, itself reached through those before it. */
    readonly openJump: (chain: readonly string[]) => Promise<Transport>
  },
): Promise<Route> {
  const { signal, log, clock, onHop, openJump } = options
  if (settings.proxyJump.length > 0) {
    const jump = await openJump(settings.proxyJump)
    try {
      const stream = await jump.openDirect(settings.hostName, settings.port)
      // The jump host may go first: its end is the end of all that ran through it.
      jump.onDidClose((failure) => stream.destroy(failure))
      return { stream, dispose: () => jump.dispose() }
    } catch (error) {
      jump.dispose()
      throw error
    }
  }
  if (settings.proxyCommand !== undefined) {
    onHop('TCP')
    return runProxyCommand(settings.proxyCommand, settings, { log, clock })
  }
  const { hostName: host, port, addressFamily: family } = settings
  let lends = false
  const onread = readInto((chunk) => {
    stream.emit('data', lends ? chunk : Buffer.from(chunk))
    return true
  })
  const stream = await dial({ host, port, family }, { signal, onHop, onread })
  return { stream, dispose: () => undefined, lend: (mayLend) => (lends = mayLend) }
}

/** ssh_config(5), ProxyCommand: runs by the user's shell, and speaks for the server on its standard streams. */
function runProxyCommand(
  command: string,
  settings: SshSettings,
  { log, clock }: { log: Log; clock: Clock },
): Route {
  log.debug(`ProxyCommand: ${command}`)
  const [shell, ...args] =
    process.platform === 'win32'
      ? [process.env['ComSpec'] ?? 'cmd.exe', '/d', '/s', '/c', command]
      : [process.env['SHELL'] ?? '/bin/sh', '-c', `exec ${command}`]
  const child = spawn(shell, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
    log.debug(`ProxyCommand said: ${text.trimEnd()}`)
  })
  const ended = new Promise<Failure>((resolve) => {
    child.once('error', (error) => resolve(failures.proxyCommand(settings, error.message)))
    child.once('close', (code) =>
      resolve(failures.proxyCommand(settings, said.trim() || `It ended with exit code ${code}.`)),
    )
  })
  void ended.then((failure) => stream.destroy(failure))
  const dispose = () => void child.kill()
  stream.once('close', dispose)
  // Its output ends a moment before it does.
  const explain = () => Promise.race([ended, delay(clock, 500).then(() => undefined)])
  return { stream, dispose, explain }
}
