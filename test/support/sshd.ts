import { execFile } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './freePort'
import { passwordConfig, withPasswordUser, type PasswordUser } from './passwordUser'
import { childProcesses, processTree, signalProcess } from './processTree.mjs'
import type { Scope, ScopedProcess } from './scope'
import { fingerprintOf, generateKey, type KeyType } from './sshKeys'
import { findTool } from './tools'
import { waitUntil } from './waitUntil'

const run = promisify(execFile)

export interface SshdOptions {
  /** Lines of sshd_config. They win over ours: sshd takes the first value. `Match` blocks come last. */
  readonly config?: readonly string[]
  /** Just ed25519 unless given. */
  readonly hostKeyTypes?: readonly KeyType[]
  /** Whole lines, such as `permitlisten="8080" ssh-ed25519 AAAA…`; `newClientKey` adds more. */
  readonly authorizedKeys?: readonly string[]
  /** A free one unless given. */
  readonly port?: number
  /** Somebody who may log in by password. Needs Linux. */
  readonly passwordUser?: PasswordUser
}

export interface ClientKeyOptions {
  /** ed25519 unless given. */
  readonly type?: KeyType
  readonly passphrase?: string
  /** Whether the server accepts it; true unless given. */
  readonly authorized?: boolean
  /** What stands before the key in authorized_keys: `restrict,port-forwarding`. */
  readonly options?: string
}

export interface ClientKey {
  readonly path: string
  /** `ssh-ed25519 AAAA… comment` */
  readonly publicKey: string
}

/** Starts a private OpenSSH server on loopback, as root or as an ordinary user. */
export async function startSshd(scope: Scope, options: SshdOptions = {}): Promise<Sshd> {
  const port = options.port ?? (await freePort())
  const sshd = new Sshd(scope, scope.tempDir('sshd'), port, options)
  await sshd.changeHostKey()
  return sshd
}

export class Sshd {
  readonly host = '127.0.0.1'
  /** Who logs in by key: the user this process runs as. */
  readonly user = userInfo().username
  private readonly hostKeyTypes: readonly KeyType[]
  private hostKeys = new Map<KeyType, string>()
  private listener: ScopedProcess | undefined
  private keyCount = 0

  constructor(
    private readonly scope: Scope,
    private readonly directory: string,
    readonly port: number,
    private options: SshdOptions,
  ) {
    this.hostKeyTypes = options.hostKeyTypes ?? ['ed25519']
    // The password user of root's sshd has to reach authorized_keys.
    chmodSync(directory, 0o711)
    writeFileSync(
      this.path('authorized_keys'),
      options.authorizedKeys?.map((key) => `${key}\n`).join('') ?? '',
    )
    writeFileSync(this.path('sshd_config'), this.config().join('\n'))
    writeFileSync(this.path('log'), '')
  }

  /** A line for each host key, as known_hosts holds it. */
  get knownHostsLine(): string {
    return [...this.hostKeys.values()].map((key) => `[${this.host}]:${this.port} ${key}`).join('\n')
  }

  /** `SHA256:…`, as ssh shows it. */
  hostKeyFingerprint(type: KeyType = this.hostKeyTypes[0] ?? 'ed25519'): string {
    const key = this.hostKeys.get(type)
    if (key === undefined) throw new Error(`this sshd has no ${type} host key`)
    return fingerprintOf(key)
  }

  async newClientKey(options: ClientKeyOptions = {}): Promise<ClientKey> {
    const { type = 'ed25519', passphrase = '', authorized = true } = options
    this.keyCount += 1
    const comment = `client-${this.keyCount}`
    const path = this.path(comment)
    const publicKey = await generateKey({ path, type, passphrase, comment })
    if (authorized) this.authorize(publicKey, options.options)
    return { path, publicKey }
  }

  /** Lets a key in from the next login on; `options` such as `restrict,port-forwarding`. */
  authorize(publicKey: string, options?: string): void {
    const line = options === undefined ? publicKey : `${options} ${publicKey}`
    appendFileSync(this.path('authorized_keys'), `${line}\n`)
  }

  /** Locks a key out from the next login on. */
  revoke(publicKey: string): void {
    const lines = readFileSync(this.path('authorized_keys'), 'utf8').split('\n')
    const kept = lines.filter((line) => !line.endsWith(publicKey))
    writeFileSync(this.path('authorized_keys'), kept.join('\n'))
  }

