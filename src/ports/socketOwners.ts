import type { ListeningProcess } from './listeningPort'
import { ProcScan } from './procScan'

/**
 * Which process holds a socket, from /proc/PID/fd (proc(5)). Remembers what it found, so that a change
 * costs one readlink per known socket and a search for the new ones only. Of all other processes it knows how
 * many descriptors they had: who opens a port has one more.
 */
export class SocketOwners {
  private readonly holders = new Map<string, Holder>()
  private readonly misses = new Map<string, number>()
  private readonly everHeld = new Set<number>()
  /** How many descriptors each process had when last looked at; undefined before the first look. */
  private counts: Map<number, number> | undefined

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
    await this.countAtFirst(scan)
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
    const tried = new Set<number>()
    for await (const pid of this.likelyFirst(scan)) {
      if (tried.has(pid)) continue
      tried.add(pid)
      for (const [inode, fd] of await scan.socketsOf(pid)) {
        if (missing.delete(inode)) this.holders.set(inode, { pid, fd })
      }
      if (missing.size === 0) break
    }
    for (const inode of wanted) {
      if (missing.has(inode)) this.misses.set(inode, (this.misses.get(inode) ?? 0) + 1)
      else await this.climb(inode, scan)
    }
  }

  /** Every process, some of them twice: who held a port before, who is new, who has other descriptors, the rest. */
  private async *likelyFirst(scan: ProcScan): AsyncGenerator<number> {
    yield* this.everHeld
    yield process.pid
    const running = await scan.processes()
    this.forgetEnded(new Set(running))
    const counts = this.counts
    if (counts !== undefined) {
      for (const pid of running) {
        if (counts.has(pid)) continue
        counts.set(pid, scan.descriptorCount(pid))
        yield pid
      }
      for (const pid of running) {
        const count = scan.descriptorCount(pid)
        if (count !== counts.get(pid)) {
          counts.set(pid, count)
          yield pid
        }
        await scan.takeTurns()
      }
    }
    yield* running
  }

  private forgetEnded(running: ReadonlySet<number>): void {
    for (const pid of this.everHeld) if (!running.has(pid)) this.everHeld.delete(pid)
    for (const pid of this.counts?.keys() ?? []) if (!running.has(pid)) this.counts?.delete(pid)
  }

  private async countAtFirst(scan: ProcScan): Promise<void> {
    if (this.counts !== undefined) return
    const counts = new Map<number, number>()
    for (const pid of await scan.processes()) {
      counts.set(pid, scan.descriptorCount(pid))
      await scan.takeTurns()
    }
    this.counts = counts
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
