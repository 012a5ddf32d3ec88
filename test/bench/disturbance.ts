import { processTree } from '../support/processTree.mjs'
import { cpuMsWithEndedChildren, machineCpuMs } from './cpu'

/** CPU time in milliseconds at one moment. */
export interface CpuMoment {
  readonly at: number
  /** Of all the machine, with what its own host took away. */
  readonly machine: number
  /** Of this process and all that descend from it, whether they still run or not. */
  readonly own: number
}

export function cpuMoment(): CpuMoment {
  return { at: performance.now(), machine: machineCpuMs(), own: cpuMsOfTree() }
}

/** How many cores others used between two moments; 0.1 is a tenth of one. */
export function coresOfOthers(before: CpuMoment, after: CpuMoment): number {
  const others = after.machine - before.machine - (after.own - before.own)
  return Math.max(0, others / (after.at - before.at))
}

/** What a quiet machine does besides, and the ticks that time is counted in, stay below. */
const toleratedCores = 0.1

export function isDisturbed(cores: number): boolean {
  return cores > toleratedCores
}

/** The time of one that has ended is in its parent's as that has seen its end. */
function cpuMsOfTree(): number {
  return processTree(process.pid).reduce((sum, pid) => {
    try {
      return sum + cpuMsWithEndedChildren(pid)
    } catch {
      return sum // ended between the two reads
    }
  }, 0)
}
