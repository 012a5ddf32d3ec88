import { readFileSync } from 'node:fs'

/**
 * The CPU time that `work` took, in milliseconds, user and system: of this process with all its threads, and of the
 * children it waited for (proc(5): cutime and cstime of /proc/self/stat, in ticks of 10 ms, so repeat what is short).
 */
export async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const before = spentMs()
  await work()
  return spentMs() - before
}

function spentMs(): number {
  const { user, system } = process.cpuUsage()
  const stat = readFileSync('/proc/self/stat', 'latin1')
  // The name may hold spaces; the state, field 3, follows it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const childrenTicks = Number(fields[16 - 3]) + Number(fields[17 - 3])
  return (user + system) / 1000 + childrenTicks * TICK_MS
}

// sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on.
const TICK_MS = 10
