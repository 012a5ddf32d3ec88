import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ESLint } from 'eslint'
import tseslint from 'typescript-eslint'

/** That eslint.config.mjs holds the house's import rules, tried on files that do not exist. */
describe('the import rules', () => {
  const root = join(__dirname, '../..')
  let eslint: ESLint
  before(() => {
    eslint = new ESLint({
      cwd: root,
      // The rules on imports need no types, and types need files.
      overrideConfig: [
        { files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked },
        { files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false } } },
      ],
    })
  })

  /** The rules that stop this line in this file. */
  async function stoppedBy(file: string, line: string): Promise<string[]> {
    const [result] = await eslint.lintText(`${line}\n`, { filePath: join(root, file) })
    assert.ok(result && !result.messages.some((message) => message.fatal), JSON.stringify(result?.messages))
    return result.messages.flatMap(({ ruleId }) => (ruleId?.startsWith('no-restricted-') ? [ruleId] : []))
  }

  const imports = "import { x } from 'WHAT'\nexport const y = x"
  const forms: [string, string][] = [
    ['imported', imports],
    ['imported as a type', "import type { x } from 'WHAT'\nexport type Y = x"],
    ['imported for its effect', "import 'WHAT'"],
    ['exported again', "export { x } from 'WHAT'"],
    ['exported whole', "export * from 'WHAT'"],
    ['imported when needed', "export const y = await import('WHAT')"],
  ]

  const wrong: [file: string, what: string][] = [
    ['src/base/a.ts', '../ssh/connection'],
    ['src/base/a.ts', '../ports/probe'],
    ['src/base/a.ts', '../ui/commandIds'],
    ['src/base/deep/a.ts', '../../ssh/connection'],
    ['src/ports/a.ts', '../ssh/connection'],
    ['src/ports/a.ts', '../servers/name'],
    ['src/ssh/a.ts', '../ports/probe'],
    ['src/ssh/a.ts', '../tls/x509'],
    ['src/ssh/a.ts', '../tunnels/tunnel'],
    ['src/tls/a.ts', '../ssh/connection'],
    ['src/http/a.ts', '../servers/name'],
    ['src/servers/a.ts', '../tunnels/tunnel'],
    ['src/servers/a.ts', '../ui/commandIds'],
    ['src/tunnels/a.ts', '../ui/commandIds'],
    ['src/tunnels/a.ts', '../webhooks/x'],
    ['src/webhooks/a.ts', '../doctor/x'],
    ['src/doctor/a.ts', '../ui/commandIds'],
    ['src/ui/a.ts', '../extension'],
    ['src/base/a.ts', '../extension'],
    ['src/base/a.ts', '../../test/support/scope'],
    ['src/base/a.ts', 'vscode'],
    ['src/ports/a.ts', 'vscode'],
    ['src/ssh/a.ts', 'vscode'],
    ['src/tls/a.ts', 'vscode'],
    ['src/servers/a.ts', 'vscode'],
    ['src/tunnels/a.ts', 'vscode'],
    ['src/webhooks/a.ts', 'vscode'],
    ['src/doctor/a.ts', 'vscode'],
    ['src/ssh/a.ts', '../../src/ui/commandIds'],
    ['src/base/a.ts', './../ssh/connection'],
    ['src/webview/a.ts', '../base/event'],
    ['src/webview/a.ts', '../http/exchanges'],
    ['src/webview/a.ts', '../http/fields'],
    ['src/webview/a.ts', '../http/field/deeper'],
    ['src/webview/a.ts', '../http/body/decodeBody'],
    ['src/webview/a.ts', '../ui/commandIds'],
    ['src/webview/a.ts', 'vscode'],
    ['src/ui/a.ts', '../webview/filter'],
    ['src/http/a.ts', '../webview/filter'],
    ['src/newroom/a.ts', '../ssh/connection'],
    ['src/newroom/a.ts', 'vscode'],
  ]
  for (const [file, what] of wrong) {
    it(`stop ${what} in ${file}, in whatever form`, async () => {
      for (const [form, code] of forms) {
        assert.notDeepEqual(await stoppedBy(file, code.replace('WHAT', what)), [], form)
      }
    })
  }

  const bare: [file: string, what: string][] = [
    ['src/base/a.ts', 'fs'],
    ['src/base/a.ts', 'fs/promises'],
    ['src/ssh/a.ts', 'child_process'],
    ['src/ui/a.ts', 'path'],
    ['src/extension.ts', 'os'],
    ['test/unit/a.test.ts', 'assert'],
  ]
  for (const [file, what] of bare) {
    it(`stop ${what} without node: in ${file}`, async () =>
      assert.notDeepEqual(await stoppedBy(file, imports.replace('WHAT', what)), []))
  }

  it('stop a dynamic import without node:, and one that hides what it imports', async () => {
    for (const code of ["import('fs')", "import('fs/promises')", 'import(`../ui/${name}`)', 'import(name)']) {
      const line = `export const y = (name: string) => [name, ${code}]`
      assert.deepEqual(await stoppedBy('src/ssh/a.ts', line), ['no-restricted-syntax'], code)
    }
  })

  const right: [file: string, what: string][] = [
    ['src/base/a.ts', './event'],
    ['src/base/a.ts', 'node:fs'],
    ['src/ports/a.ts', '../base/event'],
    ['src/ssh/a.ts', '../base/event'],
    ['src/ssh/a.ts', 'ssh2'],
    ['src/servers/a.ts', '../ssh/connection'],
    ['src/tunnels/a.ts', '../servers/name'],
    ['src/tunnels/a.ts', '../ports/dialLocal'],
    ['src/doctor/a.ts', '../tunnels/tunnel'],
    ['src/ui/a.ts', '../tunnels/tunnel'],
    ['src/ui/a.ts', 'vscode'],
    ['src/webview/a.ts', './filter'],
    ['src/webview/a.ts', '../http/field'],
    ['src/webview/a.ts', '../http/capturedExchange'],
    ['src/webview/a.ts', '../http/body/shownBody'],
    ['src/webview/a.ts', '../http/inspectorMessages'],
    ['src/webview/a.ts', 'lit'],
    ['src/extension.ts', './ui/statusBar'],
    ['src/extension.ts', 'vscode'],
    ['test/unit/base/a.test.ts', '../../../src/base/event'],
  ]
  for (const [file, what] of right) {
    it(`let ${what} into ${file}`, async () => {
      for (const [form, code] of forms.slice(0, 5)) {
        assert.deepEqual(await stoppedBy(file, code.replace('WHAT', what)), [], form)
      }
    })
  }
})
