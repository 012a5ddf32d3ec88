import { appendFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { format, parseArgs } from 'node:util'
import { Scope } from '../scope'
import { launchChromium } from './chromium'
import { vsCodeVersions, type VsCodeVersion } from './serverRecipes'
import { startVsCodeServer, type VsCodeServer } from './vsCodeServer'

/**
 * Stands in for the VS Code desktop executable where that cannot be downloaded: takes the command line that
 * `runTests()` of @vscode/test-electron gives it, runs the suite in the extension host of the server build, and
 * ends with the suite's exit code.
 */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      extensionDevelopmentPath: { type: 'string' },
      extensionTestsPath: { type: 'string' },
      'user-data-dir': { type: 'string' },
    },
    // The desktop has dozens more; what they ask for does not matter here.
    strict: false,
    allowPositionals: true,
  })
  const userDataDir = required('user-data-dir', values['user-data-dir'])
  const given = {
    extensionDevelopmentPath: required('extensionDevelopmentPath', values.extensionDevelopmentPath),
    extensionTestsPath: required('extensionTestsPath', values.extensionTestsPath),
    folder: positionals[0],
    consoleFile: path.join(userDataDir, consoleLog),
  }
  const { version, env } = readInstructions()
  const server = await startVsCodeServer({
    version,
    env,
    settings: await settingsIn(userDataDir),
    // Without it the newer VS Code ignores extensionTestsPath, and says nothing.
    args: version === '1.100' ? [] : ['--enable-smoke-test-driver'],
  })
  try {
    return await runIn(server, given)
  } finally {
    await server.dispose()
  }
}

/** The environment variable that tells the stand-in what a desktop would know by itself: JSON of `Instructions`. */
export const instructionsVariable = 'EXPOSE_PORT_TEST_STAND_IN'

/** The file in the user-data-dir that holds what the workbench and the extension host printed. */
export const consoleLog = 'console.log'

export interface Instructions {
  readonly version: VsCodeVersion
  /** What of the environment goes to the extension host. */
  readonly env: Readonly<Record<string, string>>
}

interface Suite {
  readonly extensionDevelopmentPath: string
  readonly extensionTestsPath: string
  readonly folder: string | undefined
  /** Where what the workbench and the extension host print goes. */
  readonly consoleFile: string
}

async function runIn(server: VsCodeServer, suite: Suite): Promise<number> {
  const scope = new Scope()
  try {
    const page = await (await launchChromium(scope)).newPage()
    const ended = new Promise<number>((resolve) => {
      void page.exposeFunction('codeAutomationExit', (code: number) => resolve(code))
    })
    await page.exposeFunction('codeAutomationLog', (kind: string, args: unknown[]) => {
      appendFileSync(suite.consoleFile, `[${kind}] ${format(...args)}\n`)
    })
    const at = (file: string): string => `vscode-remote://127.0.0.1:${server.port}${path.resolve(file)}`
    const payload = [
      ['extensionDevelopmentPath', at(suite.extensionDevelopmentPath)],
      ['extensionTestsPath', at(suite.extensionTestsPath)],
    ]
    const query = new URLSearchParams({ payload: JSON.stringify(payload) })
    if (suite.folder === undefined) query.set('ew', 'true')
    else query.set('folder', path.resolve(suite.folder))
    await page.goto(`${server.url}/?${query.toString()}`)
    return await Promise.race([ended, tooLate()])
  } finally {
    await scope.close()
  }
}

/** A test that never gives the extension host its turn back is stopped neither by mocha nor by the workbench. */
async function tooLate(): Promise<never> {
  await sleep(patienceMs, undefined, { ref: false })
  throw new Error(`The suite did not end within ${patienceMs / 60_000} minutes.`)
}

const patienceMs = 10 * 60_000

async function settingsIn(userDataDir: string): Promise<Record<string, unknown>> {
  const file = path.join(userDataDir, 'User', 'settings.json')
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
}

function readInstructions(): Instructions {
  const { version, env } = JSON.parse(process.env[instructionsVariable] ?? '{}') as Partial<Instructions>
  if (version === undefined || !vsCodeVersions.includes(version)) {
    throw new Error(
      `${instructionsVariable} must name one of these VS Code versions: ${vsCodeVersions.join(', ')}`,
    )
  }
  return { version, env: env ?? {} }
}

function required(name: string, value: string | boolean | undefined): string {
  if (typeof value !== 'string') throw new Error(`--${name} is missing`)
  return value
}

/** `runTests()` does not take its child along when it is killed. */
function endWithParent(): void {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1)
  }, 500).unref()
}

if (require.main === module) {
  endWithParent()
  main().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
}
