import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { ListeningProcess } from './listeningPort'

/**
 * Which process holds a socket, from /proc/PID/fd (proc(5)). Remembers what it found, so that a change
 * costs one readlink per known socket and a search for the new ones only.
 *
 * /proc is read synchronously: it never waits for a disk, and a trip through Node's thread pool costs
 * several times the system call (measured: 5 us against 40 us). Every 4 ms the event loop gets a turn.
 */
export class SocketOwners {
  private readonly holders = new Map<string, Holder>()
  private readonly misses = new Map<string, number>()
  private readonly everHeld = new Set<number>()

  constructor(private readonly procRoot: string) {}

  /**
   * False while a socket's process was not found on the first try: it may have been on its way from a
   * parent that exited to a child. Twice not found means that we may not read it.
   */
  get isSettled(): boolean {
    return [...this.misses.values()].every((misses) => misses >= TRIES)
  }

  /**
   * The processes of these sockets, by inode; a socket whose process we may not read is missing.
   * Throws the signal's reason on abort.
   */
  async resolve(
    inodes: ReadonlySet<string>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, ListeningProcess>> {
    const scan = new ProcScan(this.procRoot, signal)
    await this.forgetWhatChanged(inodes, scan)
    const wanted = new Set([...inodes].filter((inode) => !this.holders.has(inode) && this.mayTry(inode)))
    if (wanted.size > 0) await this.search(wanted, scan)
    return this.describe(scan)
  }

  private mayTry(inode: string): boolean {
    return inode !== KERNEL_SOCKET && (this.misses.get(inode) ?? 0) < TRIES
  }

  private async forgetWhatChanged(inodes: ReadonlySet<string>, scan: ProcScan): Promise<void> {
    for (const inode of this.misses.keys()) if (!inodes.has(inode)) this.misses.delete(inode)
    for (const [inode, { pid, fd }] of this.holders) {
      // While the descriptor still is this socket, the pid cannot have been reused.
      if (!inodes.has(inode) || scan.socketAt(pid, fd) !== inode) this.holders.delete(inode)
      await scan.takeTurns()
    }
  }

  private async search(wanted: Set<string>, scan: ProcScan): Promise<void> {
    const missing = new Set(wanted)
    const look = async (pid: number) => {
      for (const [inode, fd] of await scan.socketsOf(pid)) {
        if (missing.delete(inode)) this.holders.set(inode, { pid, fd })
      }
    }
    const tried = new Set([...this.everHeld, process.pid])
    for (const pid of tried) if (missing.size > 0) await look(pid)
    if (missing.size > 0) {
      const running = await pidsIn(this.procRoot)
      for (const pid of this.everHeld) if (!running.has(pid)) this.everHeld.delete(pid)
      // Who opened a port just now has probably just been started.
      for (const pid of [...running].sort((a, b) => b - a)) {
        if (missing.size === 0) break
        if (!tried.has(pid)) await look(pid)
      }
    }
    for (const inode of wanted) {
      if (missing.has(inode)) this.misses.set(inode, (this.misses.get(inode) ?? 0) + 1)
      else await this.climb(inode, scan)
    }
  }

  /** A socket that a server's workers inherited is the server's: goes up while the parent holds it too. */
  private async climb(inode: string, scan: ProcScan): Promise<void> {
    this.misses.delete(inode)
    for (let holder = this.holders.get(inode); holder;) {
      this.holders.set(inode, holder)
      this.everHeld.add(holder.pid)
      const parent = scan.parentOf(holder.pid)
      const fd = parent === undefined ? undefined : (await scan.socketsOf(parent)).get(inode)
      // systemd keeps the sockets of the services it starts on demand (systemd.socket(5)).
      const isApp = parent !== undefined && fd !== undefined && scan.nameOf(parent) !== 'systemd'
      holder = isApp ? { pid: parent, fd } : undefined
    }
  }

  private async describe(scan: ProcScan): Promise<ReadonlyMap<string, ListeningProcess>> {
    const described = new Map<string, ListeningProcess>()
    const processes = new Map<number, ListeningProcess | undefined>()
    for (const [inode, { pid }] of this.holders) {
      if (!processes.has(pid)) processes.set(pid, scan.describe(pid))
      const process = processes.get(pid)
      if (process) described.set(inode, process)
      await scan.takeTurns()
    }
    return described
  }
}

interface Holder {
  readonly pid: number
  readonly fd: string
}

const TRIES = 2
const KERNEL_SOCKET = '0'
const TURN_MS = 4
// Enough to recognise a command; a Java class path can be megabytes.
const LONGEST_COMMAND = 4096

/** Looks into /proc, each process at most once. What may not be read, or ended meanwhile, is empty. */
class ProcScan {
  private readonly sockets = new Map<number, ReadonlyMap<string, string>>()
  private readonly parents = new Map<number, number | undefined>()
  private turnBegan = performance.now()

  constructor(
    private readonly procRoot: string,
    private readonly signal: AbortSignal | undefined,
  ) {}

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

async function pidsIn(procRoot: string): Promise<ReadonlySet<number>> {
  const names = await readdir(procRoot)
  return new Set(names.map(Number).filter((pid) => Number.isInteger(pid)))
}
