import { readFileSync } from 'node:fs'

/** The unit of times in /proc: USER_HZ is 100 on every Linux (proc(5), sysconf(3)). */
const tickMs = 10

/** CPU time that a process has used, in its own code and in the kernel for it, in milliseconds. Linux only. */
export function cpuMsOf(pid: number): number {
  const { own } = timesOf(pid)
  return own
}

/** The same with that of its children that have ended. */
export function cpuMsWithEndedChildren(pid: number): number {
  const { own, children } = timesOf(pid)
  return own + children
}

function timesOf(pid: number): { own: number; children: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // proc(5): after the command's closing bracket, utime is the 12th, then stime, cutime and cstime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number)
  return { own: (utime! + stime!) * tickMs, children: (cutime! + cstime!) * tickMs }
}

/** CPU time that all of the machine has used, and what the machine it runs on took away, in milliseconds. */
export function machineCpuMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1)
  // proc(5): user nice system idle iowait irq softirq steal; guest time is in user time already.
  const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user! + nice! + system! + irq! + softirq! + steal!) * tickMs
}
