import { commands, window, type ExtensionContext } from 'vscode'
import { systemClock } from './base/clock'
import { DisposableStore, toDisposable } from './base/disposable'
import { Redactor } from './base/redactor'
import { portSourceFor } from './ports/sources'
import { PortWatcher } from './ports/watcher'
import { Tunnels } from './tunnels/tunnels'
import { AccessSecrets } from './ui/accessSecrets'
import { AddServer } from './ui/addServer'
import { CurrentCaptureLimits } from './ui/captureLimits'
import { certificates } from './ui/certificates'
import { registerChangeName } from './ui/changeName'
import { tellClosingTimes } from './ui/closingTimes'
import { commandIds } from './ui/commandIds'
import { ExposeCommand } from './ui/exposeCommand'
import { exposurePrompts } from './ui/exposurePrompts'
import { neighboursOf } from './ui/neighbours'
import { OutputLog } from './ui/outputLog'
import { PortAccess } from './ui/portAccess'
import { PrepareServer } from './ui/prepareServer'
import { ReadOnlyDocuments } from './ui/readOnlyDocuments'
import { registerInspector } from './ui/registerInspector'
import { registerSetAccess } from './ui/setAccess'
import { editServers } from './ui/showFailure'
import { sshPrompts } from './ui/sshPrompts'
import { StatusBar } from './ui/statusBar'
import { ThisMachineOnDemand } from './ui/thisMachineOnDemand'
import { registerTunnelCommands } from './ui/tunnelCommands'
import { tellUrlChanges } from './ui/urlChanges'
import { UrlClipboard } from './ui/urlClipboard'
import { registerWebhooks } from './ui/webhooks'
import { registerViews } from './ui/views/views'

let tunnels: Tunnels | undefined

/** Builds the parts and wires them; VS Code calls it at the first command. */
export function activate(context: ExtensionContext): void {
  const owned = new DisposableStore()
  context.subscriptions.push(owned)
  const clock = systemClock
  const redactor = new Redactor()
  const log = owned.add(new OutputLog(redactor))
  const watcher = owned.add(new PortWatcher({ source: portSourceFor(process.platform, log), clock, log }))
  const prompts = sshPrompts(context, redactor, log)
  const neighbours = owned.add(neighboursOf(context, log))
  const open = owned.add(
    new Tunnels({
      prompts: { ...prompts, ...exposurePrompts },
      memory: context.globalState,
      neighbours,
      certificateFor: certificates(context, { clock, log }),
      captureLimits: owned.add(new CurrentCaptureLimits()).now,
      ...{ clock, log, redactor },
    }),
  )
  tunnels = open
  const thisMachine = owned.add(new ThisMachineOnDemand(context.globalState, open, log))
  const clipboard = new UrlClipboard()
  owned.add(new StatusBar(open, clipboard.onDidCopy, clock))
  owned.add(registerTunnelCommands({ tunnels: open, clipboard, log }))
  owned.add(tellUrlChanges(open, clipboard))
  const access = new PortAccess({
    secrets: new AccessSecrets({
      ...{ secrets: context.secrets, redactor, log },
      workspace: context.storageUri?.toString() ?? '',
    }),
    ...{ memory: context.workspaceState, tunnels: open, watcher, clock, log },
  })
  owned.add(access.follow())
  owned.add(registerSetAccess({ tunnels: open, access, clock, log }))
  owned.add(tellClosingTimes(open, clock))
  owned.add(registerChangeName({ tunnels: open, watcher, clipboard, access, log }))

  const { globalStorageUri } = context
  const documents = owned.add(new ReadOnlyDocuments())
  const scriptPath = context.asAbsolutePath('media/prepare-gateway.sh')
  const saving = { globalStorageUri, clock, log }
  const prepareServer = new PrepareServer({
    ...saving,
    tunnels: open,
    prompts,
    documents,
    redactor,
    scriptPath,
  })
  const addServer = new AddServer({ ...saving, tunnels: open, documents, prepareServer })
  const expose = new ExposeCommand({
    watcher,
    tunnels: open,
    clipboard,
    thisMachine: () => thisMachine.server(),
    addServer,
    memory: context.workspaceState,
    access,
    log,
  })
  const labels = owned.add(
    registerWebhooks(context, {
      ...{ tunnels: open, documents, neighbours, redactor, clock, log },
      expose: () => expose.run(),
    }),
  )
  owned.add(registerInspector(context, { tunnels: open, clipboard, documents, labels, redactor, clock, log }))
  for (const id of [commandIds.expose, commandIds.exposePublicly]) {
    owned.add(commands.registerCommand(id, (argument: unknown) => expose.run(argument)))
  }
  owned.add(commands.registerCommand(commandIds.addServer, () => addServer.run()))
  owned.add(commands.registerCommand(commandIds.editServers, () => editServers()))
  owned.add(commands.registerCommand(commandIds.prepareServer, () => prepareServer.run()))
  owned.add(commands.registerCommand(commandIds.showLog, () => log.show()))

  owned.add(registerViews({ watcher, tunnels: open, clock }))

  watcher.focused = window.state.focused
  owned.add(window.onDidChangeWindowState((state) => (watcher.focused = state.focused)))
  owned.add(watcher.onDidChange(({ ports }) => open.setListeningPorts(ports)))
  let hold = toDisposable(() => undefined)
  owned.add(
    open.onDidChange((all) => {
      void commands.executeCommand('setContext', 'exposePort.hasTunnels', all.length > 0)
      const next = all.length > 0 ? watcher.hold() : toDisposable(() => undefined)
      hold.dispose()
      hold = next
    }),
  )
  owned.add(toDisposable(() => hold.dispose()))
}

/** VS Code waits for it: the server is told to stop listening before the window is gone. */
export async function deactivate(): Promise<void> {
  await tunnels?.stopAll()
}
