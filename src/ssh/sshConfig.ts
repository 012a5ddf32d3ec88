import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../base/log'
import { chooseAlgorithms } from './algorithms'
import type { Destination } from './destination'
import { failures } from './failures'
import type { StrictHostKeyChecking } from './hostKey'
import type { AddressFamily, SshSettings } from './settings'
import { resolveFromFiles } from './sshConfigEvaluation'
import { portOf, tokenExpansion } from './sshConfigTokens'
import { unsupportedOptions } from './unsupportedOptions'

/**
 * Resolves a destination as OpenSSH's client would: by `ssh -G` (ssh(1)) where a client is installed, so that
 * Include, Match, tokens and canonicalisation are right by construction; otherwise by reading the files here.
 * @throws Failure with what ssh says when it refuses the configuration.
 */
export async function resolveSshSettings(destination: Destination, log: Log): Promise<SshSettings> {
  const [options, standard] = await Promise.all([
    runSsh(destinationArguments(destination)),
    // What ssh prints where it reads no file: beside it, what the configuration asks for stands out.
    runSsh(['-F', 'none', '--', 'standard']).catch(() => undefined),
  ])
  if (options !== undefined) return settingsFromOptions(destination, options, standard ?? options)
  const written = await resolveFromFiles(destination, (message) => log.warn(message))
  return settingsFromOptions(destination, withTokens(destination, written))
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

/** `standard` is what applies without a configuration; without it the options are as ssh_config has them. */
export function settingsFromOptions(
  destination: Destination,
  options: SshOptions,
  standard?: SshOptions,
): SshSettings {
  const first = (keyword: string) => options.get(keyword)?.[0]
  const list = (keyword: string, fallback: string) =>
    (options.get(keyword) ?? [fallback]).flatMap(splitPaths).map(expandHome)
  const identityFiles = (options.get('identityfile') ?? defaultIdentityFiles).filter(
    (file) => file.toLowerCase() !== 'none',
  )
  const expand = tokenExpansion(destination, options)
  const chosen = chooseAlgorithms(first, standard && ((keyword) => standard.get(keyword)?.[0]))
  return {
    destination: destination.host,
    hostName: first('hostname') ?? destination.host,
    port: portOf(destination, options),
    user: destination.user ?? first('user') ?? userInfo().username,
    addressFamily: addressFamily(first('addressfamily')),
    algorithms: chosen.algorithms,
    // ssh -G leaves the tokens of this keyword, of ProxyCommand and of RevokedHostKeys.
    identityFiles: identityFiles.map(unquote).map(expandHome).map(expand),
    identitiesOnly: isYes(first('identitiesonly')),
    identityAgent: identityAgent(first('identityagent')),
    userKnownHostsFiles: list('userknownhostsfile', '~/.ssh/known_hosts ~/.ssh/known_hosts2').filter(notNone),
    globalKnownHostsFiles: list(
      'globalknownhostsfile',
      '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2',
    ).filter(notNone),
    fixedKnownHosts: [],
    // In lower case, as the names of known_hosts are compared (ssh.c).
    hostKeyAlias: first('hostkeyalias')?.toLowerCase(),
    revokedHostKeys: mapGiven(first('revokedhostkeys'), (file) => expand(expandHome(unquote(file)))),
    proxyJump: jumpChain(first('proxyjump')),
    proxyCommand: mapGiven(first('proxycommand'), expand),
    hashKnownHosts: isYes(first('hashknownhosts')),
    strictHostKeyChecking: strictness(first('stricthostkeychecking')),
    connectTimeoutMs: seconds(first('connecttimeout')) ?? 15_000,
    serverAliveIntervalMs: seconds(first('serveraliveinterval')) ?? 15_000,
    serverAliveCountMax: Number(first('serveralivecountmax') ?? 3),
    unsupported: [...unsupportedOptions(options, standard), ...chosen.missing],
  }
}

/** Those that OpenSSH's client has by default, FIDO keys too: that one of them cannot be used is to be said. */
const defaultIdentityFiles = ['rsa', 'ecdsa', 'ecdsa_sk', 'ed25519', 'ed25519_sk'].map(
  (name) => `~/.ssh/id_${name}`,
)

/** The tokens that `ssh -G` has put in already. */
function withTokens(destination: Destination, options: SshOptions): SshOptions {
  const expand = tokenExpansion(destination, options)
  const expanded = new Map(options)
  for (const keyword of ['userknownhostsfile', 'identityagent']) {
    const values = options.get(keyword)
    if (values !== undefined) expanded.set(keyword, values.map(expand))
  }
  return expanded
}

function destinationArguments({ host, user, port }: Destination): readonly string[] {
  return [
    ...homeArguments(),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '--',
    host,
  ]
}

/**
 * What `ssh -G` prints; undefined where no client is installed.
 * @throws Failure with what ssh said: a bad line, or a file that others can write.
 */
function runSsh(args: readonly string[]): Promise<SshOptions | undefined> {
  return new Promise((resolve, reject) => {
    execFile(
      'ssh',
      ['-T', '-G', ...args],
      { timeout: 10_000, windowsHide: true },
      (error, stdout, stderr) => {
        if (error === null) resolve(parseSshG(stdout))
        else if (error.code === 'ENOENT') resolve(undefined)
        else if (error.killed === true)
          reject(failures.configRefused('ssh -G did not end.', userConfigFile(), { canHeal: true }))
        else reject(failures.configRefused(stderr.trim() || error.message, userConfigFile()))
      },
    )
  })
}

function userConfigFile(): string {
  return join(homedir(), '.ssh', 'config')
}

/**
 * OpenSSH finds the home directory in the password database; VS Code and Node believe HOME. Where the two
 * differ (containers, a shell with HOME set) HOME wins here, so that the user's files are looked for in one place.
 */
function homeArguments(): readonly string[] {
  if (!homeIsMoved()) return []
  const file = userConfigFile()
  return ['-F', existsSync(file) ? file : 'none']
}

function homeIsMoved(): boolean {
  return process.platform !== 'win32' && homedir() !== userInfo().homedir
}

/** Puts the home directory for a leading `~`. */
export function expandHome(path: string): string {
  const isHome = path.startsWith('~/') || (process.platform === 'win32' && path.startsWith('~\\'))
  if (path === '~' || isHome) return join(homedir(), path.slice(2))
  const databaseHome = userInfo().homedir
  return homeIsMoved() && path.startsWith(`${databaseHome}/.ssh/`)
    ? join(homedir(), path.slice(databaseHome.length + 1))
    : path
}

function jumpChain(value: string | undefined): readonly string[] {
  return value === undefined || value.toLowerCase() === 'none'
    ? []
    : value.split(',').map((jump) => jump.trim())
}

function mapGiven(value: string | undefined, map: (text: string) => string): string | undefined {
  return value === undefined || value.toLowerCase() === 'none' ? undefined : map(value)
}

function addressFamily(value: string | undefined): AddressFamily {
  const family = value?.toLowerCase()
  return family === 'inet' || family === 'inet6' ? family : 'any'
}

function isYes(value: string | undefined): boolean {
  return /^(yes|true)$/i.test(value ?? '')
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
  switch (value?.toLowerCase()) {
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
  return file.toLowerCase() !== 'none'
}
