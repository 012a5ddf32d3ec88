import { execFile } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { Scope, ScopedProcess } from './scope'
import { findTool } from './tools'
import { waitUntil } from './waitUntil'

const run = promisify(execFile)

/**
 * A bare Debian (or Ubuntu) server: a root of its own made by debootstrap, in a network, process and mount namespace
 * of its own, with sshd running and apt able to install Caddy. It is joined to this machine by a pair of interfaces.
 */
export interface BareServer {
  /** Its address. */
  readonly address: string
  /** The address of this machine, as it sees it; its resolver asks there. */
  readonly hostAddress: string
  /** A line of known_hosts. */
  readonly knownHostsLine: string
  /** Where its root is on this machine; what it mounted itself (/run) cannot be seen there. */
  readonly root: string
  /** Runs a shell script in it as root; fails with what it printed when the script does. */
  sh(script: string, input?: string): Promise<string>
  /** The same as an exit code and what was printed. */
  attempt(script: string, input?: string): Promise<{ code: number; output: string }>
  /** Each thing in /etc, with its kind, mode, owner and content; and with its times if asked for. */
  etc(options?: { readonly times?: boolean }): string[]
}

/** Who may log in: root, `admin` who may use sudo with a password, `nopass` without one, and `guest` not at all. */
export interface BareServerOptions {
  /** All of them by this key. */
  readonly publicKey: string
  /** The password of all but root. */
  readonly password: string
  /** Whether systemd runs there; otherwise only sshd does. */
  readonly systemd?: boolean
}

