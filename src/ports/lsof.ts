import { canonicalAddress } from './listeningPort'

/** A listening socket as `lsof -F pRcftn` tells it. */
export interface LsofListener {
  readonly pid: number
  readonly parentPid?: number | undefined
  readonly name: string
  readonly address: string
  readonly port: number
}

/**
 * The listeners of `lsof -nP -iTCP -sTCP:LISTEN -F pRcftn` (lsof(8), OUTPUT FOR OTHER PROGRAMS): one field
 * a line, named by its first letter; a `p` line begins a process, an `f` line a file of it.
 */
export function parseLsofListeners(text: string): readonly LsofListener[] {
  const listeners: LsofListener[] = []
  for (const { process, type, name } of files(text)) {
    const [, host, port] = /^(.*):(\d+)(?: \(LISTEN\))?$/.exec(name) ?? []
    const address = host === '*' ? wildcards[type] : canonicalAddress(host ?? '')
    const pid = Number(process['p'])
    if (!address || !(pid > 0)) continue
    const parentPid = process['R'] === undefined ? undefined : Number(process['R'])
    listeners.push({ pid, parentPid, name: unescape(process['c'] ?? ''), address, port: Number(port) })
  }
  return listeners
}

/** The working folders of `lsof -a -p PIDS -d cwd -F pfn`, by pid. */
export function parseLsofFolders(text: string): ReadonlyMap<number, string> {
  const folders = new Map<number, string>()
  for (const { process, name } of files(text)) {
    if (name.startsWith('/')) folders.set(Number(process['p']), unescape(name))
  }
  return folders
}

const wildcards: Partial<Record<string, string>> = { IPv4: '0.0.0.0', IPv6: '::' }

interface LsofFile {
  readonly process: Readonly<Record<string, string>>
  readonly type: string
  readonly name: string
}

function files(text: string): readonly LsofFile[] {
  const found: LsofFile[] = []
  let process: Record<string, string> = {}
  let type = ''
  for (const line of text.split('\n')) {
    const field = line.charAt(0)
    const value = line.slice(1)
    if (field === 'p') process = {}
    if (field === 'f') type = ''
    if (field === 't') type = value
    else if (field === 'n') found.push({ process, type, name: value })
    else process[field] = value
  }
  return found
}

const escapes: Partial<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\' }

/** lsof writes what is not printable as `\n`, `\xe9` and the like; bytes of UTF-8 each for themselves. */
function unescape(text: string): string {
  const bytes = text.replace(/\\(?:x([0-9a-f]{2})|([bfnrt\\]))/g, (_, hex?: string, letter?: string) =>
    hex === undefined ? (escapes[letter ?? ''] ?? '') : `${BYTE}${hex}`,
  )
  return bytes.replace(new RegExp(`(?:${BYTE}[0-9a-f]{2})+`, 'g'), (run) =>
    Buffer.from(run.replaceAll(BYTE, ''), 'hex').toString('utf8'),
  )
}

// A character that no text holds: marks a byte while its neighbours are gathered.
const BYTE = '\uFFFF'
