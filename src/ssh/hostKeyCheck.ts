import { formatHostPort } from '../base/address'
import type { Failure } from '../base/failure'
import type { Log } from '../base/log'
import { failures } from './failures'
import { decideHostKey } from './hostKey'
import { knownHostName, type KnownHost } from './knownHosts'
import { readKnownHosts, rememberHostKey } from './knownHostsFile'
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

  private constructor(
    private readonly options: HostKeyCheckOptions,
    /** As the host is filed in known_hosts. */
    readonly name: string,
    readonly knownHosts: readonly KnownHost[],
  ) {}

  /** Reads the known_hosts files before the handshake, because they decide which key types are offered first. */
  static async start(options: HostKeyCheckOptions): Promise<HostKeyCheck> {
    const { settings } = options
    const name = settings.hostKeyAlias ?? knownHostName(settings.hostName, settings.port)
    const knownHosts = [
      ...settings.fixedKnownHosts,
      ...(await readKnownHosts([...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles])),
    ]
    return new HostKeyCheck(options, name, knownHosts)
  }

  /** True to go on. ssh2 asks again on each rekey: the same key is then trusted without a question. */
  async check(blob: Buffer): Promise<boolean> {
    if (this.trusted !== undefined) return this.trusted.equals(blob)
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
      key,
      knownHosts: this.knownHosts,
      strict: settings.strictHostKeyChecking,
    })
    log.info(`host key of ${this.name}: ${key.type} ${fingerprint(key)}: ${decision.kind}`)
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

  /** A file that cannot be written costs only the question next time. */
  private async remember(key: PublicKey): Promise<void> {
    const { settings, log } = this.options
    const file = settings.userKnownHostsFiles[0]
    if (file === undefined) return
    try {
      await rememberHostKey({ file, name: this.name, key, hashed: settings.hashKnownHosts })
      log.info(`trusted and remembered in ${file}`)
    } catch (error) {
      log.warn(`${file} could not be written: ${String(error)}`)
    }
  }
}
