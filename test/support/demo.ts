import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { tunnelName } from '../../src/servers/name'
import { findDesktop, type Desktop } from './desktop'
import { freePort } from './freePort'
import { startNginx } from './nginx'
import { Scope, type ScopedProcess } from './scope'
import { startSshd } from './sshd'
import { createTestCa } from './testCa'
import { missingTools } from './tools'
import { installServerBuild, run } from './vscode/serverBuild'
import { startVsCodeServer } from './vscode/vsCodeServer'

/**
 * `npm start`: VS Code with the extension, a sample bot that listens, and a server on this machine to expose it to.
 * Everything is private to this run and gone when it ends; nothing of the user's own is touched.
 * `--built-in` leaves sshd and nginx out, `--browser` the desktop VS Code.
 */
async function main(vsix: string, flags: readonly string[]): Promise<void> {
  const scope = new Scope()
  const ended = endOnSignal()
  try {
    // Ctrl-C counts while things are still being made ready, too.
    await Promise.race([ended, show(scope, vsix, flags)])
  } finally {
    await scope.close()
  }
}

/** Ends when the window of a desktop VS Code is closed. */
async function show(scope: Scope, vsix: string, flags: readonly string[]): Promise<void> {
  const workspace = makeWorkspace(scope)
  const bot = await startBot(scope, workspace)
  const server = await startServer(scope, flags.includes('--built-in'))
  const desktop = flags.includes('--browser') ? undefined : findDesktop()
  const place = { vsix, workspace, server }
  const window =
    desktop === undefined ? await inBrowser(scope, place) : await onDesktop(scope, desktop, place)
  console.log(introduction({ where: window.where, bot, server }))
  bot.process.child.stdout?.on('data', (text: string) => process.stdout.write(`bot: ${text}`))
  await window.closed
}

interface Bot {
  readonly port: number
  readonly process: ScopedProcess
}

/** A server as a user would have one, and the settings that lead there. */
interface DemoServer {
  readonly settings: Readonly<Record<string, unknown>>
  readonly env: Readonly<Record<string, string>>
  /** What goes into `~/.ssh/known_hosts`. */
  readonly knownHosts: string
  readonly description: string
  publicUrl(port: number): string
  /** What curl needs to trust it. */
  readonly curlOption: string
}

interface Window {
  /** Says where it is: an address, or that it has opened. */
  readonly where: string
  readonly closed: Promise<unknown>
}

interface Place {
  readonly vsix: string
  readonly workspace: string
  readonly server: DemoServer
}

const workspaceName = 'my-bot'

function endOnSignal(): Promise<unknown> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  return Promise.race(
    signals.map(
      (signal) =>
        new Promise<void>((resolve) => {
          // Not once: a second Ctrl-C must not cut the tidying short.
          process.on(signal, () => resolve())
        }),
    ),
  )
}

function makeWorkspace(scope: Scope): string {
  const workspace = join(scope.tempDir('demo'), workspaceName)
  mkdirSync(workspace)
  cpSync(join(__dirname, 'sampleBot.mjs'), join(workspace, 'bot.mjs'))
  return workspace
}

async function startBot(scope: Scope, workspace: string): Promise<Bot> {
  const port = await preferPort(3000)
  const bot = await scope.spawn(process.execPath, ['bot.mjs'], {
    cwd: workspace,
    env: { ...process.env, PORT: String(port) },
    ready: /Sample bot: http/,
  })
  return { port, process: bot }
}

/** sshd and nginx where they are installed; else nothing, because the extension brings a server of its own. */
async function startServer(scope: Scope, builtIn: boolean): Promise<DemoServer> {
  const missing = process.platform === 'win32' || missingTools(['sshd', 'ssh-keygen', 'nginx']).length > 0
  if (builtIn || missing) {
    return {
      settings: {},
      env: {},
      knownHosts: '',
      description: 'choose "Try it on this machine only"; the extension brings it along',
      publicUrl: (port) => `https://${tunnelName(workspaceName, port)}.localhost:8443`,
      curlOption: '-k',
    }
  }
  const ca = await createTestCa(scope)
  const sshd = await startSshd(scope, { config: ['StreamLocalBindUnlink yes'] })
  const key = await sshd.newClientKey()
  const socketDirectory = scope.tempDir('run')
  const httpsPort = await preferPort(8443)
  await startNginx(scope, {
    ca,
    httpsPort,
    servers: [{ kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory }],
  })
  const ssh = `${sshd.user}@${sshd.host}:${sshd.port}`
  const profile = {
    ssh,
    bind: `${socketDirectory}/{name}.sock`,
    publicUrl: `https://{name}.dev.localhost:${httpsPort}`,
    tls: 'server',
    identityFile: key.path,
  }
  return {
    settings: { 'exposePort.servers': { demo: profile } },
    env: { NODE_EXTRA_CA_CERTS: ca.certPath },
    knownHosts: `${sshd.knownHostsLine}\n`,
    description: `sshd at ${ssh} behind nginx, in the settings as "demo"`,
    publicUrl: (port) => `https://${tunnelName(workspaceName, port)}.dev.localhost:${httpsPort}`,
    curlOption: `--cacert ${ca.certPath}`,
  }
}

