import type { KnownHost } from './knownHosts'

/** What a connection asks a person. Every answer may be undefined: the person closed the question. */
export interface SshPrompts {
  /** True to trust and remember the key. */
  unknownHostKey(question: {
    readonly destination: string
    readonly keyType: string
    /** `SHA256:…` */
    readonly fingerprint: string
    readonly others: readonly KnownHost[]
  }): Promise<boolean>
  password(question: {
    readonly user: string
    readonly destination: string
    readonly again: boolean
  }): Promise<string | undefined>
  passphrase(question: PassphraseQuestion & { readonly again: boolean }): Promise<string | undefined>
  /** The last answer to this question was right. */
  passphraseProved(question: PassphraseQuestion): void
  /** The server's own questions (RFC 4256); the answers in their order. */
  keyboardInteractive(question: {
    readonly destination: string
    readonly name: string
    readonly instructions: string
    readonly prompts: readonly { readonly prompt: string; readonly echo: boolean }[]
  }): Promise<readonly string[] | undefined>
}

export interface PassphraseQuestion {
  readonly keyFile: string
  /** `SHA256:…` of its public half: another key at the same path is another question. */
  readonly fingerprint: string
}
