import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packExtension } from '../../support/packExtension'
import { Scope } from '../../support/scope'
import { runToEnd } from '../bundled'
import type { Bound } from '../row'
import { median } from '../statistics'

/** What start-up may cost. */
export const startBounds: readonly Bound[] = [
  {
    ...{ name: 'activation in VS Code 1.139: script time', unit: 'ms', most: 30 },
    measure: () => typicalActivation(),
  },
  {
    ...{ name: 'what activation reads', unit: 'MB', most: 0.3 },
    measure: () => readAtActivation(),
  },
  {
    ...{ name: 'the .vsix', unit: 'MB', most: 2 },
    measure: async () => megabytes(await packExtension()),
  },
]

async function readAtActivation(): Promise<number> {
  await packExtension()
  return megabytes('dist/extension.js') + megabytes('dist/failure.js')
}

async function typicalActivation(): Promise<number> {
  await packExtension()
  return median([await activation(), await activation(), await activation()])
}

const root = resolve(__dirname, '../../..')

/** CPU time in milliseconds to load and to call `activate`, in a window of its own. */
async function activation(): Promise<number> {
  const scope = new Scope()
  try {
    const answer = join(scope.tempDir('activation'), 'ms')
    // In a process of its own: it writes to standard output, which is for results.
    await runToEnd(process.execPath, ['--import=tsx', join(root, 'test/bench/activation/launch.ts'), answer])
    return Number(readFileSync(answer, 'utf8'))
  } finally {
    await scope.close()
  }
}

function megabytes(path: string): number {
  return statSync(resolve(root, path)).size / 1e6
}
