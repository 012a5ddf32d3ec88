import { mkdir, writeFile } from 'node:fs/promises'
import * as path from 'node:path'
import { signalProcess } from '../processTree.mjs'
import { Scope } from '../scope'
import { processesAtHome, type ServerProcess } from './serverProcesses'
import { installServerBuild, run, type ServerBuild } from './serverBuild'
import type { VsCodeVersion } from './serverRecipes'

export interface VsCodeServerOptions {
  readonly version: VsCodeVersion
  /** The extension to install: absolute path of a `.vsix`. */
  readonly vsix?: string
  /** User settings; they win over the quiet ones the harness sets. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Settings of the machine: machine-scoped ones count only there, because every window of a server is remote. */
  readonly machineSettings?: Readonly<Record<string, unknown>>
  /** Environment of the extension host, on top of the little that is passed on (PATH, language, time zone). */
  readonly env?: Readonly<Record<string, string>>
  /** More command line for `server-main.js`. */
  readonly args?: readonly string[]
}

export interface VsCodeServerDirs {
  /** What `~` is for the extension: `~/.ssh/config` goes here. */
  readonly home: string
  /** `$XDG_RUNTIME_DIR`, short enough for a socket path. */
  readonly runtime: string
  readonly serverData: string
  readonly userData: string
  readonly extensions: string
  /** Logs of the server and its extension hosts. */
  readonly logs: string
}

export interface VsCodeServer {
  readonly version: VsCodeVersion
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dirs: VsCodeServerDirs
  /** What the server printed so far. */
  output(): string
  /** Replaces the user settings, as a person does who edits settings.json. Open windows notice. */
  writeSettings(settings: Readonly<Record<string, unknown>>): Promise<void>
  /** Replaces the settings of the machine. Open windows notice. */
  writeMachineSettings(settings: Readonly<Record<string, unknown>>): Promise<void>
  /**
   * What runs now and came from this server: itself, extension hosts, terminals, and whatever an extension started,
   * even detached. After the last window is closed, what is left of an extension here is its leak.
   */
  processes(): ServerProcess[]
  /** Ends the server and every process that came from it, and removes its folders. */
  dispose(): Promise<void>
}

/**
 * Starts VS Code's server on a free port of 127.0.0.1, with its own home, settings and extensions.
 * It is cleaned up even when this process dies without `dispose()`.
 * @throws Error with the server's output when it is not up within 30 s.
 */
export async function startVsCodeServer(options: VsCodeServerOptions): Promise<VsCodeServer> {
  const build = await installServerBuild(options.version)
  const scope = new Scope()
  try {
    return await start(build, options, scope)
  } catch (error) {
    await scope.close()
    throw error
  }
}

async function start(build: ServerBuild, options: VsCodeServerOptions, scope: Scope): Promise<VsCodeServer> {
  const folder = scope.tempDir('xp')
  const dirs = await makeDirs(folder)
  scope.add(() => {
    for (const stray of processesAtHome(dirs.home)) signalProcess(stray.pid, 'SIGKILL')
  })
  const settingsFile = path.join(dirs.userData, 'User', 'settings.json')
  const writeSettings = async (settings: Readonly<Record<string, unknown>>): Promise<void> => {
    await writeFile(settingsFile, JSON.stringify({ ...quietSettings, ...settings }, null, 2))
  }
  await writeSettings(options.settings ?? {})
  const machineFolder = path.join(dirs.userData, 'Machine')
  const writeMachineSettings = async (settings: Readonly<Record<string, unknown>>): Promise<void> => {
    await mkdir(machineFolder, { recursive: true })
    await writeFile(path.join(machineFolder, 'settings.json'), JSON.stringify(settings, null, 2))
  }
  await writeMachineSettings(options.machineSettings ?? {})

  const env = { ...environment(dirs), ...options.env }
  const places = ['--server-data-dir', dirs.serverData, '--user-data-dir', dirs.userData]
  places.push('--extensions-dir', dirs.extensions)
  if (options.vsix !== undefined) {
    const install = [build.serverMain, '--install-extension', options.vsix, '--force', ...places]
    await run(build.nodePath, install, { env, cwd: folder })
  }
  const serve = [build.serverMain, '--host', '127.0.0.1', '--port', '0', '--without-connection-token']
  serve.push('--accept-server-license-terms', ...places, ...(options.args ?? []))
  const server = await scope.spawn(build.nodePath, serve, {
    cwd: folder,
    env,
    ready: listening,
    readyTimeoutMs: 30_000,
  })
  const port = Number(listening.exec(server.stdout)?.[1])
  return {
    version: build.version,
    url: `http://127.0.0.1:${port}`,
    port,
    pid: server.pid,
    dirs,
    output: () => server.stdout + server.stderr,
    writeSettings,
    writeMachineSettings,
    processes: () => processesAtHome(dirs.home),
    dispose: () => scope.close(),
  }
}

const listening = /Web UI available at http:\/\/[^\s:]+:(\d+)/

/** Nothing that moves, asks, or talks to the network while a test looks at the window. */
const quietSettings: Readonly<Record<string, unknown>> = {
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'chat.disableAIFeatures': true,
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'telemetry.telemetryLevel': 'off',
  'remote.autoForwardPorts': false,
  'git.enabled': false,
}

async function makeDirs(folder: string): Promise<VsCodeServerDirs> {
  const serverData = path.join(folder, 'server')
  const userData = path.join(folder, 'user')
  const dirs = {
    home: path.join(folder, 'home'),
    runtime: path.join(folder, 'run'),
    serverData,
    userData,
    extensions: path.join(folder, 'extensions'),
    logs: path.join(userData, 'logs'),
  }
  await mkdir(path.join(dirs.userData, 'User'), { recursive: true })
  for (const dir of Object.values(dirs)) await mkdir(dir, { recursive: true, mode: 0o700 })
  return dirs
}

/** Passed on by name, so that neither the developer's ssh-agent nor the test runner's NODE_OPTIONS gets in. */
function environment(dirs: VsCodeServerDirs): Record<string, string> {
  const env: Record<string, string> = {
    HOME: dirs.home,
    XDG_RUNTIME_DIR: dirs.runtime,
    EXTENSIONS_GALLERY: '{}',
    SHELL: '/bin/sh',
  }
  for (const name of ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'LOGNAME']) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}
