import type { Algorithms } from './algorithms'
import type { StrictHostKeyChecking } from './hostKey'
import type { KnownHost } from './knownHosts'

/** What ssh_config(5) resolves to for one destination: every field has its final value. */
export interface SshSettings {
  /** What the user wrote, for messages and for known_hosts aliases. */
  readonly destination: string
  readonly hostName: string
  readonly port: number
  readonly user: string
  readonly addressFamily: AddressFamily
  /** What is offered in the key exchange; a list is empty when ssh_config leaves nothing of it. */
  readonly algorithms: Algorithms
  readonly identityFiles: readonly string[]
  readonly identitiesOnly: boolean
  /**
   * The one key to log in with, in place of all others: an unencrypted private key in OpenSSH's format, kept in
   * memory. For a server this program started itself.
   */
  readonly fixedIdentity?: string
  /** Path of the agent's socket or pipe; undefined when no agent is to be used. */
  readonly identityAgent: string | undefined
  readonly userKnownHostsFiles: readonly string[]
  readonly globalKnownHostsFiles: readonly string[]
  /** Keys known without a file: those of a server this program started itself. */
  readonly fixedKnownHosts: readonly KnownHost[]
  readonly hostKeyAlias: string | undefined
  /** A file of keys that no host may show (ssh_config(5), RevokedHostKeys). */
  readonly revokedHostKeys: string | undefined
  /** Jump hosts in the order they are passed; empty for none (ssh_config(5), ProxyJump). */
  readonly proxyJump: readonly string[]
  /** With its tokens filled in. */
  readonly proxyCommand: string | undefined
  readonly hashKnownHosts: boolean
  readonly strictHostKeyChecking: StrictHostKeyChecking
  readonly connectTimeoutMs: number
  readonly serverAliveIntervalMs: number
  readonly serverAliveCountMax: number
  /** Options the configuration asks for that cannot be followed, each with its value and the reason. */
  readonly unsupported: readonly string[]
}

/** ssh_config(5), AddressFamily. */
export type AddressFamily = 'any' | 'inet' | 'inet6'
