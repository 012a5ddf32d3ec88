import { canonicalAddress } from './listeningPort'

/** A listening socket as Windows' netstat tells it. */
export interface NetstatListener {
  readonly address: string
  readonly port: number
  readonly pid: number
}

/**
 * The listeners of `netstat -ano` on Windows. The word for the state is in Windows' language, so a
 * listener is known by its foreign address: only it has the wildcard with port 0.
 */
export function parseNetstat(text: string): readonly NetstatListener[] {
  const listeners: NetstatListener[] = []
  for (const line of text.split(/\r?\n/)) {
    const [, host, port, pid] = /^ *TCP +(\S+):(\d+) +(?:0\.0\.0\.0|\[::\]):0 .*?(\d+) *$/.exec(line) ?? []
    const address = canonicalAddress(host ?? '')
    if (address !== undefined) listeners.push({ address, port: Number(port), pid: Number(pid) })
  }
  return listeners
}
