// `npm run bench`: measures ours side by side with OpenSSH's client. It needs Node.js and npm only.
import { readdirSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { endTogether, run } from '../support/children.mjs'
import { installPackages, installPrograms, removePolicy } from '../support/install.mjs'

const root = resolve(import.meta.dirname, '../..')

async function main() {
  if (process.platform !== 'linux') {
    console.error('The measuring reads /proc, which only Linux has.')
    return 2
  }
  if (!(await installPackages(root))) return 1
  await installPrograms(['sshd', 'ssh', 'nginx', 'wrk', 'ss'])
  await bundleProcesses()
  const bench = ['--import=tsx', join(root, 'test/bench/main.ts'), ...process.argv.slice(2)]
  return run(process.execPath, bench, { cwd: root })
}

/** As the extension is bundled, so that what is measured is what people run. */
async function bundleProcesses() {
  // It comes with the packages.
  const { bundle } = await import('../../bundle.mjs')
  const outdir = join(root, 'out/bench')
  rmSync(outdir, { recursive: true, force: true })
  const folder = join(root, 'test/bench/processes')
  const built = new Set()
  for (const file of readdirSync(folder)) {
    await bundle(join(folder, file), { name: basename(file, '.ts'), outdir, built })
  }
}

endTogether(removePolicy)
process.exitCode = await main()
