import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Disposable } from '../base/disposable'
import type { Log } from '../base/log'

/** A tunnel of a window on this machine. */
export interface Neighbour {
  /** What that window shows: the name of its workspace. */
  readonly window: string
  /** The destination of the SSH server, as written; empty for a service. */
  readonly ssh: string
  /** Where that server listens for it; empty for a service. */
  readonly address: string
  readonly port: number
  readonly publicUrl: string
  /** When it was opened, in milliseconds since the epoch: of two at one address, the later one took the place. */
  readonly since: number
}

/**
 * Tells the windows of one machine which addresses each of them has: a file for each process, in a folder they
 * share. It only explains; who gets an address is the server's to decide.
 */
export class Neighbours implements Disposable {
  private written: Promise<void> = Promise.resolve()
  private last = '[]'

  constructor(
    private readonly options: {
      /** Shared by all windows; made when it is first needed. */
      readonly directory: string
      /** The name of this window. */
      readonly window: string
      readonly log: Log
      /** Of this process unless given. */
      readonly pid?: number
    },
  ) {}

  /** Resolves when others can see it. Never rejects. */
  publish(own: readonly Omit<Neighbour, 'window'>[]): Promise<void> {
    const text = JSON.stringify(own.map((tunnel) => ({ ...tunnel, window: this.options.window })))
    if (text === this.last) return this.written
    this.last = text
    return (this.written = this.written.then(() => this.write(text)))
  }

  /** Who has this address on that server, if another living window has. Never rejects. */
  async holderOf(ssh: string, address: string): Promise<Neighbour | undefined> {
    const others = await this.others()
    return others.find((other) => other.ssh === ssh && other.address === address)
  }

  /** Who is public at this URL, if another living window is. Never rejects. */
  async holderOfUrl(publicUrl: string): Promise<Neighbour | undefined> {
    const { origin } = new URL(publicUrl)
    const others = await this.others()
    return others.find((other) => originOf(other.publicUrl) === origin)
  }

  dispose(): void {
    void this.publish([])
  }

  private async write(text: string): Promise<void> {
    const { directory, log } = this.options
    const file = join(directory, `${this.pid}.json`)
    try {
      if (text === '[]') {
        await rm(file, { force: true })
        return
      }
      await mkdir(directory, { recursive: true, mode: 0o700 })
      // Whoever reads sees the old or the new, never half of it.
      await writeFile(`${file}.new`, text, { mode: 0o600 })
      await rename(`${file}.new`, file)
    } catch (error) {
      log.debug(`other windows are not told of the open tunnels: ${String(error)}`)
    }
  }

  private async others(): Promise<Neighbour[]> {
    const { directory } = this.options
    const files = await readdir(directory).catch(() => [])
    const lists = await Promise.all(
      files.map(async (file) => {
        const pid = Number(/^(\d+)\.json$/.exec(file)?.[1])
        if (!Number.isInteger(pid) || pid === this.pid) return []
        if (isRunning(pid)) return readList(join(directory, file))
        // Its window ended without a goodbye.
        await rm(join(directory, file), { force: true }).catch(() => undefined)
        return []
      }),
    )
    return lists.flat()
  }

  private get pid(): number {
    return this.options.pid ?? process.pid
  }
}

/** Of what stands in a file; undefined where that is no URL. */
function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}

/** For a sentence: whose window it is, and what it has there. */
export function describeNeighbour({ window, port, publicUrl }: Neighbour): string {
  return `the window "${window}", for its port ${port} at ${publicUrl}`
}

const list = v.array(
  v.object({
    window: v.string(),
    ssh: v.string(),
    address: v.string(),
    port: v.number(),
    publicUrl: v.string(),
    since: v.number(),
  }),
)

async function readList(file: string): Promise<readonly Neighbour[]> {
  try {
    const read = v.safeParse(list, JSON.parse(await readFile(file, 'utf8')))
    return read.success ? read.output : []
  } catch {
    return []
  }
}

/** kill(2): signal 0 only asks; EPERM means that it runs as somebody else. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
