import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import * as path from 'node:path'
import { promisify } from 'node:util'
import { restoreProposedApiCheck } from './proposedApi'
import { extensionsLeftOut, serverRecipes, type Recipe, type VsCodeVersion } from './serverRecipes'

/** A VS Code server that can be started: `<nodePath> <serverMain> …`. */
export interface ServerBuild {
  readonly version: VsCodeVersion
  /** Absolute folder that holds `out/`, `extensions/` and `node_modules/`. */
  readonly folder: string
  /** Absolute path of `out/server-main.js`. */
  readonly serverMain: string
  /** Absolute path of the Node.js that this server was made for. */
  readonly nodePath: string
}

/**
 * Makes the VS Code server build of this version from the npm package `code-server`, once; later calls find it
 * in `.vscode-test/` of the project. Needs node, npm and tar, no compiler. Linux only.
 *
 * Safe to interrupt and to call from two processes at once: the build is made beside its place and renamed.
 * @throws Error with the output of npm or tar when one of them fails.
 */
export async function installServerBuild(version: VsCodeVersion): Promise<ServerBuild> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Error(
      `The VS Code server build is made for Linux on x64 or arm64, not ${process.platform} on ${process.arch}. ` +
        `Run the window tests there, or in the project's CI.`,
    )
  }
  const recipe = serverRecipes[version]
  const fingerprint = await fingerprintOf(recipe)
  const place = path.join(cacheFolder, `server-${version}`)
  if (!(await isComplete(place, fingerprint))) {
    await mkdir(cacheFolder, { recursive: true })
    await removeAbandonedBuilds()
    const draft = await mkdtemp(path.join(cacheFolder, `${draftPrefix}${version}-`))
    try {
      await make(recipe, draft)
      await writeFile(path.join(draft, completeMarker), fingerprint)
      if (!(await isComplete(place, fingerprint))) {
        await rm(place, { recursive: true, force: true })
        await rename(draft, place)
      }
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
  }
  return {
    version,
    folder: place,
    serverMain: path.join(place, 'out', 'server-main.js'),
    nodePath: runningNodeFits(recipe) ? process.execPath : path.join(place, 'node', 'bin', 'node'),
  }
}

/** Runs a program to its end and gives its standard output; the error of a failure holds what it said. */
export async function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<string> {
  return (await promisify(execFile)(command, args, { ...options, maxBuffer: 64 * 1024 * 1024 })).stdout
}

export const projectRoot = path.resolve(__dirname, '..', '..', '..')

const cacheFolder = path.join(projectRoot, '.vscode-test')
const completeMarker = 'complete'
const draftPrefix = 'draft-'

async function make(recipe: Recipe, folder: string): Promise<void> {
  await unpack(`code-server@${recipe.codeServer}`, folder, {
    take: 'package/lib/vscode',
    stripComponents: 3,
    leaveOut: ['*.map', ...extensionsLeftOut.map((name) => `*/extensions/${name}`)],
  })
  if (!runningNodeFits(recipe)) {
    await unpack(`node-linux-${process.arch}@${recipe.node}`, path.join(folder, 'node'), {
      take: 'package/bin/node',
      stripComponents: 1,
      leaveOut: [],
    })
  }
  await installPackages(recipe, folder)
  await putStandInsInPlace(folder)
  await putRipgrepInPlace(folder)
  await restoreProposedApiCheck(path.join(folder, 'out'))
}

async function unpack(
  npmPackage: string,
  folder: string,
  options: { take: string; stripComponents: number; leaveOut: readonly string[] },
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const packed = await run('npm', ['pack', npmPackage, '--silent', '--pack-destination', folder], {
    cwd: folder,
  })
  const archive = path.join(folder, packed.trim().split('\n').at(-1) ?? '')
  const leaveOut = options.leaveOut.map((pattern) => `--exclude=${pattern}`)
  const strip = `--strip-components=${String(options.stripComponents)}`
  await run('tar', ['-xzf', archive, '-C', folder, strip, ...leaveOut, options.take], { cwd: folder })
  await rm(archive)
}

