import { execFile } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { bareRootArchive } from './bareRoot'
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

/** It is busy until the last process in it has gone. */
const removeCgroup = `
    mount -t cgroup2 cgroup2 "$1/mnt"
    for try in $(seq 100); do
      [ -e "$1/mnt/$2" ] || exit 0
      find "$1/mnt/$2" -depth -type d -exec rmdir {} \\; 2>/dev/null
      sleep 0.1
    done
    exit 1`

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
