import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, isFree } from '../support/freePort'
import { packExtension } from '../support/packExtension'
import type { Scope } from '../support/scope'
import type { VsCodeVersion } from '../support/vscode/serverRecipes'
import { startVsCodeServer, type VsCodeServer } from '../support/vscode/vsCodeServer'
import { openWindow, type Window } from '../support/vscode/window'
import { startWorld, type World } from '../support/world'

export const statusItem = 'expose-port.expose-port.publicUrl'

/** A developer's desk: a server somewhere, a workspace folder, and VS Code with the extension installed. */
export interface Desk {
  readonly world: World
  readonly folder: string
  readonly server: VsCodeServer
  readonly window: Window
  /** `exposePort.servers` with the server by one URL and by named URLs. */
  readonly oneUrl: Record<string, unknown>
  readonly namedUrls: Record<string, unknown>
  /** Replaces `exposePort.servers`, as a person does who edits the settings. */
  setServers(servers: Record<string, unknown>): Promise<void>
}

/** VS Code with the extension, on a folder of a project. */
export type BareDesk = Pick<Desk, 'folder' | 'server' | 'window'>

/** Opens VS Code with no server anywhere; `before` may write into its folders before the window opens. */
export async function openDesk(
  scope: Scope,
  options: {
    version: VsCodeVersion
    settings?: Record<string, unknown>
    machineSettings?: Record<string, unknown>
    /** Whom visitors trust besides the usual authorities. */
    ca: { readonly certPath: string }
    before?: (server: VsCodeServer) => void
  },
): Promise<BareDesk> {
  const vsix = await packExtension()
  const folder = join(realpathSync(scope.tempDir('desk')), 'my-bot')
  mkdirSync(folder)
  const server = await startVsCodeServer({
    version: options.version,
    vsix,
    settings: options.settings ?? {},
    machineSettings: options.machineSettings ?? {},
    env: { NODE_EXTRA_CA_CERTS: options.ca.certPath },
  })
  scope.add(() => server.dispose())
  options.before?.(server)
  const window = await openWindow(server, { folder })
  scope.add(() => window.close())
  return { folder, server, window }
}

export async function sitDown(
  scope: Scope,
  options: {
    version: VsCodeVersion
    servers: (desk: Pick<Desk, 'oneUrl' | 'namedUrls'>) => Record<string, unknown>
    settings?: Record<string, unknown>
    /** Of the machine, beside the servers. */
    machineSettings?: (world: World) => Record<string, unknown> | Promise<Record<string, unknown>>
  },
): Promise<Desk> {
  const world = await startWorld(scope)
  const login = {
    ssh: `${world.sshd.user}@${world.sshd.host}:${world.sshd.port}`,
    identityFile: world.key.path,
    tls: 'server',
  }
  const oneUrl = {
    ...login,
    bind: `127.0.0.1:${world.tcpBind.port}`,
    publicUrl: world.nginx.url('dev.localhost'),
  }
  const namedUrls = {
    ...login,
    bind: `${world.socketDirectory}/{name}.sock`,
    publicUrl: world.nginx.url('{name}.dev.localhost'),
  }
  const { folder, server, window } = await openDesk(scope, {
    version: options.version,
    settings: options.settings ?? {},
    machineSettings: {
      'exposePort.servers': options.servers({ oneUrl, namedUrls }),
      ...(await options.machineSettings?.(world)),
    },
    ca: world.ca,
  })
  const setServers = (servers: Record<string, unknown>) =>
    server.writeMachineSettings({ 'exposePort.servers': servers })
  return { world, folder, server, window, oneUrl, namedUrls, setServers }
}

/** A sample bot, started as a developer does, in the workspace folder. */
export interface Bot {
  readonly port: number
  stop(): Promise<void>
}

/** On a port a developer would use if it is free, so that pictures look like life. */
export async function startBot(
  scope: Scope,
  folder: string,
  wanted = 3000,
  env: Readonly<Record<string, string>> = {},
): Promise<Bot> {
  const port = (await isFree(wanted)) ? wanted : await freePort()
  const bot = await scope.spawn(process.execPath, [join(__dirname, '..', 'support', 'sampleBot.mjs')], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
    ready: /Sample bot/,
  })
  return { port, stop: () => bot.stop() }
}
