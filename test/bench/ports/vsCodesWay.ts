import { exec } from 'node:child_process'
import { readdir, readFile, readlink, stat } from 'node:fs/promises'

/** What VS Code knows of a listening port. */
export interface CandidatePort {
  readonly host: string
  readonly port: number
  readonly pid?: number
  readonly command?: string
}

/**
 * Finds the listening ports with the steps that VS Code 1.100 to 1.139 takes every two seconds, whether anything
 * changed or not (its src/vs/workbench/api/node/extHostTunnelService.ts): both socket tables as a whole; a shell
 * that lists every descriptor of every process; folder and command of every process; and a list of all processes
 * when a socket's owner was not among them. Written anew to measure the same work, so only the cost counts here.
 */
export async function findPortsAsVsCode(): Promise<readonly CandidatePort[]> {
  const tables = [await textOf('/proc/net/tcp'), await textOf('/proc/net/tcp6')]
  const listening = tables.flatMap(listenersOf)
  const owners = ownersOf(await outputOf('ls -l /proc/[0-9]*/fd/[0-9]* | grep socket:'))
  const commands = await commandsOfAll()
  const found: CandidatePort[] = []
  let isOwnerMissing = false
  for (const { host, port, inode } of listening) {
    const pid = owners.get(inode)
    if (pid === undefined) isOwnerMissing = true
    const command = pid === undefined ? undefined : commands.get(pid)
    found.push({ host, port, ...(pid !== undefined && command !== undefined && { pid, command }) })
  }
  if (isOwnerMissing) await outputOf('ps -F -A -l | grep root')
  return found
}

interface Listener {
  readonly host: string
  readonly port: number
  readonly inode: string
}

function listenersOf(table: string): Listener[] {
  return table
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map(([, local = '', , , , , , , , inode = '']) => {
      const [host = '', port = ''] = local.split(':')
      return { host, port: parseInt(port, 16), inode }
    })
}

function ownersOf(listing: string): Map<string, number> {
  const owners = new Map<string, number>()
  for (const line of listing.trim().split('\n')) {
    const [, pid, inode] = /\/proc\/(\d+)\/fd\/\d+ -> socket:\[(\d+)\]/.exec(line) ?? []
    if (pid !== undefined && inode !== undefined) owners.set(inode, Number(pid))
  }
  return owners
}

async function commandsOfAll(): Promise<Map<number, string>> {
  const commands = new Map<number, string>()
  for (const name of await readdir('/proc')) {
    try {
      const path = `/proc/${name}`
      const isProcess = (await stat(path)).isDirectory() && !Number.isNaN(Number(name))
      if (!isProcess) continue
      await readlink(`${path}/cwd`)
      commands.set(Number(name), await readFile(`${path}/cmdline`, 'utf8'))
    } catch {
      // It ended meanwhile, or is somebody else's.
    }
  }
  return commands
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** What a shell's command line prints; an error is no matter, as there. */
function outputOf(command: string): Promise<string> {
  return new Promise((resolve) => {
    exec(command, (_error, stdout) => resolve(stdout))
  })
}
