import { execFile } from 'node:child_process'
import { appendFileSync, chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './freePort'
import { withPasswordUser } from './passwordUser'
import type { Scope, ScopedProcess } from './scope'
import { findTool } from './tools'

const run = promisify(execFile)

/** Starts a private dropbear on loopback, which lets in one user of its own. Needs Linux. */
export async function startDropbear(scope: Scope): Promise<Dropbear> {
  const directory = scope.tempDir('dropbear')
  // Its user is another one than root.
  chmodSync(directory, 0o711)
  const home = join(directory, 'home')
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o755 })
  const hostKey = join(directory, 'host_key')
  const { stdout } = await run(findTool('dropbearkey'), ['-t', 'ed25519', '-f', hostKey])
  const publicKey = /^ssh-ed25519 \S+/m.exec(stdout)?.[0] ?? ''
  const port = await freePort()
  const pidFile = join(directory, 'pid')
  const user = { name: 'visitor', password: 'correct horse', home }
  const { command, args } = await withPasswordUser(directory, user, [
    findTool('dropbear'),
    ...['-F', '-E', '-p', `127.0.0.1:${port}`, '-r', hostKey, '-P', pidFile],
  ])
  const process = await scope.spawn(command, args, { ready: () => existsSync(pidFile) })
  return new Dropbear(port, user, `[127.0.0.1]:${port} ${publicKey}`, home, process)
}

export class Dropbear {
  readonly host = '127.0.0.1'
  readonly user: string
  readonly password: string

  constructor(
    readonly port: number,
    user: { readonly name: string; readonly password: string },
    /** As known_hosts holds it. */
    readonly knownHostsLine: string,
    private readonly home: string,
    private readonly process: ScopedProcess,
  ) {
    this.user = user.name
    this.password = user.password
  }

  /** Lets a key in from the next login on. */
  authorize(publicKey: string): void {
    appendFileSync(join(this.home, '.ssh', 'authorized_keys'), `${publicKey}\n`)
  }

  log(): string {
    return this.process.stderr
  }
}
