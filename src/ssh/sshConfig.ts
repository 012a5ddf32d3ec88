import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir, hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../base/log'
import type { Destination } from './destination'
import type { StrictHostKeyChecking } from './hostKey'
import type { SshSettings } from './settings'

/**
 * Resolves a destination as OpenSSH's client would: by `ssh -G` (ssh(1)) where a client is installed, so that
 * Include, Match, tokens and canonicalisation are right by construction; otherwise by the ssh-config package.
 */
export async function resolveSshSettings(destination: Destination, log: Log): Promise<SshSettings> {
  const options = (await runSshG(destination, log)) ?? (await readConfigFile(destination, log))
  return settingsFromOptions(destination, options)
}

/** Options by their lower-case keyword, each with its values in order. */
export type SshOptions = ReadonlyMap<string, readonly string[]>

/** Reads what `ssh -G` prints: a keyword and its value on each line. */
export function parseSshG(text: string): SshOptions {
  const options = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0) append(options, line.slice(0, space), line.slice(space + 1).trim())
  }
  return options
}

export function settingsFromOptions(destination: Destination, options: SshOptions): SshSettings {
  const first = (keyword: string) => options.get(keyword)?.[0]
  const list = (keyword: string, fallback: string) =>
    (options.get(keyword) ?? [fallback]).flatMap(splitPaths).map(expandHome)
  const identityFiles = (options.get('identityfile') ?? defaultIdentityFiles).filter(
    (file) => file !== 'none',
  )
  const alias = first('hostkeyalias')
  const expand = tokenExpansion(destination, options)
  return {
    destination: destination.host,
    hostName: first('hostname') ?? destination.host,
    port: destination.port ?? Number(first('port') ?? 22),
    user: destination.user ?? first('user') ?? userInfo().username,
    // ssh -G leaves the tokens of this keyword, and only of this one.
    identityFiles: identityFiles.map(unquote).map(expandHome).map(expand),
    identitiesOnly: first('identitiesonly') === 'yes',
    identityAgent: identityAgent(first('identityagent')),
    userKnownHostsFiles: list('userknownhostsfile', '~/.ssh/known_hosts ~/.ssh/known_hosts2').filter(notNone),
    globalKnownHostsFiles: list(
      'globalknownhostsfile',
      '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2',
    ).filter(notNone),
    fixedKnownHosts: [],
    // In lower case, as the names of known_hosts are compared (ssh.c).
    hostKeyAlias: alias === undefined || alias === 'none' ? undefined : alias.toLowerCase(),
    proxyJump: jumpChain(first('proxyjump')),
    proxyCommand: givenOrNone(first('proxycommand'), expand),
    hashKnownHosts: first('hashknownhosts') === 'yes',
    strictHostKeyChecking: strictness(first('stricthostkeychecking')),
    connectTimeoutMs: seconds(first('connecttimeout')) ?? 15_000,
    serverAliveIntervalMs: seconds(first('serveraliveinterval')) ?? 15_000,
    serverAliveCountMax: Number(first('serveralivecountmax') ?? 3),
    unsupported: unsupportedKeywords.flatMap((keyword) => {
      const value = first(keyword)
      return value === undefined || value === 'none' ? [] : [`${keyword} ${value}`]
    }),
  }
}

const defaultIdentityFiles = ['~/.ssh/id_rsa', '~/.ssh/id_ecdsa', '~/.ssh/id_ed25519']
const unsupportedKeywords = ['certificatefile']

function runSshG(destination: Destination, log: Log): Promise<SshOptions | undefined> {
  const args = ['-T', '-G', ...homeArguments()]
  if (destination.port !== undefined) args.push('-p', String(destination.port))
  if (destination.user !== undefined) args.push('-l', destination.user)
  args.push('--', destination.host)
  return new Promise((resolve) => {
    execFile('ssh', args, { timeout: 10_000, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) return resolve(parseSshG(stdout))
      // ENOENT: no client installed, which is fine. Anything else is the user's configuration complaining.
      if (error.code !== 'ENOENT') log.warn(`ssh -G ${destination.host}: ${stderr.trim() || error.message}`)
      resolve(undefined)
    })
  })
}

/**
 * OpenSSH finds the home directory in the password database; VS Code and Node believe HOME. Where the two
 * differ (containers, a shell with HOME set) HOME wins here, so that the user's files are looked for in one place.
 */
function homeArguments(): readonly string[] {
  if (!homeIsMoved()) return []
  const file = join(homedir(), '.ssh', 'config')
  return ['-F', existsSync(file) ? file : 'none']
}

function homeIsMoved(): boolean {
  return process.platform !== 'win32' && homedir() !== userInfo().homedir
}

/** Puts the home directory for a leading `~`. */
export function expandHome(path: string): string {
  if (path === '~' || path.startsWith('~/')) return join(homedir(), path.slice(2))
  const databaseHome = userInfo().homedir
  return homeIsMoved() && path.startsWith(`${databaseHome}/.ssh/`)
    ? join(homedir(), path.slice(databaseHome.length + 1))
    : path
}

