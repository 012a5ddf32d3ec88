import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findTool } from './tools'

const run = promisify(execFile)

/** The packed root, made once for each release and kept beside the project's packages. */
export async function bareRootArchive(): Promise<string> {
  if (process.getuid?.() !== 0) throw new Error('a bare server needs namespaces, so run this test as root')
  const release = readFileSync('/etc/os-release', 'utf8')
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1]
  if (suite === undefined)
    throw new Error('a bare server is made from the packages of Debian or Ubuntu; this is neither')
  const recipe = createHash('sha256')
    .update(JSON.stringify([included, installable, repository, recipeVersion]))
    .digest('hex')
  const cache = join(import.meta.dirname, '../../node_modules/.cache/bare-root')
  const archive = join(cache, `${suite}-${process.arch}-${recipe.slice(0, 8)}.tar`)
  if (existsSync(archive)) return archive
  // Older ones are of no use any more.
  rmSync(cache, { recursive: true, force: true })
  mkdirSync(cache, { recursive: true })
  const making = join(cache, `making-${process.pid}`)
  try {
    await makeRoot(making, suite)
    await run('tar', ['-cpf', `${making}.tar`, '--numeric-owner', '-C', making, '.'])
    renameSync(`${making}.tar`, archive)
  } finally {
    rmSync(making, { recursive: true, force: true })
    rmSync(`${making}.tar`, { force: true })
  }
  return archive
}

/** What a root is made of; another recipe makes another archive. */
const included = ['openssh-server', 'sudo', 'systemd-sysv', 'dbus']
const installable = ['caddy', 'ca-certificates']
const repository = 'srv/packages'
/** Raised when the code below makes another root of the same packages. */
const recipeVersion = 3

interface Source {
  readonly mirror: string
  readonly suite: string
  readonly component: string
}

async function makeRoot(root: string, suite: string): Promise<void> {
  const sources = (await aptSources()).filter((source) => source.suite === suite)
  const mirror = sources.find(({ component }) => component === 'main')?.mirror
  if (mirror === undefined)
    throw new Error(`apt has no source for ${suite}; is its list empty? apt-get update`)
  const components = sources.filter((source) => source.mirror === mirror).map(({ component }) => component)
  await run(
    findTool('debootstrap'),
    [
      '--variant=minbase',
      `--include=${included.join(',')}`,
      `--components=${[...new Set(components)].join(',')}`,
      ...['--keyring', keyring()],
      ...[suite, root, mirror],
    ],
    { maxBuffer: 10_000_000 },
  )
  await makeRepository(root)
  // It lives for minutes: nothing in it has to reach the disk.
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n')
  // Nobody sits at its console.
  symlinkSync('/dev/null', join(root, 'etc/systemd/system/getty.target'))
}

/** Where this machine itself gets its packages from. */
async function aptSources(): Promise<Source[]> {
  // RELEASE is as written in the sources; Ubuntu's updates bear the same CODENAME.
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)'
  const list = () => run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  let { stdout } = await list()
  if (stdout === '') {
    await run('apt-get', ['-qq', 'update'])
    stdout = (await list()).stdout
  }
  return stdout.split('\n').map((line) => {
    const [mirror = '', suite = '', component = ''] = line.split('|')
    return { mirror, suite, component }
  })
}

function keyring(): string {
  const names = ['debian-archive-keyring.gpg', 'ubuntu-archive-keyring.gpg']
  const paths = names.map((name) => `/usr/share/keyrings/${name}`)
  const release = readFileSync('/etc/os-release', 'utf8')
  return (/^ID=ubuntu$/m.test(release) ? paths[1] : paths[0]) ?? ''
}

/** The server has no internet: what it may install lies in a repository of its own. */
async function makeRepository(root: string): Promise<void> {
  const directory = join(root, repository)
  mkdirSync(join(directory, 'partial'), { recursive: true })
  const download = () =>
    run('apt-get', [
      ...['-qq', '-y', '--download-only', '--no-install-recommends'],
      // As seen from the new root: whatever it has not.
      ...['-o', `Dir::State::status=${join(root, 'var/lib/dpkg/status')}`],
      ...[
        '-o',
        `Dir::Cache::archives=${directory}`,
        '-o',
        'Debug::NoLocking=true',
        '-o',
        'APT::Sandbox::User=root',
      ],
      ...['-o', 'APT::Keep-Downloaded-Packages=true'],
      ...['install', ...installable],
    ])
  // The lists may be older than the mirror.
  await download().catch(async () => {
    await run('apt-get', ['-qq', 'update'])
    await download()
  })
  rmSync(join(directory, 'partial'), { recursive: true })
  const entries: string[] = []
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const { stdout } = await run('dpkg-deb', ['--field', path])
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
    const { size } = await stat(path)
    entries.push(`${stdout.trim()}\nFilename: ./${name}\nSize: ${size}\nSHA256: ${sha256}\n`)
  }
  writeFileSync(join(directory, 'Packages'), entries.join('\n'))
  writeFileSync(join(root, 'etc/apt/sources.list'), `deb [trusted=yes] file:/${repository} ./\n`)
}
