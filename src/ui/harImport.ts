import { posix } from 'node:path'
import { window, workspace } from 'vscode'
import type { Exchanges } from '../http/exchanges'
import type { Tunnels } from '../tunnels/tunnels'
import { chooseTunnel } from './tunnelCommands'

/**
 * Lists the requests of a HAR file, to be replayed to an app that is exposed. Answers with the last one's id, or
 * undefined when nothing was chosen.
 * @throws Failure where the file cannot be read.
 */
export async function importHar(tunnels: Tunnels, exchanges: Exchanges): Promise<number | undefined> {
  const tunnel = await chooseTunnel(tunnels, 'To which app are the requests to be replayed?', undefined)
  if (tunnel === undefined) return undefined
  const [file] =
    (await window.showOpenDialog({ title: 'Import HAR', filters: { 'HTTP Archive': ['har', 'json'] } })) ?? []
  if (file === undefined) return undefined
  const { harLimits, readHar } = await import('../http/import/readHar')
  const text = Buffer.from(await workspace.fs.readFile(file)).toString()
  const { mostBodyBytes } = exchanges.limits()
  const read = readHar(text, posix.basename(file.path), { ...harLimits, mostBodyBytes })
  const ids = read.exchanges.map((exchange) => exchanges.add({ ...exchange, tunnelId: tunnel.id }).id)
  if (read.leftOut > 0) {
    void window.showInformationMessage(
      `${ids.length} requests are listed. ${read.leftOut} of the file are left out: they are not of HTTP, or broken.`,
    )
  }
  return ids.at(-1)
}
