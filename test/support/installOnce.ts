import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Where what the tests install for themselves is kept between runs. */
export const installFolder = resolve(__dirname, '..', '..', '.vscode-test')

/**
 * Makes a folder of this name in `installFolder` once; later calls find it, until `recipe` is another. Answers with
 * its path. Safe to interrupt and to call from two processes at once: it is made beside its place and renamed.
 */
export async function installOnce(
  name: string,
  recipe: readonly (string | Uint8Array)[],
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256')
  for (const part of recipe) hash.update(part)
  const fingerprint = hash.digest('hex')
  const place = join(installFolder, name)
  if (await isComplete(place, fingerprint)) return place
  await mkdir(installFolder, { recursive: true })
  await removeAbandonedDrafts()
  const draft = await mkdtemp(join(installFolder, `${draftPrefix}${name}-`))
  try {
    await make(draft)
    await writeFile(join(draft, completeMarker), fingerprint)
    if (!(await isComplete(place, fingerprint))) {
      await rm(place, { recursive: true, force: true })
      await rename(draft, place)
    }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return place
}

const completeMarker = 'complete'
const draftPrefix = 'draft-'

async function isComplete(folder: string, fingerprint: string): Promise<boolean> {
  try {
    return (await readFile(join(folder, completeMarker), 'utf8')) === fingerprint
  } catch {
    return false
  }
}

/** An install takes a minute or two; a draft of an hour ago belongs to a process that was killed. */
async function removeAbandonedDrafts(): Promise<void> {
  const hour = 3_600_000
  for (const name of await readdir(installFolder)) {
    if (!name.startsWith(draftPrefix)) continue
    const draft = join(installFolder, name)
    const age = Date.now() - (await stat(draft)).mtimeMs
    if (age > hour) await rm(draft, { recursive: true, force: true })
  }
}
