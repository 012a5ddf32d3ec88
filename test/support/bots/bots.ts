import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../freePort'
import { npmCiOnce } from '../npmCiOnce'
import type { Scope } from '../scope'

/** Starts a bot written with one of the frameworks of package.json, as its documents tell; resolves with its port. */
export async function startFrameworkBot(
  scope: Scope,
  name: 'bottender' | 'grammy' | 'octokit',
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const installed = await npmCiOnce('bots', __dirname)
  const folder = scope.tempDir('bot')
  await symlink(join(installed, 'node_modules'), join(folder, 'node_modules'))
  await cp(join(__dirname, name), folder, { recursive: true })
  const port = await freePort()
  await scope.spawn(process.execPath, ['bot.mjs'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
    ready: /the bot is up/,
    readyTimeoutMs: 60_000,
  })
  return port
}
