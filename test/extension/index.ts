import Mocha from 'mocha'
import { appendFileSync } from 'node:fs'
import { resultsVariable, type SuiteRecord } from '../support/vscode/suiteRecord'

/** Every test file of this folder. Imported late: `describe` and `it` exist once mocha is set up. */
const testFiles = [
  () => import('./activation.test'),
  () => import('./contributions.test'),
  () => import('./saveServer.test'),
]

/** VS Code calls this in the extension host; the promise is rejected when a test failed. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 20_000, color: false })
  mocha.suite.emit('pre-require', globalThis, 'index', mocha)
  for (const load of testFiles) await load()
  const failed = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve)
    let passed = 0
    runner.on('pass', (test) => {
      passed += 1
      write({ kind: 'passed', title: test.fullTitle() })
    })
    runner.on('fail', (test, error: Error) => {
      write({ kind: 'failed', title: test.fullTitle(), message: error.stack ?? error.message })
    })
    runner.on('end', () => write({ kind: 'end', passed, failed: runner.failures }))
  })
  if (failed > 0) throw new Error(`${failed} tests failed`)
}

/** At once, so that a crash leaves what was known before it. */
function write(record: SuiteRecord): void {
  const file = process.env[resultsVariable]
  if (file === undefined) throw new Error(`${resultsVariable} must name the file for the results`)
  appendFileSync(file, `${JSON.stringify(record)}\n`)
}
