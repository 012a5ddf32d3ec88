import { window } from 'vscode'
import { newPassword, shortestPassword } from '../http/access/newPassword'
import { formatLocalTarget, type LocalTarget } from './localTarget'

/** Asks for the password of a port, and offers a new one. Undefined on Escape. */
export function askPassword(target: LocalTarget): Thenable<string | undefined> {
  return window.showInputBox({
    title: `Password for visitors of port ${formatLocalTarget(target)}`,
    prompt: 'Take this one or write your own. It is kept in VS Code’s secret storage on this machine.',
    // Shown: it is to be given to others.
    value: newPassword(),
    ignoreFocusOut: true,
    validateInput: (value) =>
      value.length < shortestPassword ? `Write at least ${shortestPassword} characters.` : undefined,
  })
}
