import { formatHostPort } from '../base/address'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import { failures } from './failures'
import { decideHostKey, orderHostKeyAlgorithms } from './hostKey'
import { canBeFiled, knownHostName, type KnownHost } from './knownHosts'
import { readKnownHosts, readRevokedKeys, rememberHostKey } from './knownHostsFile'
import type { SshPrompts } from './prompts'
import { fingerprint, publicKeyFromBlob, type PublicKey } from './publicKey'
import type { SshSettings } from './settings'

interface HostKeyCheckOptions {
  readonly settings: SshSettings
  readonly prompts: SshPrompts
  readonly log: Log
  /** Runs a question; the caller stops its clocks meanwhile. */
  readonly asking: <T>(ask: () => Promise<T>) => Promise<T>
}

/** Carries out what decideHostKey decides: asks, remembers, refuses. One object serves one transport. */
export class HostKeyCheck {
  /** Set when the key was refused. */
  failure: Failure | undefined
  private trusted: Buffer | undefined
  /** As the host is filed in known_hosts. */
  private readonly name: string

  private constructor(
    private readonly options: HostKeyCheckOptions,
    private readonly knownHosts: readonly KnownHost[],
  ) {
    const { settings } = options
    this.name = settings.hostKeyAlias ?? knownHostName(settings.hostName, settings.port)
  }

  /**
   * Reads the known_hosts files before the handshake, because they decide which key types are offered first.
   * @throws Failure when the file of revoked keys cannot be read, as ssh refuses every host then.
   */
  static async start(options: HostKeyCheckOptions): Promise<HostKeyCheck> {
    const { settings } = options
    const { revokedHostKeys } = settings
    const revoked = revokedHostKeys === undefined ? [] : await readRevokedKeys(revokedHostKeys)
    if (revoked instanceof Error) throw failures.revokedKeysUnreadable(settings, revoked)
    return new HostKeyCheck(options, [
      ...settings.fixedKnownHosts,
      ...revoked,
      ...(await readKnownHosts([...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles])),
    ])
  }

  /** What to offer for the host key, the types that are known of this host first. */
  get algorithms(): readonly string[] {
    const { serverHostKey } = this.options.settings.algorithms
    return orderHostKeyAlgorithms(serverHostKey, this.name, this.knownHosts)
  }

  /** Whether it is the key that was trusted before; undefined when none was. */
  isTheSame(blob: Buffer): boolean | undefined {
    return this.trusted?.equals(blob)
  }

  /** True to go on. */
  async check(blob: Buffer): Promise<boolean> {
    const isTheSame = this.isTheSame(blob)
    if (isTheSame !== undefined) return isTheSame
    const key = publicKeyFromBlob(blob)
    if (key === undefined) return false
    this.failure = await this.decide(key)
    if (this.failure !== undefined) return false
    this.trusted = Buffer.from(blob)
    return true
  }

  private async decide(key: PublicKey): Promise<Failure | undefined> {
    const { settings, prompts, asking, log } = this.options
    const decision = decideHostKey({
      name: this.name,
      portlessName: settings.hostKeyAlias === undefined ? settings.hostName.toLowerCase() : undefined,
      key,
      knownHosts: this.knownHosts,
      strict: settings.strictHostKeyChecking,
      canRemember: settings.userKnownHostsFiles.length > 0,
    })
    log.info(`host key of ${this.name}: ${key.type} ${fingerprint(key)}: ${decision.kind}`)
    if (decision.kind !== 'trust' && this.hasAuthority()) {
      log.warn(
        `known_hosts has a certificate authority for ${this.name}; host certificates cannot be checked here`,
      )
    }
    switch (decision.kind) {
      case 'trust':
        return undefined
      case 'refuse':
        return failures.hostKeyRefused(decision, key, settings)
      case 'trust and remember':
        if (settings.strictHostKeyChecking === 'no') {
          log.warn(`StrictHostKeyChecking is no: the key of ${this.name} was trusted unseen`)
        }
        await this.remember(key)
        return undefined
      case 'ask': {
        const trusted = await asking(() =>
          prompts.unknownHostKey({
            destination: formatHostPort(settings.hostName, settings.port),
            keyType: key.type,
            fingerprint: fingerprint(key),
            others: [],
          }),
        )
        if (!trusted) return failures.hostKeyDeclined(settings)
        await this.remember(key)
        return undefined
      }
    }
  }

  private hasAuthority(): boolean {
    return this.knownHosts.some((host) => host.marker === 'cert-authority' && host.matches(this.name))
  }

  /** A file that cannot be written costs only the question next time. */
  private async remember(key: PublicKey): Promise<void> {
    const { settings, log } = this.options
    const file = settings.userKnownHostsFiles[0]
    if (file === undefined) return
    if (!canBeFiled(settings.hostKeyAlias ?? settings.hostName)) {
      log.warn(`not remembered: as a line of known_hosts, ${this.name} would stand for other hosts too`)
      return
    }
    try {
      await rememberHostKey({ file, name: this.name, key, hashed: settings.hashKnownHosts })
      log.info(`trusted and remembered in ${file}`)
    } catch (error) {
      log.warn(`${file} could not be written: ${String(error)}`)
    }
  }
}
