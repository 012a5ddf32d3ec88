import { closeSync, openSync, read, readSync } from 'node:fs'
import { promisify } from 'node:util'
import { kindOfLine } from './procNetTcp'

const readAsync = promisify(read)

/**
 * /proc/net/tcp or tcp6, read only as far as its listeners go.
 *
 * The kernel lists the listeners first and then walks the hash table of every other socket, hundreds of
 * thousands of buckets of which nearly all are empty: milliseconds of CPU, for nothing we want. A read
 * that asks for no more than the listeners of last time and the state of the line after them stops the
 * kernel where that hash table begins to yield sockets (fs/seq_file.c: a read ends once enough is
 * printed). The line after the listeners proves that there are no more of them, so the answer is exact.
 * How far the kernel walks to find that line is what `TableBookmarks` shortens.
 */
export class SocketTable {
  /** The listeners' lines of the last read, with the heading. */
  private known: string | undefined
  private listenersComeFirst: boolean

  /** `release` is the kernel's, as os.release() says it. */
  constructor(
    readonly path: string,
    release: string,
  ) {
    this.listenersComeFirst = listsListenersFirst(release)
  }

  /** True when a read stops after the listeners, so that a bookmark makes it cheaper. */
  get stopsEarly(): boolean {
    return this.listenersComeFirst
  }

  /**
   * The lines of the listeners, as they stand in the file; the same string while nothing about them
   * changed. Empty when the file does not exist (a kernel without IPv6). Throws other errors of fs.
   */
  async read(): Promise<string> {
    const fd = openOrNothing(this.path)
    if (fd === undefined) return ''
    try {
      if (this.known === undefined || !this.listenersComeFirst) return await this.readOn(fd, '')
      const head = readHead(fd, this.known.length + UP_TO_STATE)
      const next = head.slice(this.known.length)
      const isOver = next === '' || kindOfLine(next) === 'other'
      return head.startsWith(this.known) && isOver ? this.known : await this.readOn(fd, head)
    } finally {
      closeSync(fd)
    }
  }

  /** Reads on after `text` until the listeners are over, in small bites as long as that may be soon. */
  private async readOn(fd: number, text: string): Promise<string> {
    const mayStop = this.known !== undefined && this.listenersComeFirst
    const chunk = Buffer.allocUnsafe(PAGE)
    let listeners = ''
    let rest = text
    let othersBegan = false
    let isOver = false
    for (let bite = mayStop ? RECORD : PAGE; ; bite = Math.min(bite * 2, PAGE)) {
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (kindOfLine(line) === 'other') othersBegan = true
        else {
          if (othersBegan) this.listenersComeFirst = false
          listeners += `${line}\n`
        }
      }
      othersBegan ||= kindOfLine(rest) === 'other'
      if (isOver || (othersBegan && mayStop && this.listenersComeFirst)) break
      const { bytesRead } = await readAsync(fd, chunk, 0, bite, null)
      rest += chunk.toString('latin1', 0, bytesRead)
      isOver = bytesRead < bite && isEnd(bytesRead)
    }
    this.known = listeners
    return listeners
  }
}

// The file is printed a page at a time, whatever we ask for; a page may be larger, never smaller.
const PAGE = 4096
// A line of tcp is 150 bytes (TMPSZ in net/ipv4/tcp_ipv4.c), one of tcp6 a little more.
const RECORD = 150
const LONGEST_RECORD = 256
// The state of a tcp6 line ends at byte 89; no line is shorter than this.
const UP_TO_STATE = 100

/**
 * True when the kernel prints every listener before any other socket. Linux does (tcp_seq_start), with
 * half-open connections between them until 4.4. gVisor and WSL 1 print in an order of their own, and
 * call themselves 4.4 or by name.
 */
export function listsListenersFirst(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => parseInt(part, 10))
  return (major > 4 || (major === 4 && minor > 4)) && !/gvisor|Microsoft/.test(release)
}

function openOrNothing(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The first `size` bytes. Synchronous: a few pages cost less than one trip through the thread pool. */
function readHead(fd: number, size: number): string {
  const head = Buffer.allocUnsafe(size)
  let length = 0
  while (length < size) {
    const bytesRead = readSync(fd, head, length, size - length, null)
    length += bytesRead
    if (isEnd(bytesRead)) break
  }
  return head.toString('latin1', 0, length)
}

/** A read that did not fill its page came to the end; asking again would walk the whole table again. */
function isEnd(bytesRead: number): boolean {
  return bytesRead < PAGE - LONGEST_RECORD
}
