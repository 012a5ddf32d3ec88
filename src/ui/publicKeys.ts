import { readFile, readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, sep } from 'node:path'
import type { Clock } from '../base/clock'
import { readGatewayKey, type GatewayKey } from '../servers/prepare/request'
import { Agent } from '../ssh/agent'
import { keyTypeOf } from '../ssh/publicKey'
import { loadSsh2 } from '../ssh/ssh2Library'

/** A public key that may be let in, and where the private half is. */
export interface FoundKey extends GatewayKey {
  /** The private key's file, where it lies beside the public one. */
  readonly privateFile?: string
  /** Such as `~/.ssh/id_ed25519.pub`, or `ssh-agent`. */
  readonly place: string
}

/** The keys of ~/.ssh/*.pub, and those that only the agent has, each once. */
export async function findPublicKeys(options: {
  readonly agent: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}): Promise<readonly FoundKey[]> {
  const found = [...(await keysOfFiles(join(homedir(), '.ssh'))), ...(await keysOfAgent(options))]
  return found.filter(
    (key, index) => found.findIndex(({ fingerprint }) => fingerprint === key.fingerprint) === index,
  )
}

/** The keys of the `.pub` files in a folder, by name; what cannot be read has none. */
export async function keysOfFiles(folder: string): Promise<readonly FoundKey[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.pub')).sort()
  const keys = await Promise.all(
    names.map(async (name): Promise<FoundKey[]> => {
      const path = join(folder, name)
      const text = await readFile(path, 'utf8').catch(() => '')
      const key = readGatewayKey(text)
      if (key === undefined) return []
      const privateFile = path.slice(0, -'.pub'.length)
      const isThere = await stat(privateFile).then(
        (stats) => stats.isFile(),
        () => false,
      )
      return [{ ...key, place: inHome(path), ...(isThere ? { privateFile } : {}) }]
    }),
  )
  return keys.flat()
}

/** `~/.ssh/id_ed25519` for a file in the home folder. */
export function inHome(path: string): string {
  const home = homedir()
  return path.startsWith(home + sep) ? `~${path.slice(home.length).replaceAll(sep, '/')}` : path
}

/** None where there is no agent, or it does not answer. */
async function keysOfAgent({
  agent: path,
  clock,
  signal,
}: {
  readonly agent: string | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}): Promise<readonly FoundKey[]> {
  if (path === undefined) return []
  const agent = new Agent({ ssh2: await loadSsh2(), path, clock, signal })
  const keys = await agent.keys().catch(() => [])
  return keys.flatMap(({ blob, comment }) => {
    const key = readGatewayKey(`${keyTypeOf(blob) ?? ''} ${blob.toString('base64')} ${comment}`)
    return key === undefined ? [] : [{ ...key, place: 'ssh-agent' }]
  })
}
