import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../freePort'
import type { Scope } from '../scope'
import { projectRoot, run } from '../vscode/serverBuild'

/** Frameworks that people write bots with, each in the version that the tests know. */
const frameworks = { bottender: '1.5.5', grammy: '1.46.0', '@octokit/webhooks': '14.2.0' }

/** Starts a bot written with one of them, as its documents tell; resolves with its port. */
export async function startFrameworkBot(
  scope: Scope,
  name: 'bottender' | 'grammy' | 'octokit',
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const installed = await installFrameworks()
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

/** Once; later calls find them in `.vscode-test/` of the project. */
async function installFrameworks(): Promise<string> {
  const cache = join(projectRoot, '.vscode-test')
  const place = join(cache, 'bots')
  const wanted = JSON.stringify({ private: true, dependencies: frameworks })
  if ((await readFile(join(place, 'package.json'), 'utf8').catch(() => '')) === wanted) return place
  await mkdir(cache, { recursive: true })
  const draft = await mkdtemp(join(cache, 'draft-bots-'))
  try {
    await writeFile(join(draft, 'package.json'), wanted)
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--silent']
    await run('npm', ['install', ...quiet], { cwd: draft })
    await rm(place, { recursive: true, force: true })
    await rename(draft, place)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return place
}
