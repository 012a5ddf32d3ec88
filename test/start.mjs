// `npm start`: installs, builds, and shows the extension at work. See test/support/demo.ts.
//   npm start -- --built-in   without sshd and nginx, even where they are installed
//   npm start -- --browser    without the desktop VS Code, even where it is installed
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { endTogether, run } from './support/children.mjs'
import { installPackages } from './support/install.mjs'

const root = resolve(import.meta.dirname, '..')
const vsix = join(root, 'out', 'expose-port.vsix')

async function main() {
  if (!(await installPackages(root))) return 1
  console.log('Building …')
  mkdirSync(join(root, 'out'), { recursive: true })
  const vsce = [join(root, 'node_modules/@vscode/vsce/vsce'), 'package', '--no-dependencies', '--out', vsix]
  for (const step of [['esbuild.mjs'], vsce]) {
    // Only what goes wrong is of interest here.
    const stdio = ['ignore', 'ignore', 'inherit']
    if ((await run(process.execPath, step, { cwd: root, stdio })) !== 0) return 1
  }
  const demo = ['--import', 'tsx', 'test/support/demo.ts', vsix, ...process.argv.slice(2)]
  return run(process.execPath, demo, { cwd: root })
}

endTogether()
process.exitCode = await main()
