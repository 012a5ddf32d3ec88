import { cpuMsOf, cpuMsWithEndedChildren } from '../cpu'

/**
 * The CPU time that `work` took, in milliseconds: of this process with all its threads, and of the children it waited
 * for. The children's is told in steps of 10 ms, so repeat what is short.
 */
export async function cpuMsSpentBy(work: () => Promise<unknown>): Promise<number> {
  const before = spentMs()
  await work()
  return spentMs() - before
}

function spentMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + cpuMsWithEndedChildren(process.pid) - cpuMsOf(process.pid)
}
