import { build } from 'esbuild'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import * as path from 'node:path'
import { runTests, TestRunFailedError } from '@vscode/test-electron'
import { Scope } from '../scope'
import { consoleLog, instructionsVariable, type Instructions } from './electronStandIn'
import { projectRoot } from './serverBuild'
import type { VsCodeVersion } from './serverRecipes'
import { resultsVariable, type SuiteRecord } from './suiteRecord'

export interface ExtensionSuiteOptions {
  readonly version: VsCodeVersion
  /** A bundled `index.js` that exports `run()`. Unless given, `test/extension/index.ts` is bundled and run. */
  readonly suite?: string
  /** The extension under test: this project unless given. */
  readonly extensionDevelopmentPath?: string
  /** An empty window unless given. */
  readonly workspaceFolder?: string
  readonly vsCodeSettings?: Readonly<Record<string, unknown>>
  /** For the extension host. */
  readonly env?: Readonly<Record<string, string>>
}

export interface SuiteResult {
  readonly passed: number
  readonly failed: number
  readonly failures: readonly { readonly title: string; readonly message: string }[]
}

/**
 * Runs a mocha suite inside a real extension host. Which VS Code: the desktop that the environment variable
 * VSCODE_EXECUTABLE names; else on Linux the server build; else the desktop, downloaded.
 * @throws Error when the suite did not run to its end, whatever VS Code's exit code says: when the extension host
 * crashes at its start, VS Code reports 0.
 */
export async function runExtensionSuite(options: ExtensionSuiteOptions): Promise<SuiteResult> {
  const suite = options.suite ?? (await bundleSuite())
  const scope = new Scope()
  try {
    const folder = scope.tempDir('xs')
    const resultsFile = path.join(folder, 'results.jsonl')
    const userDataDir = path.join(folder, 'user')
    await mkdir(path.join(userDataDir, 'User'), { recursive: true })
    await writeFile(
      path.join(userDataDir, 'User', 'settings.json'),
      JSON.stringify(options.vsCodeSettings ?? {}),
    )

    const env = { ...options.env, [resultsVariable]: resultsFile }
    const instructions: Instructions = { version: options.version, env }
    const executable = process.env['VSCODE_EXECUTABLE'] ?? (await standIn(folder))
    const exit = await exitOf({
      version: desktopVersions[options.version],
      ...(executable === undefined ? {} : { vscodeExecutablePath: executable }),
      extensionDevelopmentPath: options.extensionDevelopmentPath ?? projectRoot,
      extensionTestsPath: suite,
      launchArgs: [
        ...(options.workspaceFolder === undefined ? [] : [options.workspaceFolder]),
        `--user-data-dir=${userDataDir}`,
        `--extensions-dir=${path.join(folder, 'extensions')}`,
        '--disable-telemetry',
      ],
      extensionTestsEnv: { ...env, [instructionsVariable]: JSON.stringify(instructions) },
    })
    return await readResults(resultsFile, exit, path.join(userDataDir, consoleLog))
  } finally {
    await scope.close()
  }
}

const desktopVersions: Readonly<Record<VsCodeVersion, string>> = { '1.100': '1.100.3', '1.139': '1.139.1' }

async function bundleSuite(): Promise<string> {
  const outfile = path.join(projectRoot, 'out', 'extension-tests', 'index.js')
  await build({
    entryPoints: [path.join(projectRoot, 'test', 'extension', 'index.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: 'inline',
    // As esbuild.mjs has it: what some packages call `main` cannot be bundled.
    mainFields: ['module', 'main'],
    // mocha finds its own files at run time; it is there, in node_modules beside `out`.
    external: ['vscode', 'mocha'],
    logLevel: 'warning',
  })
  return outfile
}

/** An executable that runs electronStandIn.ts; `undefined` where a desktop VS Code is downloaded instead. */
async function standIn(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined
  const script = path.join(folder, 'code')
  const command = [
    process.execPath,
    '--import',
    require.resolve('tsx'),
    path.join(__dirname, 'electronStandIn.ts'),
  ]
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  await writeFile(script, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 })
  return script
}

async function exitOf(options: Parameters<typeof runTests>[0]): Promise<number | string> {
  try {
    return await runTests(options)
  } catch (error) {
    if (error instanceof TestRunFailedError) return error.code ?? error.signal ?? 'no exit code'
    throw error
  }
}

async function readResults(file: string, exit: number | string, consoleFile: string): Promise<SuiteResult> {
  const records = (await linesOf(file)).map((line) => JSON.parse(line) as SuiteRecord)
  const passed = records.filter((record) => record.kind === 'passed').length
  const failures = records
    .filter((record) => record.kind === 'failed')
    .map(({ title, message }) => ({ title, message }))
  const end = records.find((record) => record.kind === 'end')
  const story = `VS Code ended with ${exit} after ${passed} passed and ${failures.length} failed tests`
  if (end === undefined) {
    const printed = (await linesOf(consoleFile))
      .slice(-15)
      .map((line) => line.slice(0, 200))
      .join('\n')
    throw new Error(`The suite did not run to its end: ${story}. VS Code printed:\n${printed}`)
  }
  if (end.passed !== passed || end.failed !== failures.length || records.length === 1) {
    throw new Error(`The suite's results do not add up: ${story}; its last record is ${JSON.stringify(end)}.`)
  }
  if ((exit === 0) !== (failures.length === 0))
    throw new Error(`The suite's results and its exit code differ: ${story}.`)
  return { passed, failed: failures.length, failures }
}

/** None when there is no such file. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}
