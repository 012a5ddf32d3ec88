import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(__dirname, '..', '..')
let packed: Promise<string> | undefined

/** Builds the extension as it is published and gives the path of the `.vsix`; once in each process. */
export function packExtension(): Promise<string> {
  packed ??= pack()
  return packed
}

async function pack(): Promise<string> {
  const vsix = join(root, 'out', 'expose-port.vsix')
  mkdirSync(join(root, 'out'), { recursive: true })
  const vsce = join(root, 'node_modules', '@vscode', 'vsce', 'vsce')
  await run(process.execPath, [join(root, 'esbuild.mjs')], { cwd: root })
  await run(process.execPath, [vsce, 'package', '--no-dependencies', '--out', vsix], { cwd: root })
  return vsix
}
