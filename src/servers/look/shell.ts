import type { Duplex } from 'node:stream'
import type { Log } from '../../base/log'
import { parseProcNetTcp } from '../../ports/procNetTcp'
import type { Transport } from '../../ssh/transport'
import { bounded, type Bounds } from './bounded'
import type { DirectoryEvidence, ProxyRoute, RouteEvidence, ShellEvidence } from './evidence'
import { readProxies } from './proxies'
import { directoryScript, factsScript, sectionsOf, textOf, words, type Section } from './script'

/** A route, and the file where it was read. */
export type ConfiguredRoute = ProxyRoute & Pick<RouteEvidence, 'configFile'>

export interface ShellLook {
  readonly shell: ShellEvidence
  readonly routes: readonly ConfiguredRoute[]
}

/**
 * What commands of an ordinary user tell about sshd, the reverse proxies and their configuration. Undefined where no
 * command may be run. Nothing is changed there; what the look itself needs is removed.
 */
export async function lookInside(
  transport: Transport,
  bounds: Bounds,
  log: Log,
): Promise<ShellLook | undefined> {
  // A key with a command of its own must not have it run by us.
  const may = await bounded(bounds, 10_000, () => transport.run('echo expose'))
  if (may?.includes('expose') !== true) return undefined
  const sections = await runScript(transport, factsScript, bounds)
  const user = textOf(sections, 'user')
  if (user === '') return undefined
  for (const { name, text } of sections) log.debug(`${name}: ${text.length} characters`)
  const readings = readProxies(sections)
  return {
    shell: {
      isRoot: textOf(sections, 'uid') === '0',
      groups: words(textOf(sections, 'groups')),
      sshd: readSshd(textOf(sections, 'sshd')),
      listeners: readListeners(sections),
      firstUnprivilegedPort: numberOf(textOf(sections, 'unprivileged')),
      proxies: readings.map(({ proxy }) => proxy),
    },
    routes: readings.flatMap(({ proxy: { configFile = '' }, reading }) =>
      reading.routes.map((route) => ({ ...route, configFile })),
    ),
  }
}

/** Who owns these directories, and whether we may make a socket there. */
export async function lookAtDirectories(
  transport: Transport,
  paths: readonly string[],
  bounds: Bounds,
): Promise<readonly DirectoryEvidence[]> {
  if (paths.length === 0) return []
  const sections = await runScript(transport, directoryScript(paths), bounds)
  return sections
    .filter(({ name }) => name === 'directory')
    .map(({ detail, text }) => {
      const [state, mode, owner, group] = words(text)
      return {
        path: detail,
        isThere: state !== 'absent',
        isWritable: state === 'writable',
        mode: /^[0-7]{3,4}$/.test(mode ?? '') ? parseInt(mode ?? '', 8) : undefined,
        owner,
        group,
      }
    })
}

/** By standard input of `sh`, so that it does not matter which shell the user has. */
async function runScript(transport: Transport, script: string, bounds: Bounds): Promise<Section[]> {
  const printed = await bounded(bounds, scriptLimitMs, async (signal) => {
    const channel = await transport.openSession({ exec: 'sh' })
    if (signal.aborted) channel.destroy()
    signal.addEventListener('abort', () => channel.destroy(), { once: true })
    channel.end(script)
    return readAll(channel)
  })
  return sectionsOf(printed ?? '')
}

const scriptLimitMs = 20_000

function readAll(channel: Duplex): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    channel
      .on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= mostRead) chunks.push(chunk)
        else channel.destroy()
      })
      .once('close', () => resolve(Buffer.concat(chunks).toString('utf8')))
  })
}

/** In bytes: large configurations fit, a flood does not. */
const mostRead = 2 * 1024 * 1024

function numberOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}

/** sshd(8), -T: a keyword in lower case and its value on each line; `permitlisten` and others may come several times. */
function readSshd(text: string): ReadonlyMap<string, string> | undefined {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, keyword, value = ''] = /^([a-z0-9]+) (.*)$/.exec(line.trim()) ?? []
    if (keyword === undefined) continue
    const before = settings.get(keyword)
    settings.set(keyword, before === undefined ? value : `${before} ${value}`)
  }
  return settings.has('port') ? settings : undefined
}

function readListeners(sections: readonly Section[]): ShellEvidence['listeners'] {
  const table = textOf(sections, 'listeners')
  if (!sections.some(({ name, text }) => name === 'listeners' && text.includes(':'))) return undefined
  return parseProcNetTcp(table, 'LE').map(({ address, port }) => ({ address, port }))
}
