import { randomBytes } from 'node:crypto'
import { posix } from 'node:path'
import type { Address, TcpAddress } from '../base/address'
import { Failure } from '../base/failure'
import type { Log } from '../base/log'
import type { Accept } from '../base/visitor'
import { failures } from './failures'
import { OwnSessions } from './ownSession'
import type { RemoteForward } from './remoteForwards'
import type { Sftp, SocketFile } from './sftp'
import type { Transport } from './transport'

export interface ForwardOptions {
  /** Somebody listens there, and a person has agreed to take the place. */
  readonly takesOver?: boolean
}

/**
 * Opens remote forwards where an earlier session of ours may still hold the address: a lost connection keeps its
 * listeners until sshd notices, and a unix socket's file stays even then. Frees what is ours, and only that:
 * a process that is proven to have served us, a socket file that is proven to be ours or to have nobody behind it.
 */
export class StaleListeners {
  private readonly sessions: OwnSessions
  /** By path, the socket file that we put there last. */
  private readonly files = new Map<string, SocketFile>()
  /** What is being done to each path: one thing at a time. */
  private readonly busy = new Map<string, Promise<unknown>>()
  /** The paths whose sockets a reverse proxy could not open by themselves. */
  private readonly opened = new Set<string>()
  private readonly sftp = new WeakMap<Transport, SharedSftp>()
  private hasNoSftp = false

  constructor(private readonly log: Log) {
    this.sessions = new OwnSessions(log)
  }

  /** @throws Failure when the server refuses, and nothing of ours is in the way. */
  forward(
    transport: Transport,
    bind: Address,
    accept: Accept,
    options: ForwardOptions = {},
  ): Promise<RemoteForward> {
    if (bind.kind === 'tcp') return this.forwardTcp(transport, bind, accept)
    return this.inTurn(bind.path, () => this.forwardUnix(transport, bind.path, accept, options))
  }

  /** Told of each transport that ended by itself. */
  onLost(transport: Transport): void {
    this.sessions.onLost(transport)
  }

  private async forwardTcp(transport: Transport, bind: TcpAddress, accept: Accept): Promise<RemoteForward> {
    const { sessions } = this
    const forward = await transport.forward(bind, accept).catch(async (error: unknown) => {
      if (!isTaken(error) || !(await sessions.endLost(transport))) throw error
      return transport.forward(bind, accept)
    })
    sessions.forgetLost()
    void sessions.remember(transport)
    return forward
  }

  /**
   * Lets a reverse proxy of another user open the socket: its group, or everyone where the directory itself keeps
   * others out. Sockets that come to this path later are opened too. Answers whether that changed anything.
   */
  openToProxy(transport: Transport, path: string): Promise<boolean> {
    return this.inTurn(path, () => this.open(transport, path))
  }

  private async open(transport: Transport, path: string): Promise<boolean> {
    try {
      return await this.withSftp(transport, async (sftp) => {
        const file = await sftp.look(path)
        const mode = await proxyMode(sftp, path)
        if (file?.isSocket !== true || (file.mode & mode) === mode) return false
        await sftp.setMode(path, file.mode | mode)
        this.opened.add(path)
        this.log.info(`${path} on ${transport.settings.hostName} can now be opened by its reverse proxy`)
        return true
      })
    } catch (error) {
      this.log.debug(`the mode of ${path} stays: ${String(error)}`)
      return false
    }
  }

  private async forwardUnix(
    transport: Transport,
    path: string,
    accept: Accept,
    options: ForwardOptions,
  ): Promise<RemoteForward> {
    const forward = await transport.forward({ kind: 'unix', path }, accept).catch((error: unknown) => {
      if (!isTaken(error)) throw error
      return this.takePlace(transport, path, accept, { refused: error, ...options })
    })
    if (this.opened.has(path)) await this.open(transport, path)
    let isOurs = true
    void this.rememberFile(transport, path, () => isOurs)
    const cancel = () => {
      // From now on somebody else may put a file there.
      isOurs = false
      return this.inTurn(path, async () => {
        await forward.cancel()
        await this.removeFile(transport, path)
      })
    }
    return { ...forward, address: { kind: 'unix', path }, cancel }
  }

