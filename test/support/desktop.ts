import { accessSync, constants, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** How to start the desktop VS Code of this machine; undefined when there is none, or no screen for it. */
export interface Desktop {
  /** Its command line, for `--install-extension`. */
  readonly cli: string
  /** What runs until its windows are closed, and its arguments for that. */
  readonly app: { readonly command: string; readonly args: readonly string[] }
}

export function findDesktop(): Desktop | undefined {
  const hasScreen = 'DISPLAY' in process.env || 'WAYLAND_DISPLAY' in process.env
  if (process.platform === 'linux' && !hasScreen) return undefined
  const cli = candidates().find(isExecutable)
  if (cli === undefined) return undefined
  // On macOS the command line asks the system to open the app, which is then nobody's child: start the app itself.
  const contents = /^(.*\.app\/Contents)\/Resources\//.exec(realpathSync(cli))?.[1]
  const binary = contents === undefined ? undefined : readdirSync(join(contents, 'MacOS'))[0]
  if (contents !== undefined && binary !== undefined) {
    return { cli, app: { command: join(contents, 'MacOS', binary), args: [] } }
  }
  // Chromium's sandbox cannot start as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return { cli, app: { command: cli, args: ['--wait', ...sandbox] } }
}

function candidates(): string[] {
  const name = process.platform === 'win32' ? 'code.cmd' : 'code'
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  // Inside a remote window or WSL, `code` talks to a window that runs elsewhere and is not ours to end.
  const onPath = folders
    .map((folder) => join(folder, name))
    .filter((path) => !/remote-cli|^\/mnt\//.test(path))
  const inBundle = '/Applications/Visual Studio Code.app/Contents/Resources/app/bin/code'
  return process.platform === 'darwin' ? [...onPath, inBundle] : onPath
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return !realpathSync(dirname(path)).includes('remote-cli')
  } catch {
    return false
  }
}