  /** What makes OpenSSH's own client log in here, with nothing of the user's own configuration. */
  clientArgs(key?: ClientKey): string[] {
    const knownHosts = this.path('known_hosts')
    writeFileSync(knownHosts, `${this.knownHostsLine}\n`)
    return [
      ...['-F', 'none', '-p', `${this.port}`],
      ...['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'GlobalKnownHostsFile=none'],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...(key === undefined ? ['-o', 'PubkeyAuthentication=no'] : ['-i', key.path]),
      `${key === undefined ? (this.options.passwordUser?.name ?? this.user) : this.user}@${this.host}`,
    ]
  }

  /** All that sshd has logged, at DEBUG1 unless `config` says otherwise. */
  log(): string {
    return readFileSync(this.path('log'), 'utf8')
  }

  /** How many connections it holds, logged in or not. */
  sessionCount(): number {
    return this.listener === undefined ? 0 : childProcesses(this.listener.pid).length
  }

  /** Where remote forwards listen: `127.0.0.1:8080`, `[::1]:8080`, `/run/x.sock`. Linux only. */
  async listeners(): Promise<string[]> {
    if (this.listener === undefined) return []
    const sessions = new Set(processTree(this.listener.pid).slice(1))
    const [tcp, unix] = await Promise.all(['-ltnpH', '-lxpH'].map((flags) => run(findTool('ss'), [flags])))
    return [...(tcp?.stdout.split('\n') ?? []), ...(unix?.stdout.split('\n') ?? [])]
      .filter((row) => [...row.matchAll(/pid=(\d+)/g)].some(([, pid]) => sessions.has(Number(pid))))
      .map((row) => /LISTEN\s+\d+\s+\d+\s+(\S+)/.exec(row)?.[1] ?? row)
  }

  /** The machine hangs: whoever is connected gets no answer, and no disconnect either. */
  freeze(): void {
    if (this.listener === undefined) throw new Error('this sshd does not run')
    for (const pid of processTree(this.listener.pid)) signalProcess(pid, 'SIGSTOP')
  }

  thaw(): void {
    if (this.listener === undefined) throw new Error('this sshd does not run')
    for (const pid of processTree(this.listener.pid)) signalProcess(pid, 'SIGCONT')
  }

  /** Kills the server with all its sessions. */
  async stop(): Promise<void> {
    const { listener } = this
    this.listener = undefined
    await listener?.stop()
  }

  /** Kills what runs and starts again on the same port, also after `stop()`. */
  async restart(): Promise<void> {
    await this.stop()
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
    // An absolute path: sshd starts itself anew for each connection.
    const sshd = [findTool('sshd'), '-D', '-f', this.path('sshd_config'), '-E', this.path('log')]
    const command = [...sshd, ...(await noPenalties(sshd))]
    const { passwordUser } = this.options
    const start =
      passwordUser === undefined
        ? { command: command[0]!, args: command.slice(1) }
        : await withPasswordUser(this.directory, passwordUser, command)
    // sshd writes its pid once it listens; its log says so only at some levels.
    rmSync(this.path('pid'), { force: true })
    const alreadyLogged = this.log().length
    this.listener = await this.scope.spawn(start.command, start.args)
    try {
      await this.listener.waitUntilReady(() => existsSync(this.path('pid')))
    } catch (error) {
      throw new Error(`sshd did not start. Its log:\n${this.log().slice(alreadyLogged)}`, { cause: error })
    }
  }

  /** Takes other lines in, in place of `config`: new sessions go by them, those that stand keep what they had. */
  async reload(config: readonly string[]): Promise<void> {
    if (this.listener === undefined) throw new Error('this sshd does not run')
    this.options = { ...this.options, config }
    writeFileSync(this.path('sshd_config'), this.config().join('\n'))
    rmSync(this.path('pid'), { force: true })
    this.listener.signal('SIGHUP')
    await this.listener.waitUntilReady(() => existsSync(this.path('pid')))
  }

  /** New host keys, same port; every connection ends. */
  async changeHostKey(): Promise<void> {
    for (const type of this.hostKeyTypes) {
      const key = await generateKey({ path: this.path(`host_${type}`), type })
      this.hostKeys.set(type, key)
    }
    await this.restart()
  }

  /** Waits until sshd has logged this. */
  async waitForLog(pattern: RegExp): Promise<void> {
    await waitUntil(
      () => `${pattern} in sshd's log:\n${this.log()}`,
      () => pattern.test(this.log()),
    )
  }

  private config(): string[] {
    const theirs = [...(this.options.config ?? [])]
    const firstMatch = theirs.findIndex((line) => /^\s*match\s/i.test(line))
    const matches = firstMatch === -1 ? [] : theirs.splice(firstMatch)
    const { passwordUser } = this.options
    return [
      ...theirs,
      ...(passwordUser === undefined ? [] : passwordConfig(passwordUser)),
      `Port ${this.port}`,
      `ListenAddress ${this.host}`,
      ...this.hostKeyTypes.map((type) => `HostKey ${this.path(`host_${type}`)}`),
      `AuthorizedKeysFile ${this.path('authorized_keys')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      `PidFile ${this.path('pid')}`,
      'PrintMotd no',
      'LogLevel DEBUG1',
      'MaxStartups 200',
      'Subsystem sftp internal-sftp',
      // A command that is run there must not read, or wait for, what the user's own shell does when it starts.
      `SetEnv HOME=${this.directory}`,
      ...matches,
      '',
    ]
  }

  private path(name: string): string {
    return join(this.directory, name)
  }
}

/** OpenSSH 9.8 and later lock an address out after failures, and all of ours are the same. */
async function noPenalties([sshd, ...args]: readonly string[]): Promise<string[]> {
  const option = ['-o', 'PerSourcePenalties=no']
  try {
    await run(sshd!, ['-t', ...args.slice(1), ...option])
    return option
  } catch {
    return [] // an older sshd does not know the word
  }
}
