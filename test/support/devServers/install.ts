import { copyFile, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { installOnce } from '../installOnce'
import type { Scope } from '../scope'
import { run } from '../vscode/serverBuild'

/** Development servers from npm, which are too large to be installed for everybody who works on this project. */
export interface DevServers {
  /** Holds their node_modules. */
  readonly folder: string
  /** A new folder of an app in there; the scope removes it. */
  newApp(scope: Scope, files: Readonly<Record<string, string>>): Promise<string>
}

/**
 * Installs what package.json beside this file names, once for all runs.
 * @throws Error with what npm said, and the line to run by hand.
 */
export async function installDevServers(): Promise<DevServers> {
  const sources = ['package.json', 'package-lock.json'].map((name) => ({ name, path: join(__dirname, name) }))
  const recipe = await Promise.all(sources.map(({ path }) => readFile(path)))
  const place = await installOnce('dev-servers', [process.arch, ...recipe], async (draft) => {
    for (const { name, path } of sources) await copyFile(path, join(draft, name))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    await run('npm', args, { cwd: draft }).catch((error: unknown) => {
      throw new Error(`cannot install the development servers: cd ${__dirname} && npm ${args.join(' ')}`, {
        cause: error,
      })
    })
  })
  // Turbopack takes no path through a link for a part of its root.
  const folder = await realpath(place)
  return {
    folder,
    newApp: async (scope, files) => {
      const app = await mkdtemp(join(folder, 'app-'))
      scope.add(() => rm(app, { recursive: true, force: true, maxRetries: 20 }))
      for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text)
      return app
    },
  }
}
