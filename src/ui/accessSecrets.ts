import type { SecretStorage } from 'vscode'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'
import { newLinkKey } from '../http/access/shareLink'

/** The passwords of ports and the key of shared links, of this workspace on this machine. */
export class AccessSecrets {
  /** A machine without a keyring has a SecretStorage that fails: then they last as long as the window. */
  private readonly known = new Map<string, string>()

  constructor(
    private readonly parts: {
      readonly secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>
      /** Tells workspaces apart. */
      readonly workspace: string
      readonly redactor: Pick<Redactor, 'add'>
      readonly log: Log
    },
  ) {}

  /** The password of a port, by its key in the settings. */
  password(port: string): Promise<string | undefined> {
    return this.get(this.passwordName(port))
  }

  async setPassword(port: string, password: string | undefined): Promise<void> {
    await this.set(this.passwordName(port), password)
  }

  async linkKey(): Promise<string> {
    return (await this.get(this.linkKeyName)) ?? (await this.renewLinkKey())
  }

  /** Ends all links that were shared. */
  async renewLinkKey(): Promise<string> {
    const key = newLinkKey()
    await this.set(this.linkKeyName, key)
    return key
  }

  private passwordName(port: string): string {
    return `access password ${port} ${this.parts.workspace}`
  }

  private get linkKeyName(): string {
    return `access links ${this.parts.workspace}`
  }

  private async get(name: string): Promise<string | undefined> {
    const { secrets, redactor, log } = this.parts
    try {
      const stored = this.known.get(name) ?? (await secrets.get(name))
      if (stored !== undefined) redactor.add(stored)
      return stored
    } catch (error) {
      log.warn(`SecretStorage cannot be read: ${String(error)}`)
      return undefined
    }
  }

  private async set(name: string, secret: string | undefined): Promise<void> {
    const { secrets, redactor, log } = this.parts
    if (secret === undefined) this.known.delete(name)
    else {
      redactor.add(secret)
      this.known.set(name, secret)
    }
    try {
      await (secret === undefined ? secrets.delete(name) : secrets.store(name, secret))
    } catch (error) {
      log.warn(`SecretStorage cannot be written, so this lasts as long as the window: ${String(error)}`)
    }
  }
}
