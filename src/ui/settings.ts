import { workspace } from 'vscode'
import { readServers, type Servers } from '../servers/validation'

/** The extension's settings, read anew each time, as `unknown` until a validator has seen them. */
export const settings = {
  /** Only what stands in the user's own settings: a workspace never chooses where traffic goes. */
  servers(): Servers {
    return readServers(workspace.getConfiguration('exposePort').inspect('servers')?.globalValue)
  },
  defaultServer(): string | undefined {
    const value: unknown = workspace.getConfiguration('exposePort').inspect('defaultServer')?.globalValue
    return typeof value === 'string' && value !== '' ? value : undefined
  },
  copyUrl(): boolean {
    return workspace.getConfiguration('exposePort').get('copyUrl') !== false
  },
}
