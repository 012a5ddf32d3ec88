import { readdirSync, readFileSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../freePort'
import { npmCiOnce } from '../npmCiOnce'
import type { Scope } from '../scope'

/** Starts a bot written with one of the frameworks of package.json, as its documents tell; resolves with its port. */
export function startFrameworkBot(
  scope: Scope,
  name: 'bottender' | 'grammy' | 'octokit',
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const folder = join(__dirname, name)
  const files = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')])
  return startBotOfNpm(scope, { files: Object.fromEntries(files) as Record<string, string>, env })
}

/** Starts `bot.mjs`, which finds the packages of package.json and PORT, and says that "the bot is up". */
export async function startBotOfNpm(
  scope: Scope,
  {
    files,
    env,
  }: { readonly files: Readonly<Record<string, string>>; readonly env: Readonly<Record<string, string>> },
): Promise<number> {
  const installed = await npmCiOnce('bots', __dirname)
  const folder = scope.tempDir('bot')
  await symlink(join(installed, 'node_modules'), join(folder, 'node_modules'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  const port = await freePort()
  await scope.spawn(process.execPath, ['bot.mjs'], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', PORT: String(port), ...env },
    ready: /the bot is up/,
    readyTimeoutMs: 60_000,
  })
  return port
}
