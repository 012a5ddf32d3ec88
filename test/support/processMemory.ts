import { readdirSync, readFileSync } from 'node:fs'

/** proc(5), status: VmRSS is in kibibytes. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6
}

/** How many files, sockets and pipes it holds. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