interface LockedPackage {
  version?: string
  resolved?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

interface Lock {
  packages: Record<string, LockedPackage>
}

/**
 * `npm ci` on the shrinkwrap file that code-server ships fails, and most of what it lists is native modules that
 * nothing here uses. So: keep the versions it names, drop what the server does not load.
 */
async function installPackages(recipe: Recipe, folder: string): Promise<void> {
  const lockFile = path.join(folder, 'npm-shrinkwrap.json')
  const manifestFile = path.join(folder, 'package.json')
  const lock = JSON.parse(await readFile(lockFile, 'utf8')) as Lock
  const manifest = JSON.parse(await readFile(manifestFile, 'utf8')) as { version: string }

  const dependencies: Record<string, string> = { ...recipe.pinned }
  for (const name of recipe.packages) {
    const version = lock.packages[`node_modules/${name}`]?.version
    if (version === undefined) throw new Error(`code-server ${recipe.codeServer} no longer lists ${name}`)
    dependencies[name] = version
  }
  const kept = reachable(lock, recipe.packages)
  for (const locked of Object.values(kept)) {
    // npm then takes the package from the registry this machine is set up for.
    delete locked.resolved
  }
  const root = { name: 'vscode-server', version: manifest.version, dependencies }
  await writeFile(manifestFile, JSON.stringify({ ...root, private: true, type: 'module' }, null, 2))
  await rm(lockFile)
  await writeFile(
    path.join(folder, 'package-lock.json'),
    JSON.stringify({ ...root, lockfileVersion: 3, requires: true, packages: { '': root, ...kept } }, null, 2),
  )
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=dev'], { cwd: folder })
}

function reachable(lock: Lock, names: readonly string[]): Record<string, LockedPackage> {
  const kept: Record<string, LockedPackage> = {}
  const visit = (name: string, from: string): void => {
    // Node's own rule: the nearest node_modules folder upwards that holds the package.
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
      const key = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
      const locked = lock.packages[key]
      if (locked !== undefined) {
        if (key in kept) return
        kept[key] = locked
        for (const next of Object.keys({ ...locked.dependencies, ...locked.optionalDependencies }))
          visit(next, key)
        return
      }
      if (folder === '') return
    }
  }
  for (const name of names) visit(name, '')
  return kept
}

/** Stands in for native modules that need a compiler, or are not worth one. */
async function putStandInsInPlace(folder: string): Promise<void> {
  const scope = path.join(folder, 'node_modules')
  // Without it every output channel stays empty.
  await writePackage(scope, '@vscode/spdlog', await readFile(loggerTemplate, 'utf8'))
  // Ends an extension host whose server hangs; the reaper does. Its name depends on the VS Code version.
  for (const name of ['native-watchdog', '@vscode/native-watchdog']) {
    await writePackage(scope, name, 'exports.start = () => {}\n')
  }
}

async function writePackage(scope: string, name: string, source: string, type = 'commonjs'): Promise<void> {
  const place = path.join(scope, name)
  await mkdir(place, { recursive: true })
  await writeFile(path.join(place, 'package.json'), JSON.stringify({ name, type, main: 'index.js' }))
  await writeFile(path.join(place, 'index.js'), source)
}

/** Leaves only this platform's ripgrep, and offers it under the name that the older VS Code imports. */
async function putRipgrepInPlace(folder: string): Promise<void> {
  const binaries = path.join(folder, 'node_modules', '@vscode', 'ripgrep-universal', 'bin')
  for (const platform of await readdir(binaries)) {
    if (platform !== `linux-${process.arch}`) await rm(path.join(binaries, platform), { recursive: true })
  }
  const reexport = "export { rgPath } from '@vscode/ripgrep-universal'\n"
  await writePackage(path.join(folder, 'node_modules'), '@vscode/ripgrep', reexport, 'module')
}

const loggerTemplate = path.join(__dirname, 'spdlog.template.cjs')

function runningNodeFits(recipe: Recipe): boolean {
  return process.versions.node.split('.')[0] === recipe.node.split('.')[0]
}

async function fingerprintOf(recipe: Recipe): Promise<string> {
  const hash = createHash('sha256').update(
    JSON.stringify([recipe, extensionsLeftOut, process.arch, runningNodeFits(recipe)]),
  )
  for (const file of [__filename, require.resolve('./proposedApi'), loggerTemplate])
    hash.update(await readFile(file))
  return hash.digest('hex')
}

async function isComplete(folder: string, fingerprint: string): Promise<boolean> {
  try {
    return (await readFile(path.join(folder, completeMarker), 'utf8')) === fingerprint
  } catch {
    return false
  }
}

/** An install takes under a minute; a draft of an hour ago belongs to a process that was killed. */
async function removeAbandonedBuilds(): Promise<void> {
  const hour = 3_600_000
  for (const name of await readdir(cacheFolder)) {
    if (!name.startsWith(draftPrefix)) continue
    const draft = path.join(cacheFolder, name)
    const age = Date.now() - (await stat(draft)).mtimeMs
    if (age > hour) await rm(draft, { recursive: true, force: true })
  }
}
