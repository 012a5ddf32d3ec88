import { parseArgs } from 'node:util'
import { writeTally } from '../support/mochaRun'
import { runExtensionSuite } from '../support/vscode/runExtensionSuite'
import { vsCodeVersions } from '../support/vscode/serverRecipes'

/** Runs the suite of this folder in the extension host of each VS Code version; `npm run test:extension`. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { tally: { type: 'string' } } })
  const sum = { passed: 0, failed: 0, skipped: 0 }
  for (const version of vsCodeVersions) {
    const { passed, failed, failures } = await runExtensionSuite({ version }).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      return { passed: 0, failed: 1, failures: [{ title: 'the suite runs', message }] }
    })
    console.log(`VS Code ${version}: ${passed} passed, ${failed} failed`)
    for (const { title, message } of failures)
      console.log(`  ✘ ${title}\n    ${message.replaceAll('\n', '\n    ')}`)
    sum.passed += passed
    sum.failed += failed
  }
  if (values.tally !== undefined) writeTally(values.tally, sum)
  process.exit(sum.failed > 0 ? 1 : 0)
}

void main()
