import { Position, Range, Uri, commands, env, window, workspace } from 'vscode'
import { Failure, isCancelled, type Remedy } from '../base/failure'
import type { Log } from '../base/log'
import { assertNever } from '../base/assertNever'
import { commandIds } from './commandIds'
import { plainText } from './plainText'

/**
 * Shows what went wrong, what the other side said and what to do next, with buttons that do it. Answers true when
 * the person chose to try again. A cancellation shows nothing. `changeName` asks for another name and answers
 * whether there is one to try again with; without it there is no such button.
 */
export async function showFailure(
  error: unknown,
  log: Log,
  severity: 'error' | 'warning' = 'error',
  changeName?: () => Promise<boolean>,
): Promise<boolean> {
  if (isCancelled(error)) return false
  if (!(error instanceof Failure)) {
    log.error(error instanceof Error ? (error.stack ?? error.message) : String(error))
    const show = 'Show Log'
    const said = plainText(error instanceof Error ? error.message : String(error))
    const text = `Expose Port met an error it did not expect: ${said}`
    if ((await window.showErrorMessage(text, show)) === show)
      await commands.executeCommand(commandIds.showLog)
    return false
  }
  log.error(`${error.hop}: ${sentence(error)}`)
  const buttons = error.remedies
    .filter((remedy) => remedy.do !== 'change name' || changeName !== undefined)
    .map((remedy) => ({ title: titleOf(remedy), remedy }))
  const show = severity === 'error' ? window.showErrorMessage : window.showWarningMessage
  const chosen = await show(sentence(error), ...buttons)
  return chosen === undefined ? false : carryOut(chosen.remedy, changeName)
}

/** What happened, what the other side said and what to do next, for a notification. */
export function sentence({ message, said, advice }: Failure): string {
  return plainText([message, said, advice].filter((part) => part !== undefined && part !== '').join(' '))
}

function titleOf(remedy: Remedy): string {
  switch (remedy.do) {
    case 'open settings':
    case 'open port settings':
      return 'Open Settings'
    case 'show log':
      return 'Show Log'
    case 'retry':
      return 'Try Again'
    case 'open file':
      return 'Open File'
    case 'change name':
      return 'Change Name…'
    default:
      return assertNever(remedy)
  }
}

async function carryOut(remedy: Remedy, changeName?: () => Promise<boolean>): Promise<boolean> {
  switch (remedy.do) {
    case 'open settings':
      await editServers()
      return false
    case 'open port settings':
      await editPorts()
      return false
    case 'show log':
      await commands.executeCommand(commandIds.showLog)
      return false
    case 'retry':
      return true
    case 'change name':
      return (await changeName?.()) ?? false
    case 'open file': {
      const at = new Position((remedy.line ?? 1) - 1, 0)
      await window.showTextDocument(Uri.file(remedy.path), { selection: new Range(at, at) })
      return false
    }
    default:
      return assertNever(remedy)
  }
}

/**
 * Opens the settings.json that counts, at the servers; VS Code writes an empty entry where there is none. In a
 * remote window a machine-scoped setting is read from the remote machine's own file.
 */
export async function editServers(): Promise<void> {
  const open =
    env.remoteName === undefined
      ? 'workbench.action.openSettingsJson'
      : 'workbench.action.openRemoteSettingsFile'
  const key = 'exposePort.servers'
  const isWritten = workspace.getConfiguration().inspect(key)?.globalValue !== undefined
  await commands.executeCommand(open, { revealSetting: { key, edit: !isWritten } })
}

/** Opens the settings.json in which the ports stand. */
async function editPorts(): Promise<void> {
  const key = 'exposePort.ports'
  const written = workspace.getConfiguration().inspect(key)
  const isOfWorkspace = (written?.workspaceFolderValue ?? written?.workspaceValue) !== undefined
  const open = isOfWorkspace
    ? 'workbench.action.openWorkspaceSettingsFile'
    : 'workbench.action.openSettingsJson'
  await commands.executeCommand(open, { revealSetting: { key, edit: false } })
}
