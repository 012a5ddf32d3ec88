import * as assert from 'node:assert/strict'
import * as vscode from 'vscode'

describe('the extension', () => {
  it('is there and activates', async () => {
    const extension = vscode.extensions.getExtension(extensionId)
    assert.ok(extension, `${extensionId} is not among ${vscode.extensions.all.length} extensions`)
    await extension.activate()
    assert.equal(extension.isActive, true)
  })

  it('has no proposed API, as a published extension has none', () => {
    const window = vscode.window as unknown as {
      onDidWriteTerminalData(listener: () => void): vscode.Disposable
    }
    assert.throws(() => window.onDidWriteTerminalData(() => undefined), /CANNOT use API proposal/)
  })
})

const extensionId = 'expose-port.expose-port'
