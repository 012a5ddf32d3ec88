import type { Client, SFTPWrapper } from 'ssh2'
import type { Clock } from '../base/clock'
import { within } from '../base/within'

/** What tells one socket file from another: SFTP has no inode numbers. */
export interface SocketFile {
  readonly isSocket: boolean
  readonly mode: number
  readonly uid: number
  /** When it was bound, in seconds since the epoch, by the server's clock. */
  readonly boundAt: number
}

/** The few requests of SFTP (draft-ietf-secsh-filexfer-02) that keeping a socket file in order takes. */
export class Sftp {
  /** @throws Error when the server has no SFTP for us. */
  static open(client: Client, clock: Clock): Promise<Sftp> {
    const opened = new Promise<Sftp>((resolve, reject) => {
      client.sftp((error, sftp) => {
        if (error) return reject(error)
        // A server that speaks nonsense ends the channel; what was asked then fails.
        sftp.on('error', () => undefined)
        resolve(new Sftp(sftp, clock))
      })
    })
    return within(clock, limitMs, opened, (late) => late.close())
  }

  private constructor(
    private readonly sftp: SFTPWrapper,
    private readonly clock: Clock,
  ) {}

  /** Undefined where there is no such file, or none that may be seen. */
  look(path: string): Promise<SocketFile | undefined> {
    const looked = new Promise<SocketFile | undefined>((resolve) => {
      this.sftp.lstat(path, (error, stats) => {
        if (error) return resolve(undefined)
        const { uid, mode, mtime: boundAt } = stats
        resolve({ isSocket: stats.isSocket(), mode: mode & 0o7777, uid, boundAt })
      })
    })
    return within(this.clock, limitMs, looked)
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.ask((done) => this.sftp.chmod(path, mode, done))
  }

  /** Atomically, as rename(2); the `rename` of SFTP itself refuses where something stands. */
  replace(from: string, to: string): Promise<void> {
    return this.ask((done) => this.sftp.ext_openssh_rename(from, to, done))
  }

  remove(path: string): Promise<void> {
    return this.ask((done) => this.sftp.unlink(path, done))
  }

  close(): void {
    this.sftp.end()
  }

  /** ssh2 throws at once for what the server does not have. */
  private ask(request: (done: (error?: Error | null) => void) => void): Promise<void> {
    const asked = new Promise<void>((resolve, reject) => {
      request((error) => (error ? reject(error) : resolve()))
    })
    return within(this.clock, limitMs, asked)
  }
}

/** A server that says yes to SFTP and then no word, such as one whose shell prints a greeting. */
const limitMs = 5000