async function inBrowser(scope: Scope, { vsix, workspace, server }: Place): Promise<Window> {
  const version = '1.139'
  console.log(`Making VS Code ${version} ready for the browser (the first time takes about half a minute) …`)
  await installServerBuild(version)
  const vsCode = await startVsCodeServer({ version, vsix, machineSettings: server.settings, env: server.env })
  scope.add(() => vsCode.dispose())
  writeKnownHosts(vsCode.dirs.home, server)
  return {
    where: `${vsCode.url}/?folder=${workspace}   (open it in a browser)`,
    closed: new Promise(() => undefined),
  }
}

async function onDesktop(
  scope: Scope,
  desktop: Desktop,
  { vsix, workspace, server }: Place,
): Promise<Window> {
  const folder = scope.tempDir('xp')
  const home = join(folder, 'home')
  mkdirSync(join(folder, 'user', 'User'), { recursive: true })
  writeFileSync(
    join(folder, 'user', 'User', 'settings.json'),
    JSON.stringify(desktopSettings(server), null, 2),
  )
  writeKnownHosts(home, server)
  const env = { ...withoutVsCode(process.env), ...server.env, HOME: home }
  const places = [`--user-data-dir=${join(folder, 'user')}`, `--extensions-dir=${join(folder, 'extensions')}`]
  await run(desktop.cli, [...places, '--install-extension', vsix, '--force'], { cwd: folder, env })
  const { command, args } = desktop.app
  // No keyring: it would ask for the password of a user whose home this is not.
  const quiet = ['--use-inmemory-secretstorage', '--disable-telemetry', '--new-window']
  const app = await scope.spawn(command, [...args, ...places, ...quiet, workspace], { env })
  return { where: 'its window has opened', closed: app.exited() }
}

function desktopSettings(server: DemoServer): Record<string, unknown> {
  return {
    'security.workspace.trust.enabled': false,
    'workbench.startupEditor': 'none',
    'extensions.autoCheckUpdates': false,
    'update.mode': 'none',
    ...server.settings,
  }
}

/** Started from a terminal inside VS Code, the other VS Code would take itself for a part of that one. */
function withoutVsCode(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(VSCODE|ELECTRON)_/.test(name)))
}

function writeKnownHosts(home: string, server: DemoServer): void {
  const folder = join(home, '.ssh')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (server.knownHosts !== '') writeFileSync(join(folder, 'known_hosts'), server.knownHosts, { mode: 0o600 })
}

/** The port if nobody has it, else any free one. */
async function preferPort(port: number): Promise<number> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
    await once(probe.close(), 'close')
    return port
  } catch {
    return freePort()
  }
}

function introduction({ where, bot, server }: { where: string; bot: Bot; server: DemoServer }): string {
  const publicUrl = server.publicUrl(bot.port)
  return `
Expose Port is ready to try.

  VS Code     ${where}
  Sample bot  http://127.0.0.1:${bot.port}   a small Messenger bot; its verify token is "expose-port"
  Server      ${server.description}

  1. In VS Code press F1, choose "Expose Port", and pick ${bot.port}.
  2. The bot then answers at the URL it shows: ${publicUrl}
     A browser warns about the certificate: its authority was made for this run only. Or try
     curl ${server.curlOption} '${publicUrl}/webhook?hub.mode=subscribe&hub.verify_token=expose-port&hub.challenge=it+works'

Ctrl-C ends all of it and leaves nothing.
`
}

main(process.argv[2] ?? '', process.argv.slice(3)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  },
)
