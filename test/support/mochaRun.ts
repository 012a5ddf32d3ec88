import { readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import Mocha from 'mocha'
import { mochaHooks } from './leakHooks'

/** What test/run.mjs adds up. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/**
 * Runs every *.test.ts below a folder under the leak check, and writes the counts into a file. With `--story` the
 * tests of a file are steps that share what they start, so only what the whole file leaves is a leak.
 */
function main(): void {
  const { values } = parseArgs({
    options: {
      folder: { type: 'string' },
      timeout: { type: 'string' },
      tally: { type: 'string' },
      grep: { type: 'string' },
      story: { type: 'boolean' },
    },
  })
  const { folder = 'test/unit', timeout = '5000', tally, grep, story = false } = values
  const mocha = new Mocha({ timeout: Number(timeout), forbidOnly: true, reporter: 'spec' })
  mocha.rootHooks(story ? { beforeAll: mochaHooks.beforeAll } : mochaHooks)
  if (grep !== undefined) mocha.grep(new RegExp(grep))
  for (const file of testFiles(resolve(folder))) mocha.addFile(file)
  const runner = mocha.run((failures) => process.exit(failures > 0 ? 1 : 0))
  const counts = { passed: 0, failed: 0, skipped: 0 }
  // 'fail' comes for hooks too, which count as a test that failed.
  runner.on('pass', () => (counts.passed += 1))
  runner.on('fail', () => (counts.failed += 1))
  runner.on('pending', () => (counts.skipped += 1))
  runner.on('end', () => {
    if (tally !== undefined) writeTally(tally, counts)
  })
}

export function writeTally(file: string, tally: Tally): void {
  writeFileSync(file, JSON.stringify(tally))
}

function testFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(folder, name))
}

if (require.main === module) main()
