import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { canonicalAddress, type ListeningPort } from '../../../src/ports/listeningPort'
import { findTool } from '../../support/tools'

/** What `ss -ltn` prints, as `address port`, sorted, each once. */
export async function socketsOfSs(): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(findTool('ss'), ['-ltnH'], { maxBuffer: 16 << 20 })
  const sockets = stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, host = '', port = ''] = /^LISTEN +\d+ +\d+ +(\S+):(\d+) /.exec(line) ?? []
      const address = host === '*' ? '::' : canonicalAddress(host.replace(/%[^\]]*$/, ''))
      if (address === undefined) throw new Error(`cannot read this line of ss: ${line}`)
      return `${address} ${port}`
    })
  return [...new Set(sockets)].sort()
}

export function socketsOf(ports: readonly ListeningPort[]): readonly string[] {
  return ports.flatMap(({ port, addresses }) => addresses.map((address) => `${address} ${port}`)).sort()
}

/**
 * Looks while others on this machine hold still: what `ss` prints before and after is the same. Gives what
 * `look` saw and what `ss` printed.
 */
export async function lookBesideSs(
  look: () => Promise<readonly ListeningPort[]>,
): Promise<{ seen: readonly string[]; printed: readonly string[]; ports: readonly ListeningPort[] }> {
  for (;;) {
    const before = await socketsOfSs()
    const ports = await look()
    const printed = await socketsOfSs()
    if (before.join() === printed.join()) return { seen: socketsOf(ports), printed, ports }
  }
}
