import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ListeningProcess } from './listeningPort'

/**
 * One look into /proc (proc(5)), each process at most once. What may not be read, or ended meanwhile, is empty.
 *
 * It is read synchronously: it never waits for a disk, and a trip through Node's thread pool costs several times
 * the system call (measured: 5 us against 40 us). Every 4 ms the event loop gets a turn.
 */
export class ProcScan {
  private readonly sockets = new Map<number, ReadonlyMap<string, string>>()
  private readonly parents = new Map<number, number | undefined>()
  private turnBegan = performance.now()

  constructor(
    private readonly procRoot: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Every process, the newest first: who opened a port just now has probably just been started. */
  async processes(): Promise<readonly number[]> {
    const names = await readdir(this.procRoot)
    return names
      .map(Number)
      .filter((pid) => Number.isInteger(pid))
      .sort((a, b) => b - a)
  }

  /** How many descriptors a process has open, somebody else's too; always 0 before Linux 6.2 (fs/proc/fd.c). */
  descriptorCount(pid: number): number {
    return this.read(() => statSync(`${this.procRoot}/${pid}/fd`, { throwIfNoEntry: false }))?.size ?? 0
  }

  /** The sockets a process holds: inode -> file descriptor. */
  async socketsOf(pid: number): Promise<ReadonlyMap<string, string>> {
    const known = this.sockets.get(pid)
    if (known) return known
    const found = new Map<string, string>()
    for (const fd of this.descriptorsOf(pid)) {
      const inode = this.socketAt(pid, fd)
      if (inode !== undefined) found.set(inode, fd)
      await this.takeTurns()
    }
    this.sockets.set(pid, found)
    return found
  }

  /** The inode of the socket a descriptor is; undefined when it is something else, or gone. */
  socketAt(pid: number, fd: string): string | undefined {
    const link = this.read(() => readlinkSync(`${this.procRoot}/${pid}/fd/${fd}`))
    return link?.startsWith('socket:[') ? link.slice('socket:['.length, -1) : undefined
  }

  parentOf(pid: number): number | undefined {
    if (!this.parents.has(pid)) this.parents.set(pid, this.readParent(pid))
    return this.parents.get(pid)
  }

  /** The name without the kernel's limit of 15 bytes where the command line tells it. */
  nameOf(pid: number, argv0 = ''): string | undefined {
    const comm = this.read(() => readFileSync(`${this.procRoot}/${pid}/comm`, 'utf8'))?.trimEnd()
    const program = basename(argv0)
    // Node since 22 names its main thread, and with it the process.
    return comm !== undefined && program !== '' && (program.startsWith(comm) || comm === 'MainThread')
      ? program
      : comm
  }

  describe(pid: number): ListeningProcess | undefined {
    const args = this.read(() => readFileSync(`${this.procRoot}/${pid}/cmdline`, 'utf8'))
      ?.slice(0, LONGEST_COMMAND)
      .split('\0')
    const name = this.nameOf(pid, args?.[0])
    const command = args?.join(' ').trim()
    const folder = this.read(() => readlinkSync(`${this.procRoot}/${pid}/cwd`))?.replace(/ \(deleted\)$/, '')
    return name === undefined
      ? undefined
      : { pid, name, ...(command && { command }), ...(folder && { folder }) }
  }

  /** Lets others run when we have held the event loop for long. */
  async takeTurns(): Promise<void> {
    if (performance.now() - this.turnBegan < TURN_MS) return
    await setImmediate()
    this.signal?.throwIfAborted()
    this.turnBegan = performance.now()
  }

  private readParent(pid: number): number | undefined {
    const stat = this.read(() => readFileSync(`${this.procRoot}/${pid}/stat`, 'latin1'))
    // The name stands in parentheses and may hold some itself; state and ppid follow.
    const ppid = /^ \S (\d+)/.exec(stat?.slice(stat.lastIndexOf(')') + 1) ?? '')?.[1]
    return ppid === undefined || ppid === '0' ? undefined : Number(ppid)
  }

  private descriptorsOf(pid: number): readonly string[] {
    return this.read(() => readdirSync(`${this.procRoot}/${pid}/fd`)) ?? []
  }

  /** Undefined when the process ended meanwhile or is somebody else's: both are ordinary here. */
  private read<T>(look: () => T): T | undefined {
    try {
      return look()
    } catch {
      return undefined
    }
  }
}

const TURN_MS = 4
// Enough to recognise a command; a Java class path can be megabytes.
const LONGEST_COMMAND = 4096
