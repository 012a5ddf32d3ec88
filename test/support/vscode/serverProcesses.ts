import { readdirSync, readFileSync } from 'node:fs'

export interface ServerProcess {
  readonly pid: number
  readonly command: string
}

/**
 * The processes whose `$HOME` is this folder. Each server has a home of its own and children inherit it, so this
 * also finds those that left the process group and whose parent is gone. Linux only, as is the server.
 */
export function processesAtHome(home: string): ServerProcess[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && entries(pid, 'environ').includes(`HOME=${home}`))
    .map((pid) => ({ pid, command: entries(pid, 'cmdline').join(' ').trim() }))
}

/** None for a process that is gone, has ended, or belongs to somebody else. */
function entries(pid: number, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0')
  } catch {
    return []
  }
}