/** Boots one. Needs root; says so when this is not root, or when a program is missing. */
export async function startBareServer(scope: Scope, options: BareServerOptions): Promise<BareServer> {
  const archive = await bareRootArchive()
  const root = join(scope.tempDir('bare-root'), 'root')
  mkdirSync(root)
  await run('tar', ['-xpf', archive, '--numeric-owner', '-C', root])
  await addUsers(root, options)
  const network = freeNetwork()
  const [hostAddress, address] = [1, 2].map((last) => `${network}.${last}`) as [string, string]
  writeFileSync(join(root, 'etc/resolv.conf'), `nameserver ${hostAddress}\noptions timeout:1 attempts:1\n`)
  const machine = await boot(scope, root, options.systemd ?? false)
  await connectNetwork(machine, hostAddress, address)
  await waitUntil('sshd to answer', () => answers(address))
  if (options.systemd === true) await inside(machine, 'systemctl is-system-running --wait', '')
  const hostKey = readFileSync(join(root, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8').trim()
  const attempt = (script: string, input = '') => inside(machine, script, input)
  return {
    address,
    hostAddress,
    knownHostsLine: `${address} ${hostKey.split(' ').slice(0, 2).join(' ')}`,
    root,
    attempt,
    etc: ({ times = false } = {}) => describeTree(join(root, 'etc'), times),
    async sh(script, input) {
      const { code, output } = await attempt(script, input)
      if (code !== 0) throw new Error(`${script}\nended with ${code} and printed:\n${output}`)
      return output
    },
  }
}

/** What a root is made of; another recipe makes another archive. */
const included = ['openssh-server', 'sudo', 'systemd-sysv', 'dbus']
const installable = ['caddy', 'ca-certificates']
const repository = 'srv/packages'
/** Raised when the code below makes another root of the same packages. */
const recipeVersion = 2

/** The packed root, made once for each release and kept beside the project's packages. */
async function bareRootArchive(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('a bare server needs namespaces, so run this test as root')
  const release = readFileSync('/etc/os-release', 'utf8')
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1]
  if (suite === undefined)
    throw new Error('a bare server is made from the packages of Debian or Ubuntu; this is neither')
  const recipe = createHash('sha256')
    .update(JSON.stringify([included, installable, repository, recipeVersion]))
    .digest('hex')
  const cache = join(import.meta.dirname, '../../node_modules/.cache/bare-root')
  const archive = join(cache, `${suite}-${process.arch}-${recipe.slice(0, 8)}.tar`)
  if (existsSync(archive)) return archive
  mkdirSync(cache, { recursive: true })
  const making = join(cache, `making-${process.pid}`)
  try {
    await makeRoot(making, suite)
    await run('tar', ['-cpf', `${making}.tar`, '--numeric-owner', '-C', making, '.'])
    renameSync(`${making}.tar`, archive)
  } finally {
    rmSync(making, { recursive: true, force: true })
    rmSync(`${making}.tar`, { force: true })
  }
  return archive
}

interface Source {
  readonly mirror: string
  readonly suite: string
  readonly component: string
}

async function makeRoot(root: string, suite: string): Promise<void> {
  const sources = (await aptSources()).filter((source) => source.suite === suite)
  const mirror = sources.find(({ component }) => component === 'main')?.mirror
  if (mirror === undefined)
    throw new Error(`apt has no source for ${suite}; is its list empty? apt-get update`)
  const components = sources.filter((source) => source.mirror === mirror).map(({ component }) => component)
  await run(
    findTool('debootstrap'),
    [
      '--variant=minbase',
      `--include=${included.join(',')}`,
      `--components=${[...new Set(components)].join(',')}`,
      ...['--keyring', keyring()],
      ...[suite, root, mirror],
    ],
    { maxBuffer: 10_000_000 },
  )
  await makeRepository(root)
  // It lives for minutes: nothing in it has to reach the disk.
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n')
}

/** Where this machine itself gets its packages from. */
async function aptSources(): Promise<Source[]> {
  const format = '$(REPO_URI)|$(CODENAME)|$(RELEASE)|$(COMPONENT)'
  const list = () => run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  let { stdout } = await list()
  if (stdout === '') {
    await run('apt-get', ['-qq', 'update'])
    stdout = (await list()).stdout
  }
  return stdout.split('\n').map((line) => {
    const [mirror = '', codename = '', , component = ''] = line.split('|')
    return { mirror, suite: codename, component }
  })
}

function keyring(): string {
  const names = ['debian-archive-keyring.gpg', 'ubuntu-archive-keyring.gpg']
  const paths = names.map((name) => `/usr/share/keyrings/${name}`)
  const release = readFileSync('/etc/os-release', 'utf8')
  return (/^ID=ubuntu$/m.test(release) ? paths[1] : paths[0]) ?? ''
}

/** The server has no internet: what it may install lies in a repository of its own. */
async function makeRepository(root: string): Promise<void> {
  const directory = join(root, repository)
  mkdirSync(join(directory, 'partial'), { recursive: true })
  const download = () =>
    run('apt-get', [
      ...['-qq', '-y', '--download-only', '--no-install-recommends'],
      // As seen from the new root: whatever it has not.
      ...['-o', `Dir::State::status=${join(root, 'var/lib/dpkg/status')}`],
      ...[
        '-o',
        `Dir::Cache::archives=${directory}`,
        '-o',
        'Debug::NoLocking=true',
        '-o',
        'APT::Sandbox::User=root',
      ],
      ...['-o', 'APT::Keep-Downloaded-Packages=true'],
      ...['install', ...installable],
    ])
  // The lists may be older than the mirror.
  await download().catch(async () => {
    await run('apt-get', ['-qq', 'update'])
    await download()
  })
  rmSync(join(directory, 'partial'), { recursive: true })
  const entries: string[] = []
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const { stdout } = await run('dpkg-deb', ['--field', path])
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
    const { size } = await stat(path)
    entries.push(`${stdout.trim()}\nFilename: ./${name}\nSize: ${size}\nSHA256: ${sha256}\n`)
  }
  writeFileSync(join(directory, 'Packages'), entries.join('\n'))
  writeFileSync(join(root, 'etc/apt/sources.list'), `deb [trusted=yes] file:/${repository} ./\n`)
}

async function addUsers(root: string, { publicKey, password }: BareServerOptions): Promise<void> {
  const users = ['admin', 'nopass', 'guest']
  const script = `set -e
    mkdir -p -m 700 /root/.ssh
    for user in ${users.join(' ')}; do
      useradd --create-home --shell /bin/bash "$user"
      mkdir -m 700 "/home/$user/.ssh"
      printf '%s\\n' "$1" >"/home/$user/.ssh/authorized_keys"
      chown -R "$user:$user" "/home/$user/.ssh"
      printf '%s:%s\\n' "$user" "$2" | chpasswd
    done
    printf '%s\\n' "$1" >/root/.ssh/authorized_keys
    usermod -aG sudo admin
    echo 'nopass ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/nopass
    echo bare >/etc/hostname
    echo '127.0.0.1 localhost bare' >/etc/hosts`
  await run('chroot', [root, '/bin/sh', '-c', script, 'sh', publicKey, password])
}

