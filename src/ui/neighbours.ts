import { join } from 'node:path'
import { workspace, type ExtensionContext } from 'vscode'
import type { Log } from '../base/log'
import { Neighbours } from '../tunnels/neighbours'

/** The windows of this machine that have this extension, by a folder of its storage which they share. */
export function neighboursOf({ globalStorageUri }: ExtensionContext, log: Log): Neighbours {
  return new Neighbours({
    directory: join(globalStorageUri.fsPath, 'windows'),
    window: workspace.name ?? 'without a folder',
    log,
  })
}
