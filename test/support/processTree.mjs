// Plain JavaScript because the watchdog's child runs it without tsx; processTree.d.mts types it for the rest.
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * `pid` and every process that descends from it or shares its process group, parents first.
 * sshd gives each session a process group of its own, so the group alone would miss them.
 */
export function processTree(pid) {
  const all = runningProcesses()
  const tree = [pid]
  for (const parent of tree) {
    for (const one of all) {
      const belongs = one.parent === parent || one.group === pid
      if (belongs && !tree.includes(one.pid)) tree.push(one.pid)
    }
  }
  return tree
}

/** The direct children of `pid`. */
export function childProcesses(pid) {
  return runningProcesses()
    .filter((one) => one.parent === pid)
    .map((one) => one.pid)
}

/** False for a zombie too: it has ended, and its parent has not looked yet. */
export function isRunning(pid) {
  return runningProcesses().some((one) => one.pid === pid)
}

/** Ends the whole tree with SIGKILL. */
export function killTree(pid) {
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/T', '/F'])
    return
  }
  // Stopped before they are killed, so that none forks a child that nobody has seen.
  const seen = new Set()
  for (;;) {
    const fresh = processTree(pid).filter((one) => !seen.has(one))
    if (fresh.length === 0) break
    for (const one of fresh) {
      seen.add(one)
      signalProcess(one, 'SIGSTOP')
    }
  }
  for (const one of seen) signalProcess(one, 'SIGKILL')
}

/** Sends a signal; a process that is gone already is no error. */
export function signalProcess(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** What runs now, without zombies. */
function runningProcesses() {
  const rows = process.platform === 'linux' ? rowsOfProc() : rowsOfPs()
  return rows.filter((one) => one.state !== 'Z')
}

function rowsOfProc() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
        // proc(5): "pid (command) state ppid pgrp"; the command may itself hold spaces and brackets.
        const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        return [{ pid: Number(name), state, parent: Number(parent), group: Number(group) }]
      } catch {
        return [] // ended between the two reads
      }
    })
}

function rowsOfPs() {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,state='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, parent, group, state] = line.trim().split(/\s+/)
      return { pid: Number(pid), parent: Number(parent), group: Number(group), state: state[0] }
    })
}