/** 198.18.0.0/15 is for tests between machines (RFC 2544); a part of it that this machine does not use yet. */
function freeNetwork(): string {
  const taken = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address),
  )
  for (;;) {
    const network = `198.${18 + randomInt(2)}.${randomInt(256)}`
    if (!taken.some((address) => address.startsWith(`${network}.`))) return network
  }
}

/** Ends with the process that is started here, and with it all that runs inside. */
async function boot(scope: Scope, root: string, systemd: boolean): Promise<ScopedProcess> {
  const cgroup = `expose-port-${randomInt(2 ** 40)}`
  const script = `set -e
    root=$1
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    # What is not of a namespace is this machine's.
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mkdir -p "$root/dev/pts" "$root/run/lock"
    mount -t devpts -o newinstance,mode=620,ptmxmode=666,gid=5 devpts "$root/dev/pts"
    ln -sf pts/ptmx "$root/dev/ptmx"
    hostname bare
    ${systemd ? bootSystemd : bootSshd}`
  if (systemd) scope.add(() => run('unshare', ['--mount', '/bin/sh', '-c', removeCgroup, 'sh', root, cgroup]))
  const flags = [
    '--mount',
    '--net',
    '--uts',
    '--ipc',
    '--pid',
    '--fork',
    '--kill-child',
    '--propagation',
    'private',
  ]
  return scope.spawn(findTool('unshare'), [...flags, '/bin/sh', '-c', script, 'sh', root, cgroup])
}

/** The first process waits for whatever is left to it. */
const bootSshd = `
    mkdir "$root/run/sshd"
    exec chroot "$root" /bin/sh -c '/usr/sbin/sshd -D -E /var/log/sshd.log & wait'`

/** systemd wants a cgroup of its own (version 2), and to see it as the topmost one. */
const bootSystemd = `
    mount -t cgroup2 cgroup2 "$root/mnt"
    mkdir "$root/mnt/$2"
    echo 0 >"$root/mnt/$2/cgroup.procs"
    umount "$root/mnt"
    exec unshare --cgroup /bin/sh -c '
      set -e
      mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
      cd "$1"
      pivot_root . mnt
      umount -l /mnt
      exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init' sh "$root"`

const removeCgroup = `
    mount -t cgroup2 cgroup2 "$1/mnt"
    find "$1/mnt/$2" -depth -type d -exec rmdir {} \\;`

/** The pair goes with the namespace. */
async function connectNetwork({ pid }: ScopedProcess, hostAddress: string, address: string): Promise<void> {
  const ip = findTool('ip')
  const name = `bare${pid}`.slice(0, 15)
  await waitUntil(
    'a network of its own',
    () => readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net'),
  )
  await run(ip, ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`])
  await run(ip, ['address', 'add', `${hostAddress}/24`, 'dev', name])
  await run(ip, ['link', 'set', name, 'up'])
  const script = `ip link set lo up && ip address add ${address}/24 dev eth0 && ip link set eth0 up`
  await run('nsenter', [`--net=/proc/${pid}/ns/net`, '/bin/sh', '-c', script])
}

async function answers(address: string): Promise<boolean> {
  const socket = connect({ host: address, port: 22, timeout: 1000 })
  try {
    await once(socket, 'data')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Not the time of the last reading, nor where a file lies on the disk. */
function describeTree(directory: string, times: boolean): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const { mode, uid, gid, mtimeMs, ctimeMs } = lstatSync(path)
      const content = entry.isSymbolicLink()
        ? readlinkSync(path)
        : entry.isFile()
          ? createHash('sha256').update(readFileSync(path)).digest('hex')
          : ''
      const when = times ? ` ${mtimeMs} ${ctimeMs}` : ''
      return `${relative(directory, path)} ${mode.toString(8)} ${uid}:${gid}${when} ${content}`
    })
    .sort()
}

function inside(
  machine: ScopedProcess,
  script: string,
  input: string,
): Promise<{ code: number; output: string }> {
  // unshare itself stayed outside of the process namespace; its child is the first process in it.
  const first = readFileSync(`/proc/${machine.pid}/task/${machine.pid}/children`, 'utf8').trim()
  const args = [
    '-t',
    first,
    '-m',
    '-n',
    '-u',
    '-i',
    '-p',
    '-r',
    '-w',
    '/bin/sh',
    '-c',
    `exec 2>&1\n${script}`,
  ]
  return new Promise((resolve) => {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' }
    const child = execFile('nsenter', args, { env, maxBuffer: 10_000_000 }, (error, output) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, output })
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}
