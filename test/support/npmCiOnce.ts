import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from './installOnce'
import { run } from './vscode/serverBuild'

/**
 * Installs what package.json and package-lock.json in `source` name, once for all runs; answers with the folder that
 * holds their node_modules. For what is too large to be installed for everybody who works on this project.
 * @throws Error with what npm said, and the line to run by hand.
 */
export async function npmCiOnce(name: string, source: string): Promise<string> {
  const files = ['package.json', 'package-lock.json'].map((file) => ({ file, path: join(source, file) }))
  const recipe = await Promise.all(files.map(({ path }) => readFile(path)))
  return installOnce(name, [process.arch, ...recipe], async (draft) => {
    for (const { file, path } of files) await copyFile(path, join(draft, file))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    await run('npm', args, { cwd: draft }).catch((error: unknown) => {
      throw new Error(`cannot install ${name}: cd ${source} && npm ${args.join(' ')}`, { cause: error })
    })
  })
}
