import * as assert from 'node:assert/strict'
import * as vscode from 'vscode'
import { commandIds, innerCommandIds } from '../../src/ui/commandIds'

describe('what the extension adds to VS Code', () => {
  it('registers every command, once it is active', async () => {
    await vscode.extensions.getExtension('expose-port.expose-port')?.activate()
    const registered = new Set(await vscode.commands.getCommands(true))
    for (const id of [...Object.values(commandIds), ...Object.values(innerCommandIds)]) {
      assert.ok(registered.has(id), id)
    }
  })

  it('does nothing, and says nothing is wrong, when there is no tunnel to stop', async () => {
    await vscode.commands.executeCommand(commandIds.stopAll)
  })

  it('never takes a server from the workspace', async () => {
    const configuration = vscode.workspace.getConfiguration('exposePort')
    for (const target of [vscode.ConfigurationTarget.Workspace, vscode.ConfigurationTarget.WorkspaceFolder]) {
      for (const [key, value] of [
        [
          'servers',
          { evil: { ssh: 'evil.example.com', bind: '127.0.0.1:1', publicUrl: 'https://evil.example.com' } },
        ],
        ['defaultServer', 'evil'],
      ] as const) {
        await assert.rejects(async () => configuration.update(key, value, target))
      }
    }
    assert.equal(
      vscode.workspace.getConfiguration('exposePort').inspect('servers')?.workspaceValue,
      undefined,
    )
  })
})
