// `npm test`: everything a fresh machine needs to say whether the project works. It needs Node.js and npm only.
//   node test/run.mjs                 all parts
//   node test/run.mjs unit real       some parts
//   node test/run.mjs real --grep x   some tests of a part, by mocha's --grep
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { endTogether, isInterrupted, run } from './support/children.mjs'
import { installPackages, installPrograms, removePolicy, testPrograms } from './support/install.mjs'

const root = resolve(import.meta.dirname, '..')
const node = process.execPath
const bin = (path) => join(root, 'node_modules', path)
const tsx = ['--import=tsx']
const tallies = mkdtempSync(join(tmpdir(), 'expose-port-tests-'))

/** In the order they run: the quickest to fail first. Those with `needs` come after the parts they name. */
const parts = {
  lint: {
    checks: {
      eslint: [bin('eslint/bin/eslint.js'), '.'],
      prettier: [bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
    },
  },
  types: {
    checks: {
      tsc: [bin('typescript/bin/tsc'), '--noEmit'],
      'tsc webview': [bin('typescript/bin/tsc'), '--noEmit', '-p', 'src/webview'],
    },
  },
  unit: { tests: mocha('test/unit', 5000) },
  build: {
    checks: {
      esbuild: ['esbuild.mjs'],
      vsce: [bin('@vscode/vsce/vsce'), 'package', '--no-dependencies', '--out', 'out/expose-port.vsix'],
    },
  },
  real: { tests: mocha('test/real', 60_000), programs: true },
  extension: { tests: [...tsx, 'test/extension/run.ts'], programs: true, needs: ['build'] },
  e2e: { tests: [...mocha('test/e2e', 180_000), '--story'], programs: true, needs: ['build'] },
}

function mocha(folder, timeoutMs) {
  return [...tsx, 'test/support/mochaRun.ts', '--folder', folder, '--timeout', String(timeoutMs)]
}

async function main() {
  const { chosen, extra } = readArguments(process.argv.slice(2))
  if (!(await installPackages(root))) return finish([{ part: 'npm ci', passed: 0, failed: 1 }])
  if (chosen.some((part) => parts[part].programs)) await installPrograms(testPrograms)
  // vsce does not make the folder it writes to.
  mkdirSync(join(root, 'out'), { recursive: true })
  const results = []
  for (const part of chosen) {
    if (isInterrupted()) return undefined
    console.log(`\n━━━ ${part} ${'━'.repeat(60 - part.length)}\n`)
    const started = Date.now()
    const { checks, tests } = parts[part]
    const result = checks === undefined ? await runTests(part, tests, extra) : await runChecks(checks)
    results.push({ part, ...result })
    const seconds = ((Date.now() - started) / 1000).toFixed(1)
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : ''
    console.log(`\n${part}: ${result.passed} passed, ${result.failed} failed${skipped} (${seconds} s)`)
  }
  return isInterrupted() ? undefined : finish(results)
}

function readArguments(args) {
  const firstOption = args.findIndex((arg) => arg.startsWith('-'))
  const named = firstOption === -1 ? args : args.slice(0, firstOption)
  const extra = firstOption === -1 ? [] : args.slice(firstOption)
  const unknown = named.filter((part) => !(part in parts))
  if (unknown.length > 0) {
    console.error(`There is no part ${unknown.join(', ')}. The parts: ${Object.keys(parts).join(', ')}.`)
    process.exit(2)
  }
  const wanted = new Set(named.length === 0 ? Object.keys(parts) : named)
  for (const part of [...wanted]) for (const needed of parts[part].needs ?? []) wanted.add(needed)
  return { chosen: Object.keys(parts).filter((part) => wanted.has(part)), extra }
}

/** Each check is a program that says by its exit code whether all is well. */
async function runChecks(checks) {
  let failed = 0
  for (const [name, args] of Object.entries(checks)) {
    const passed = (await run(node, args, { cwd: root })) === 0
    console.log(`${passed ? '✔' : '✘'} ${name}`)
    if (!passed) failed += 1
  }
  return { passed: Object.keys(checks).length - failed, failed }
}

/** The tests leave their counts in a file. A run that leaves none, or counts nothing, has failed. */
async function runTests(part, args, extra) {
  const tallyFile = join(tallies, `${part}.json`)
  const code = await run(node, [...args, '--tally', tallyFile, ...extra], { cwd: root })
  const tally = existsSync(tallyFile) ? JSON.parse(readFileSync(tallyFile, 'utf8')) : undefined
  if (tally === undefined) {
    console.log(`✘ the ${part} tests did not run to their end (exit code ${code})`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const { passed, failed, skipped } = tally
  if (passed + failed === 0) console.log(`✘ the ${part} part ran no test`)
  else if (code !== 0 && failed === 0) console.log(`✘ the ${part} tests ended with exit code ${code}`)
  else return tally
  return { passed, failed: 1, skipped }
}

function finish(results) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0)
  const failing = results.filter((result) => result.failed > 0).map((result) => result.part)
  if (failing.length > 0) console.log(`\nFailures in: ${failing.join(', ')}`)
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`)
  return failing.length > 0 ? 1 : 0
}

function tidy() {
  removePolicy()
  rmSync(tallies, { recursive: true, force: true })
}

endTogether(tidy)
const exitCode = await main()
if (exitCode !== undefined) {
  tidy()
  process.exitCode = exitCode
}
