// Plain Node: it runs before node_modules exists.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run, runNpm } from './children.mjs'

/** Standard output is left to what is run then. */
const toStderr = ['ignore', process.stderr, process.stderr]

/** Installs the project's packages when that was not done since package-lock.json changed. False when it failed. */
export async function installPackages(root) {
  const installed = join(root, 'node_modules', '.package-lock.json')
  const wanted = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return true
  console.error('Installing packages: npm ci --ignore-scripts')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  return (await runNpm(args, { cwd: root, stdio: toStderr })) === 0
}

/**
 * Installs the programs the tests need and this machine lacks: by apt as root on Debian and Ubuntu. Elsewhere, and
 * where that fails, prints the line to run; the tests that need them then fail and say so too.
 */
export async function installPrograms(names) {
  const missing = names.filter((name) => !isThere(name))
  if (missing.length === 0) return
  if (process.getuid?.() === 0 && isDebian() && isThere('apt-get')) await aptInstall(packagesOf(missing))
  const still = missing.filter((name) => !isThere(name))
  if (still.length > 0) console.error(`Missing: ${still.join(', ')}. Install with: ${installLine(still)}`)
}

/** What each test program is part of. */
const programs = {
  sshd: { apt: 'openssh-server', brew: undefined },
  ssh: { apt: 'openssh-client', brew: undefined },
  nginx: { apt: 'nginx', brew: 'nginx' },
  chromium: {
    apt: 'chromium',
    brew: '--cask chromium',
    also: [
      'chromium-browser',
      'google-chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
  },
  ss: { apt: 'iproute2', brew: undefined, linuxOnly: true },
  openssl: { apt: 'openssl', brew: 'openssl' },
  dropbear: { apt: 'dropbear-bin', brew: 'dropbear', linuxOnly: true },
  caddy: { apt: 'caddy', brew: 'caddy' },
  pebble: { apt: 'pebble', brew: 'pebble', linuxOnly: true },
  curl: { apt: 'curl', brew: 'curl' },
  wrk: { apt: 'wrk', brew: 'wrk', linuxOnly: true },
  debootstrap: { apt: 'debootstrap', brew: undefined, linuxOnly: true },
  // A module of Python, which comes with it.
  django: {
    apt: 'python3-django',
    brew: undefined,
    linuxOnly: true,
    also: ['/usr/lib/python3/dist-packages/django/__init__.py'],
  },
  // Not a program but a module of nginx, which its package does not bring.
  'nginx stream': {
    apt: 'libnginx-mod-stream',
    brew: undefined,
    linuxOnly: true,
    also: ['/usr/lib/nginx/modules/ngx_stream_module.so'],
  },
}

/** Every program the tests may need. */
export const testPrograms = Object.keys(programs)

function isThere(name) {
  const { also = [], linuxOnly = false } = programs[name] ?? {}
  if (linuxOnly && process.platform !== 'linux') return true
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'],
  ]
  return [name, ...also].some((wanted) =>
    wanted.startsWith('/') ? existsSync(wanted) : folders.some((folder) => existsSync(join(folder, wanted))),
  )
}

function isDebian() {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release)
}

const policy = '/usr/sbin/policy-rc.d'
let policyIsOurs = false

/** Takes back what keeps packages from starting daemons, if it is ours. */
export function removePolicy() {
  if (policyIsOurs) rmSync(policy, { force: true })
  policyIsOurs = false
}

const quietly = ['-qq', '-o', 'Dpkg::Use-Pty=0']

async function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  console.error(`Installing ${packages.join(', ')} with apt`)
  // invoke-rc.d(8): 101 forbids it. The tests start their own servers and want nobody else's.
  if (!existsSync(policy)) {
    policyIsOurs = true
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  }
  try {
    await run('apt-get', [...quietly, 'update'], { env, stdio: toStderr })
    // One by one: a package this release does not have must not keep the others out.
    for (const name of packages) {
      await run('apt-get', [...quietly, 'install', '-y', '--no-install-recommends', name], {
        env,
        stdio: toStderr,
      })
    }
  } finally {
    removePolicy()
  }
}

function installLine(names) {
  if (process.platform === 'darwin') {
    return `brew install ${[...new Set(names.map((name) => programs[name].brew ?? name))].join(' ')}`
  }
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}apt-get install -y --no-install-recommends ${packagesOf(names).join(' ')}`
}

function packagesOf(names) {
  return [...new Set(names.map((name) => programs[name].apt))]
}
