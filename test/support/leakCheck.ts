import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { processTree } from './processTree.mjs'
import { openTempDirs } from './scope'
import { waitUntil } from './waitUntil'
import { startWatchdog } from './watchdog'

export interface LeakCheck {
  /**
   * Waits until nothing is left that was not there; after `timeoutMs`, 10 s unless given, fails with a list
   * of what is.
   */
  assertClean(timeoutMs?: number): Promise<void>
}

/** Notes what this process holds now. Clean means: no more of any kind than that. */
export function leakCheck(): LeakCheck {
  startWatchdog() // so that it counts as having been there
  const before = held()
  return {
    async assertClean(timeoutMs = 10_000) {
      const left = () => [...held()].flatMap(([kind, now]) => surplus(kind, now, before.get(kind) ?? []))
      await waitUntil(
        () => `nothing to be left over, but there is:\n  ${left().join('\n  ')}`,
        () => left().length === 0,
        timeoutMs,
      )
    },
  }
}

/** What is held, by kind. */
type Holdings = Map<string, string[]>

/**
 * Kinds are compared by number, since a thing may be replaced by one of its kind, such as a connection that
 * was made anew; what is new is listed first.
 */
function surplus(kind: string, now: readonly string[], before: readonly string[]): string[] {
  const fresh = now.filter((one) => !before.includes(one))
  const known = now.filter((one) => before.includes(one))
  const count = Math.max(0, now.length - before.length)
  return [...fresh, ...known].slice(0, count).map((one) => (one === '' ? kind : `${kind}: ${one}`))
}

function held(): Holdings {
  const holdings: Holdings = new Map()
  const add = (kind: string, one: string) => holdings.set(kind, [...(holdings.get(kind) ?? []), one])
  for (const resource of process.getActiveResourcesInfo()) {
    if (!transient.test(resource)) add(resource, '')
  }
  for (const target of openFiles()) {
    const [, kind = 'open file'] = /^(socket|pipe):/.exec(target) ?? []
    add(kind === 'open file' ? kind : `${kind} descriptor`, target)
  }
  for (const pid of process.platform === 'win32' ? [] : processTree(process.pid).slice(1)) {
    const command = commandOf(pid)
    if (!ownMachinery.test(command)) add('child process', `${pid} ${command}`)
  }
  for (const path of openTempDirs) add('temporary directory', path)
  return holdings
}

/** They end by themselves within this turn of the event loop. */
const transient = /^(Immediate|TickObject|FSReq|CloseReq|GetAddrInfoReq|WriteWrap|ShutdownWrap)/

/**
 * What `ps` is to us while we look, the compiler that tsx keeps, and the processes that a browser starts when it
 * likes: they end with its first one, which counts.
 */
const ownMachinery = /^ps -A|esbuild.*--service|chrom(?:e|ium)\S* --type=/

/** Where our file descriptors lead; only Linux tells. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith('anon_inode:') ? [] : [target]
    } catch {
      return [] // the one that read the directory
    }
  })
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}
