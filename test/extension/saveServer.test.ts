import * as assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import * as path from 'node:path'
import * as vscode from 'vscode'
import { systemClock, type Clock } from '../../src/base/clock'
import { silentLog } from '../../src/base/log'
import { saveServer } from '../../src/ui/saveServer'
import { eventually } from '../support/vscode/eventually'
import { resultsVariable } from '../support/vscode/suiteRecord'

describe('saving a server in the settings', () => {
  const { settingsFile, globalStorageUri } = places()
  const parts = { globalStorageUri, clock: systemClock, log: silentLog }
  const entry = { ssh: 'deploy@dev.example.com' }
  const one = { ssh: 'one.example.com' }
  let original = ''

  before(async () => {
    original = await readFile(settingsFile, 'utf8')
  })
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor')
    await writeAndSee(original, () => servers() === undefined)
  })

  // First of all: later VS Code still has the file in its hands, and would not write it anew.
  it('saves where there is no file yet', async () => {
    await rm(settingsFile)
    await saveServer({ entry }, parts)
    assert.deepEqual(servers(), { 'dev.example.com': entry })
  })

  it('keeps every comment, and counts at once', async () => {
    await writeAndSee(commented)
    assert.equal(await saveServer({ entry }, parts), 'dev.example.com')
    assert.deepEqual(servers(), { one, 'dev.example.com': entry })
    assert.equal(await readFile(settingsFile, 'utf8'), withServer(commented))
  })

  it('chooses an id that is free, and writes a given one anew', async () => {
    await writeAndSee(commented)
    assert.equal(await saveServer({ entry }, parts), 'dev.example.com')
    assert.equal(
      await saveServer({ entry: { ...entry, identityFile: '~/.ssh/id' } }, parts),
      'dev.example.com-2',
    )
    assert.equal(await saveServer({ id: 'one', entry: { ssh: 'two.example.com' } }, parts), 'one')
    assert.deepEqual(Object.keys(servers() ?? {}), ['one', 'dev.example.com', 'dev.example.com-2'])
    const text = await readFile(settingsFile, 'utf8')
    assert.ok(text.includes('"ssh": "two.example.com" // where to log in'), text)
  })

  it('loses nothing of what stands unsaved in an editor', async () => {
    await writeAndSee(commented)
    const editor = await vscode.window.showTextDocument(vscode.Uri.file(settingsFile))
    const unsaved = '{ // not saved yet'
    await editor.edit((edit) => edit.replace(new vscode.Range(0, 0, 0, 1), unsaved))
    assert.equal(editor.document.isDirty, true)
    await saveServer({ entry }, parts)
    const text = editor.document.getText()
    assert.equal(text, withServer(commented.replace('{', unsaved)))
    assert.equal(await readFile(settingsFile, 'utf8'), text)
    assert.deepEqual(servers(), { one, 'dev.example.com': entry })
  })

  it('touches nothing when an editor holds something half written, and says where', async () => {
    await writeAndSee(commented)
    const editor = await vscode.window.showTextDocument(vscode.Uri.file(settingsFile))
    await editor.edit((edit) => edit.insert(new vscode.Position(1, 0), '  "half":\n'))
    const half = editor.document.getText()
    await assert.rejects(saveServer({ entry }, parts), { kind: 'settings-not-editable', said: /^Line 4: / })
    assert.equal(editor.document.getText(), half)
    assert.equal(editor.document.isDirty, true)
    assert.equal(await readFile(settingsFile, 'utf8'), commented)
  })

  it('saves the first server of all, beside other settings', async () => {
    const others = '{\n  // mine\n  "exposePort.copyUrl": false // do not\n}\n'
    await writeAndSee(others, () => copyUrl() === false)
    await saveServer({ entry }, parts)
    assert.deepEqual(servers(), { 'dev.example.com': entry })
    const text = await readFile(settingsFile, 'utf8')
    assert.ok(text.startsWith('{\n  // mine\n  "exposePort.copyUrl": false, // do not\n'), text)
  })

  it('lets VS Code write where the file is not known, or is not the one in use', async () => {
    const elsewhere = mkdtempSync(path.join(tmpdir(), 'xe-'))
    try {
      const storage = path.join(elsewhere, 'User', 'globalStorage', 'x')
      const known = path.join(elsewhere, path.relative(userData(), settingsFile))
      for (const hasFile of [false, true]) {
        await writeAndSee(commented)
        if (hasFile) {
          await mkdir(path.dirname(known), { recursive: true })
          await writeFile(known, commented)
        }
        await saveServer({ entry }, { ...parts, clock: hasty, globalStorageUri: vscode.Uri.file(storage) })
        assert.deepEqual(servers(), { one, 'dev.example.com': entry })
        if (hasFile) assert.equal(await readFile(known, 'utf8'), commented)
      }
    } finally {
      rmSync(elsewhere, { recursive: true })
    }
  })

  /** As somebody else does who edits the file; VS Code keeps it for a while after it was closed. */
  async function writeAndSee(text: string, isRead = () => Object.keys(servers() ?? {}).join() === 'one') {
    await writeFile(settingsFile, text)
    const documents = vscode.workspace.textDocuments.filter((each) => each.uri.fsPath === settingsFile)
    const isSeen = () => isRead() && documents.every((each) => each.isClosed || each.getText() === text)
    await eventually('VS Code to read its settings', () => (isSeen() ? true : undefined))
  }
})

const commented = `{
  // All of my servers.
  "exposePort.servers": { // by name
    /* The first one. */
    "one": {
      "ssh": "one.example.com" // where to log in
    } // end of one
    // "two": { "ssh": "later" }
  } // end of the servers
}
`

function withServer(text: string): string {
  const added = '    "dev.example.com": {\n      "ssh": "deploy@dev.example.com"\n    }\n'
  return text.replace('    } // end of one\n', `    }, // end of one\n${added}`)
}

/** Where a patient clock would wait for VS Code. */
const hasty: Clock = {
  now: () => systemClock.now(),
  after: (_ms, callback) => systemClock.after(500, callback),
}

function servers(): Record<string, unknown> | undefined {
  return vscode.workspace.getConfiguration('exposePort').inspect<Record<string, unknown>>('servers')
    ?.globalValue
}

function copyUrl(): unknown {
  return vscode.workspace.getConfiguration('exposePort').inspect('copyUrl')?.globalValue
}

function places(): { settingsFile: string; globalStorageUri: vscode.Uri } {
  const isRemote = vscode.env.remoteName !== undefined
  const storage = path.join(userData(), 'User', 'globalStorage', 'expose-port.expose-port')
  return {
    settingsFile: path.join(userData(), isRemote ? 'Machine' : 'User', 'settings.json'),
    globalStorageUri: vscode.Uri.file(storage),
  }
}

/** As the harness lays it out: of the server build beside its home, of the desktop beside the results. */
function userData(): string {
  const beside = vscode.env.remoteName === undefined ? process.env[resultsVariable] : homedir()
  return path.join(beside ?? assert.fail(`${resultsVariable} is not set`), '..', 'user')
}
