import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

interface Package {
  readonly apt: string
  readonly brew?: string
  /** Other names or places of the same program. */
  readonly also?: readonly string[]
}

const packages = {
  sshd: { apt: 'openssh-server' }, // part of macOS
  ssh: { apt: 'openssh-client' },
  'ssh-keygen': { apt: 'openssh-client' },
  'ssh-keyscan': { apt: 'openssh-client' },
  'ssh-agent': { apt: 'openssh-client' },
  'ssh-add': { apt: 'openssh-client' },
  nginx: { apt: 'nginx-light', brew: 'nginx' },
  caddy: { apt: 'caddy', brew: 'caddy' },
  dropbear: { apt: 'dropbear-bin', brew: 'dropbear' },
  dropbearkey: { apt: 'dropbear-bin', brew: 'dropbear' },
  pebble: { apt: 'pebble', brew: 'pebble' },
  curl: { apt: 'curl', brew: 'curl' },
  wrk: { apt: 'wrk', brew: 'wrk' },
  debootstrap: { apt: 'debootstrap' },
  // Not a program but a module of nginx, which its package does not bring.
  'nginx stream': { apt: 'libnginx-mod-stream', also: ['/usr/lib/nginx/modules/ngx_stream_module.so'] },
  // Debian's own, whatever other Python comes first in PATH; and not a program but a module of that one.
  '/usr/bin/python3': { apt: 'python3' },
  django: { apt: 'python3-django', also: ['/usr/lib/python3/dist-packages/django/__init__.py'] },
  openssl: { apt: 'openssl', brew: 'openssl' },
  lsof: { apt: 'lsof', brew: 'lsof' },
  ss: { apt: 'iproute2' },
  ip: { apt: 'iproute2' },
  unshare: { apt: 'util-linux' },
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
} as const satisfies Record<string, Package>

export type Tool = keyof typeof packages

export interface MissingTool {
  readonly name: Tool
  /** The line that installs it. */
  readonly install: string
}

/** The full path of a program; an Error that says how to install it when this machine has none. */
export function findTool(name: Tool): string {
  const path = locate(name)
  if (path === undefined) throw new Error(`${name} is not installed. Install it: ${installLine(name)}`)
  return path
}

/** Those of `names` that this machine lacks. */
export function missingTools(names: readonly Tool[]): MissingTool[] {
  return names
    .filter((name) => locate(name) === undefined)
    .map((name) => ({ name, install: installLine(name) }))
}

function installLine(name: Tool): string {
  const { apt, brew }: Package = packages[name]
  if (process.platform === 'darwin') return `brew install ${brew ?? apt}`
  return `${process.getuid?.() === 0 ? '' : 'sudo '}apt-get install -y ${apt}`
}

function locate(name: Tool): string | undefined {
  const { also = [] }: Package = packages[name]
  // An ordinary user's PATH holds no sbin on Debian.
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin', '/opt/homebrew/sbin'],
  ]
  const endings = process.platform === 'win32' ? ['.exe', ''] : ['']
  return [name, ...also]
    .flatMap((wanted) => (wanted.startsWith('/') ? [wanted] : folders.map((folder) => join(folder, wanted))))
    .flatMap((path) => endings.map((ending) => path + ending))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, /\.(?:so|py)$/.test(path) ? constants.R_OK : constants.X_OK)
    return true
  } catch {
    return false
  }
}
