import { createHash, randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import type { Log } from '../base/log'
import type { RateLimited } from './acmeFailures'
import type { CertificatePair } from './certificate'

/** An account with one authority. That it is here means that its terms were agreed to. */
export interface AcmeAccount {
  readonly keyPem: string
  /** Where the terms stood; null when the directory named none. */
  readonly agreedTo: string | null
}

/**
 * Keeps ACME accounts and certificates in a folder that is ours alone: the folder 0700, each file 0600. A file is
 * written beside its place and then renamed (a certificate, with its key in the same file: the last one stays) or
 * linked (an account: the first one stays). So windows of VS Code that write at the same time need no lock, and none
 * ever reads half a file. What cannot be read counts as absent.
 */
export class CertificateStore {
  /** Kept in memory: a tunnel that is opened anew shall not ask again too early. */
  private readonly rateLimits = new Map<string, RateLimited>()

  constructor(
    private readonly directory: string,
    private readonly log: Log,
  ) {}

  account(directoryUrl: string): Promise<AcmeAccount | undefined> {
    return this.read(accountSchema, accountFile(directoryUrl))
  }

  /**
   * Returns the account that stands from now on: this one, or that of a window which was faster.
   * @throws Node's error when the folder cannot be written.
   */
  async addAccount(directoryUrl: string, account: AcmeAccount): Promise<AcmeAccount> {
    const file = accountFile(directoryUrl)
    const beside = await this.writeBeside(file, account)
    try {
      for (;;) {
        if (await isLinked(beside, this.path(file))) return account
        const standing = await this.account(directoryUrl)
        if (standing !== undefined) return standing
        await rm(this.path(file), { force: true }) // damaged
      }
    } finally {
      await rm(beside, { force: true })
    }
  }

  certificate(directoryUrl: string, hostName: string): Promise<CertificatePair | undefined> {
    return this.read(pairSchema, certificateFile(directoryUrl, hostName))
  }

  /** @throws Node's error when the folder cannot be written. */
  async putCertificate(directoryUrl: string, hostName: string, pair: CertificatePair): Promise<void> {
    const file = certificateFile(directoryUrl, hostName)
    const beside = await this.writeBeside(file, { keyPem: pair.keyPem, certPem: pair.certPem })
    try {
      await rename(beside, this.path(file))
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
  }

  rateLimit(directoryUrl: string, hostName: string): RateLimited | undefined {
    return this.rateLimits.get(certificateFile(directoryUrl, hostName))
  }

  noteRateLimit(directoryUrl: string, hostName: string, failure: RateLimited): void {
    this.rateLimits.set(certificateFile(directoryUrl, hostName), failure)
  }

  private async read<T>(schema: v.GenericSchema<unknown, T>, file: string): Promise<T | undefined> {
    const path = this.path(file)
    try {
      return v.parse(schema, JSON.parse(await readFile(path, 'utf8')))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      // Not the error's text: it may quote the file.
      const reason = (error as NodeJS.ErrnoException).code ?? 'it is damaged'
      this.log.warn(`${path} cannot be used (${reason}), and counts as absent`)
      return undefined
    }
  }

  private async writeBeside(file: string, content: object): Promise<string> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 })
    await chmod(this.directory, 0o700) // it may have been there
    const path = this.path(`${file}.${randomBytes(6).toString('hex')}.tmp`)
    const handle = await open(path, 'wx', 0o600)
    try {
      await handle.writeFile(JSON.stringify(content))
      await handle.sync()
    } finally {
      await handle.close()
    }
    return path
  }

  private path(file: string): string {
    return join(this.directory, file)
  }
}

const accountSchema = v.object({ keyPem: v.string(), agreedTo: v.nullable(v.string()) })
const pairSchema = v.object({ keyPem: v.string(), certPem: v.string() })

/** False when there is a file of that name already. */
async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    await rename(from, to) // a file system without links, such as exFAT
  }
  return true
}

function accountFile(directoryUrl: string): string {
  return `account-${shortHash(directoryUrl)}.json`
}

/** The name is for people to read; the hash tells names and authorities apart. */
function certificateFile(directoryUrl: string, hostName: string): string {
  const readable = hostName
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '_')
    .slice(0, 100)
  return `certificate-${readable}-${shortHash(`${directoryUrl} ${hostName.toLowerCase()}`)}.json`
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
