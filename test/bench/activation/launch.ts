import { build } from 'esbuild'
import { join, resolve } from 'node:path'
import { runExtensionSuite } from '../../support/vscode/runExtensionSuite'
import { answerVariable } from './answer'

/** Runs the suite beside it in a window of VS Code's; the argument names the file for its answer. */
async function main(answer: string): Promise<void> {
  const suite = resolve(__dirname, '../../../out/bench/activation/index.js')
  await build({
    ...{ entryPoints: [join(__dirname, 'suite.ts')], outfile: suite },
    ...{ bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['vscode'] },
    logLevel: 'warning',
  })
  await runExtensionSuite({ version: '1.139', suite, env: { [answerVariable]: answer } })
}

void main(process.argv[2] ?? '')