  /**
   * Listens on a socket beside it and moves that over the one that stands there (rename(2): no visitor finds
   * nothing). For a sshd without "StreamLocalBindUnlink yes".
   */
  private async takePlace(
    transport: Transport,
    path: string,
    accept: Accept,
    { refused, takesOver = false }: ForwardOptions & { refused: Failure },
  ): Promise<RemoteForward> {
    const { log } = this
    const { settings } = transport
    const taken = await this.withSftp(transport, async (sftp) => {
      const standing = await sftp.look(path)
      if (standing === undefined) return undefined
      if (!standing.isSocket) throw failures.socketPathTaken(path, 'another file', settings)
      const beside = besides(path)
      let inPlace = false
      // Until it is in place only our own question comes there.
      const acceptInPlace: Accept = (visitor) => {
        if (inPlace) accept(visitor)
        else visitor.stream.destroy()
      }
      const forward = await transport.forward({ kind: 'unix', path: beside }, acceptInPlace)
      try {
        const fresh = await sftp.look(beside)
        if (fresh === undefined) return undefined
        if (fresh.uid !== standing.uid) throw failures.socketPathTaken(path, 'another user', settings)
        if (!takesOver && !isSame(standing, this.files.get(path))) {
          // Where sshd does not let us ask, silence says nothing: it must be heard on a socket that is alive.
          if (!(await transport.answersOn(beside))) return undefined
          if (await transport.answersOn(path)) {
            throw failures.socketPathTaken(path, 'another listener', settings)
          }
        }
        // sshd gives 0600 (StreamLocalBindMask), which no reverse proxy of another user can open.
        await sftp.setMode(beside, fresh.mode | (await proxyMode(sftp, path)))
        await sftp.replace(beside, path)
        inPlace = true
        log.info(`${path} on ${settings.hostName} was there already, and is replaced`)
        return forward
      } finally {
        if (!inPlace) {
          await forward.cancel()
          await sftp.remove(beside).catch(() => undefined)
        }
      }
    }).catch((error: unknown) => {
      if (error instanceof Failure) throw error
      log.debug(`${path} could not be replaced: ${String(error)}`)
      return undefined
    })
    if (taken === undefined) throw refused
    return taken
  }

  /** So that it is known again when it stands in our own way. */
  private async rememberFile(transport: Transport, path: string, isOurs: () => boolean): Promise<void> {
    this.files.delete(path)
    try {
      const file = await this.withSftp(transport, (sftp) => sftp.look(path))
      if (file && isOurs() && transport.isOpen) this.files.set(path, file)
    } catch (error) {
      this.log.debug(`the socket file of ${path} is not known: ${String(error)}`)
    }
  }

  /** sshd leaves the file when a forward is cancelled; a proxy in front would go on trying it. */
  private async removeFile(transport: Transport, path: string): Promise<void> {
    const ours = this.files.get(path)
    this.files.delete(path)
    if (ours === undefined || !transport.isOpen) return
    try {
      await this.withSftp(transport, async (sftp) => {
        // Bound within the same second, another's looks the same; but behind ours there is nobody any more.
        const [file, answers] = await Promise.all([sftp.look(path), transport.answersOn(path)])
        if (isSame(file, ours) && !answers) await sftp.remove(path)
      })
    } catch (error) {
      this.log.debug(`the socket file ${path} stays: ${String(error)}`)
    }
  }

  private async withSftp<T>(transport: Transport, use: (sftp: Sftp) => Promise<T>): Promise<T> {
    if (this.hasNoSftp) throw new Error('the server has no SFTP for us')
    const shared = this.sftp.get(transport) ?? new SharedSftp(transport)
    this.sftp.set(transport, shared)
    try {
      return await shared.use(use)
    } catch (error) {
      // Asked once: a locked server would refuse each time.
      this.hasNoSftp ||= !shared.hasOpened && transport.isOpen
      throw error
    }
  }

  private async inTurn<T>(path: string, act: () => Promise<T>): Promise<T> {
    const before = this.busy.get(path) ?? Promise.resolve()
    const result = before.then(act)
    const done = result.catch(() => undefined)
    this.busy.set(path, done)
    try {
      return await result
    } finally {
      if (this.busy.get(path) === done) this.busy.delete(path)
    }
  }
}

/** One SFTP session for all who need it at the same time: sshd allows ten to a connection (MaxSessions). */
class SharedSftp {
  hasOpened = false
  private users = 0
  private session: Promise<Sftp> | undefined

  constructor(private readonly transport: Transport) {}

  async use<T>(use: (sftp: Sftp) => Promise<T>): Promise<T> {
    this.users++
    const session = (this.session ??= this.transport.openSftp())
    try {
      const sftp = await session
      this.hasOpened = true
      return await use(sftp)
    } finally {
      if (--this.users === 0) {
        this.session = undefined
        session.then((sftp) => sftp.close()).catch(() => undefined)
      }
    }
  }
}

/** What a proxy must have: connecting to a unix socket takes the right to write (unix(7)). */
async function proxyMode(sftp: Sftp, path: string): Promise<number> {
  const directory = await sftp.look(posix.dirname(path))
  const keepsOthersOut = directory !== undefined && (directory.mode & 0o001) === 0
  return keepsOthersOut ? 0o666 : 0o660
}

function isTaken(error: unknown): error is Failure {
  return error instanceof Failure && error.kind === 'forward-address-taken'
}

function isSame(one: SocketFile | undefined, other: SocketFile | undefined): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    one.isSocket &&
    one.uid === other.uid &&
    one.boundAt === other.boundAt
  )
}

/** `/run/expose/.NAME-RANDOM.sock`, short enough for a socket (unix(7): sun_path). */
function besides(path: string): string {
  const directory = posix.dirname(path)
  const end = `-${randomBytes(6).toString('hex')}.sock`
  const room = longestSocketPath - Buffer.byteLength(directory) - '/.'.length - end.length
  return posix.join(directory, `.${posix.basename(path, '.sock').slice(0, Math.max(0, room))}${end}`)
}

const longestSocketPath = 107
