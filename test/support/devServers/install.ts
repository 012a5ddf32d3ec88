import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { npmCiOnce } from '../npmCiOnce'
import type { Scope } from '../scope'

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
  // Turbopack takes no path through a link for a part of its root.
  const folder = await realpath(await npmCiOnce('dev-servers', __dirname))
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
