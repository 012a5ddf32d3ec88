import { groupByPort, type ListeningPort, type ListeningProcess, type PortSource } from './listeningPort'
import { parseLsofFolders, parseLsofListeners, type LsofListener } from './lsof'
import { portsUnreadable } from './portsUnreadable'
import type { RunProgram } from './runProgram'

/**
 * macOS: the sockets and their processes from lsof; command lines from ps and folders from a second lsof,
 * only when the first said something new. Without privileges lsof tells of our own processes only.
 */
export class MacosSource implements PortSource {
  private seen: string | undefined
  private ports: readonly ListeningPort[] = []

  constructor(private readonly run: RunProgram) {}

  async list(signal?: AbortSignal): Promise<readonly ListeningPort[]> {
    // +c0: the whole name (lsof cuts it to 9 characters); -w: no warnings about what it cannot stat.
    const text = await this.ask('lsof', ['-nP', '-w', '+c0', '-iTCP', '-sTCP:LISTEN', '-FpRcftn'], signal)
    if (text === this.seen) return this.ports
    const listeners = parseLsofListeners(text)
    const processes = await this.describe(listeners, signal)
    this.ports = groupByPort(
      listeners.map((listener) => ({ ...listener, process: processes.get(listener.pid) })),
    )
    this.seen = text
    return this.ports
  }

  private async describe(
    listeners: readonly LsofListener[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, ListeningProcess>> {
    const names = new Map(listeners.map(({ pid, name }) => [pid, name]))
    if (names.size === 0) return new Map()
    const pids = [...names.keys()].join(',')
    const [commands, folders] = await Promise.all([
      this.ask('ps', ['-ww', '-p', pids, '-o', 'pid=,command='], signal).then(parsePsCommands),
      this.ask('lsof', ['-w', '-a', '-p', pids, '-d', 'cwd', '-Fpfn'], signal).then(parseLsofFolders),
    ])
    return new Map(
      [...names].map(([pid, name]) => {
        const command = commands.get(pid)
        const folder = folders.get(pid)
        return [pid, { pid, name, ...(command && { command }), ...(folder && { folder }) }]
      }),
    )
  }

  /** lsof and ps say 1 when there is nothing to show, or when one of the processes has ended. */
  private async ask(
    program: keyof typeof PATHS,
    args: readonly string[],
    signal?: AbortSignal,
  ): Promise<string> {
    try {
      return (await this.run(PATHS[program], args, signal)).stdout
    } catch (error) {
      signal?.throwIfAborted()
      throw portsUnreadable(`${program} could not be run.`, error)
    }
  }
}

// VS Code started from the Dock may have a PATH without /usr/sbin.
const PATHS = { lsof: '/usr/sbin/lsof', ps: '/bin/ps' }

/** The lines of `ps -o pid=,command=`: pid -> command line. */
export function parsePsCommands(text: string): ReadonlyMap<number, string> {
  return new Map(
    [...text.matchAll(/^ *(\d+) (.+?) *$/gm)].map(([, pid, command = '']) => [Number(pid), command]),
  )
}
