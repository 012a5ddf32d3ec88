import type { Memento, SecretStorage } from 'vscode'
import type { Log } from '../base/log'
import type { Redactor } from '../base/redactor'
import type { PassphraseQuestion } from '../ssh/prompts'

export interface PassphraseDialogs {
  /** Undefined when it was closed. */
  ask(question: { readonly title: string; readonly prompt: string }): Promise<string | undefined>
  /** What is to become of a passphrase that was typed and right; undefined when the question was closed. */
  offer(keyFile: string): Promise<'remember' | 'not now' | 'never' | undefined>
}

/**
 * Asks for the passphrase of a key once: what proved right is kept in memory while the window is open, and in
 * SecretStorage if the person says so.
 */
export class RememberedPassphrases {
  private readonly proved = new Map<string, string>()
  /** The last answer for each key, until it proved right. */
  private readonly given = new Map<string, { readonly passphrase: string; readonly isTyped: boolean }>()

  constructor(
    private readonly parts: {
      readonly secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>
      /** Holds the keys whose passphrase is never to be remembered. */
      readonly memory: Pick<Memento, 'get' | 'update'>
      readonly dialogs: PassphraseDialogs
      readonly redactor: Redactor
      readonly log: Log
    },
  ) {}

  async passphrase(question: PassphraseQuestion & { readonly again: boolean }): Promise<string | undefined> {
    const { dialogs, redactor } = this.parts
    const { keyFile, again } = question
    const key = nameOf(question)
    const wasStored = again && this.given.get(key)?.isTyped === false
    if (wasStored) await this.forget(key)
    if (!again) {
      const known = this.proved.get(key) ?? (await this.stored(key))
      if (known !== undefined) {
        redactor.add(known)
        this.given.set(key, { passphrase: known, isTyped: false })
        return known
      }
    }
    const title = wasStored
      ? 'The remembered passphrase is no longer right'
      : again
        ? 'Wrong passphrase, try again'
        : 'Passphrase'
    const typed = await dialogs.ask({
      title,
      prompt: `Passphrase of the key ${keyFile}. It is kept in memory while this window is open.`,
    })
    if (typed !== undefined) {
      redactor.add(typed)
      this.given.set(key, { passphrase: typed, isTyped: true })
    }
    return typed
  }

  /** The last answer let the key be read. Asks in the background whether to keep it. */
  passphraseProved(question: PassphraseQuestion): void {
    const key = nameOf(question)
    const given = this.given.get(key)
    this.given.delete(key)
    if (given === undefined) return
    this.proved.set(key, given.passphrase)
    if (!given.isTyped || this.never().includes(key)) return
    this.keep(key, question.keyFile, given.passphrase).catch((error: unknown) =>
      this.parts.log.warn(`the passphrase of ${question.keyFile} could not be remembered: ${String(error)}`),
    )
  }

  private async keep(key: string, keyFile: string, passphrase: string): Promise<void> {
    const { secrets, memory, dialogs } = this.parts
    const answer = await dialogs.offer(keyFile)
    if (answer === 'remember') await secrets.store(key, passphrase)
    if (answer === 'never') await memory.update(neverKey, [...this.never(), key])
  }

  /** A machine without a keyring has a SecretStorage that fails: then it is asked for. */
  private async stored(key: string): Promise<string | undefined> {
    try {
      return await this.parts.secrets.get(key)
    } catch (error) {
      this.parts.log.warn(`SecretStorage cannot be read: ${String(error)}`)
      return undefined
    }
  }

  private async forget(key: string): Promise<void> {
    this.proved.delete(key)
    try {
      await this.parts.secrets.delete(key)
    } catch (error) {
      this.parts.log.warn(`a wrong passphrase could not be deleted: ${String(error)}`)
    }
  }

  private never(): readonly string[] {
    const stored: unknown = this.parts.memory.get(neverKey)
    return Array.isArray(stored) ? stored.filter((key) => typeof key === 'string') : []
  }
}

const neverKey = 'passphrases.never'

/** Another key at the same path never gets this one's passphrase. */
function nameOf({ keyFile, fingerprint }: PassphraseQuestion): string {
  return `passphrase ${fingerprint} ${keyFile}`
}
