import type { Context, Suite } from 'mocha'
import { leakCheck, type LeakCheck } from './leakCheck'

/**
 * `mocha --require test/support/leakHooks.ts`: fails a test that leaves a socket, timer, process or file
 * behind, and a file that does, once its own `after` hooks have run. What tests share belongs to `before`.
 */
export const mochaHooks = createLeakHooks(10_000)

/** `patienceMs`: how long what has been closed may take to go. */
export function createLeakHooks(patienceMs: number): LeakHooks {
  let duringTest: LeakCheck | undefined
  let duringFile: LeakCheck | undefined

  async function checkTest(this: Context) {
    this.timeout(2 * patienceMs)
    await mochaTimer()
    await duringTest?.assertClean(patienceMs)
  }

  async function checkFile(this: Context) {
    this.timeout(2 * patienceMs)
    await mochaTimer()
    try {
      await duringFile?.assertClean(patienceMs)
    } finally {
      duringFile = leakCheck() // what one file left is not told of the next one
    }
  }

  return {
    async beforeAll() {
      await mochaTimer()
      duringFile = leakCheck()
      // Hooks of the files' own suites, not of the root: mocha ends the whole run when a root hook fails.
      // Added now, they come after those the file itself has.
      for (const suite of rootOf(this.test?.parent).suites) {
        suite.afterEach('leak check of the test', checkTest)
        suite.afterAll('leak check of the file', checkFile)
      }
    },
    async beforeEach() {
      await mochaTimer()
      duringTest = leakCheck()
    },
  }
}

type LeakHooks = Record<'beforeAll' | 'beforeEach', (this: Context) => Promise<void>>

/** Mocha sets a hook's own timer only when the hook has returned its promise; we want to see it each time. */
const mochaTimer = () => Promise.resolve()

function rootOf(suite: Suite | undefined): Suite {
  if (suite === undefined) throw new Error('mocha gave the root hook no suite')
  return suite.parent === undefined ? suite : rootOf(suite.parent)
}
