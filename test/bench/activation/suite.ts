import { appendFileSync, writeFileSync } from 'node:fs'
import Module from 'node:module'
import { extensions } from 'vscode'
import { resultsVariable, type SuiteRecord } from '../../support/vscode/suiteRecord'
import { answerVariable } from './answer'

/**
 * Runs inside VS Code's extension host instead of tests: activates the extension, and writes down the CPU time in
 * milliseconds of what VS Code calls codeLoadingTime and activateCallTime together.
 */
export async function run(): Promise<void> {
  let spentMs = 0
  const timed = <T>(work: () => T): T => {
    const before = process.cpuUsage()
    try {
      return work()
    } finally {
      const { user, system } = process.cpuUsage(before)
      spentMs += (user + system) / 1000
    }
  }
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown }
  const load = loader._load
  loader._load = function (request, ...rest) {
    const go = (): unknown => Reflect.apply(load, this, [request, ...rest])
    if (!/[\\/]dist[\\/]extension(\.js)?$/.test(request)) return go()
    const { activate, ...others } = timed(() => go() as Loaded)
    return { ...others, activate: (context: unknown) => timed(() => activate(context)) }
  }
  await extensions.getExtension('expose-port.expose-port')?.activate()
  loader._load = load
  writeFileSync(process.env[answerVariable] ?? '', String(spentMs))
  record({ kind: 'passed', title: 'activation' })
  record({ kind: 'end', passed: 1, failed: 0 })
}

interface Loaded {
  readonly activate: (context: unknown) => unknown
}

function record(line: SuiteRecord): void {
  appendFileSync(process.env[resultsVariable] ?? '', `${JSON.stringify(line)}\n`)
}