/** The fallback where no OpenSSH client is installed: no Include, no canonicalisation, no Match exec. */
async function readConfigFile(destination: Destination, log: Log): Promise<SshOptions> {
  const file = join(homedir(), '.ssh', 'config')
  const text = await readFile(file, 'utf8').catch(() => '')
  const { default: SSHConfig } = await import('ssh-config')
  const options = new Map<string, string[]>()
  try {
    // matchExec: computing a host must never run a command of the file.
    const computed = SSHConfig.parse(text).compute(
      { Host: destination.host, ...(destination.user === undefined ? {} : { User: destination.user }) },
      { ignoreCase: true, matchExec: false },
    )
    for (const [keyword, value] of Object.entries(computed)) {
      for (const item of Array.isArray(value) ? value : [value]) append(options, keyword.toLowerCase(), item)
    }
  } catch (error) {
    log.warn(`${file} cannot be read: ${String(error)}`)
  }
  // ssh_config(5): HostName accepts %h, the name as given, and %%.
  const hostName = options.get('hostname')?.[0]
  if (hostName !== undefined) {
    options.set('hostname', [
      hostName.replace(/%[h%]/g, (token) => (token === '%h' ? destination.host : '%')),
    ])
  }
  const expand = tokenExpansion(destination, options)
  for (const keyword of ['userknownhostsfile', 'identityagent']) {
    const values = options.get(keyword)
    if (values !== undefined) options.set(keyword, values.map(expand))
  }
  return options
}

/** Puts in the tokens of ssh_config(5), TOKENS, and `${VARIABLE}`s; what it does not know stays as it is. */
function tokenExpansion(destination: Destination, options: SshOptions): (text: string) => string {
  const first = (keyword: string) => options.get(keyword)?.[0]
  const { username, uid } = userInfo()
  const tokens = new Map<string, string>([
    ['%%', '%'],
    ['%d', homedir()],
    ['%h', first('hostname') ?? destination.host],
    ['%i', String(uid)],
    ['%k', first('hostkeyalias')?.toLowerCase() ?? destination.host],
    ['%L', hostname().replace(/\..*/, '')],
    ['%l', hostname()],
    ['%n', destination.host],
    ['%p', String(destination.port ?? first('port') ?? 22)],
    ['%r', destination.user ?? first('user') ?? username],
    ['%u', username],
  ])
  return (text) =>
    text.replace(/%[%a-zA-Z]|\$\{(\w+)\}/g, (token, variable: string | undefined) => {
      const value = variable === undefined ? tokens.get(token) : process.env[variable]
      return value ?? token
    })
}

function jumpChain(value: string | undefined): readonly string[] {
  return value === undefined || value === 'none' ? [] : value.split(',').map((jump) => jump.trim())
}

function givenOrNone(value: string | undefined, expand: (text: string) => string): string | undefined {
  return value === undefined || value === 'none' ? undefined : expand(value)
}

function append(options: Map<string, string[]>, keyword: string, value: string): void {
  const values = options.get(keyword)
  if (values) values.push(value)
  else options.set(keyword, [value])
}

function identityAgent(configured: string | undefined): string | undefined {
  if (configured === 'none') return undefined
  if (configured !== undefined && configured !== 'SSH_AUTH_SOCK') {
    const variable = /^\$\{?(\w+)\}?$/.exec(configured)?.[1]
    return variable === undefined ? expandHome(unquote(configured)) : process.env[variable]
  }
  // Windows: the pipe of the OpenSSH Authentication Agent service.
  return (
    process.env['SSH_AUTH_SOCK'] ?? (process.platform === 'win32' ? '//./pipe/openssh-ssh-agent' : undefined)
  )
}

function strictness(value: string | undefined): StrictHostKeyChecking {
  switch (value) {
    case 'yes':
    case 'true':
      return 'yes'
    case 'no':
    case 'false':
    case 'off':
      return 'no'
    case 'accept-new':
      return 'accept-new'
    default:
      return 'ask'
  }
}

/** ssh -G prints plain seconds, or `none`; zero means "use our own default". Milliseconds. */
function seconds(value: string | undefined): number | undefined {
  const number = Number(value)
  return Number.isFinite(number) && number > 0 ? number * 1000 : undefined
}

/** ssh -G prints paths without quotes, so a space parts two of them only where a path begins after it. */
function splitPaths(text: string): readonly string[] {
  if (text.includes('"')) return (text.match(/"[^"]*"|\S+/g) ?? []).map(unquote)
  return text.trim().split(/\s+(?=[/~]|\\\\|[A-Za-z]:[\\/]|\$\{)/)
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/, '$1')
}

function notNone(file: string): boolean {
  return file !== 'none' && file !== '/dev/null'
}
