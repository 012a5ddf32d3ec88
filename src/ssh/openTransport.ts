import type { Client, ConnectConfig } from 'ssh2'
import { formatHostPort } from '../base/address'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Cancelled, Failure, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import { algorithmKeywords, type Algorithms } from './algorithms'
import { Authentication } from './authentication'
import { parseDestination, type Destination } from './destination'
import { abortable } from './dial'
import { failures, isAuthenticationError, isFatal, isTooManyTries } from './failures'
import { HostKeyCheck } from './hostKeyCheck'
import type { ChannelKind } from './forwardedChannels'
import { gatherIdentities, type TypedSecrets } from './identities'
import type { SshPrompts } from './prompts'
import { openRoute, type Route } from './route'
import type { SshSettings } from './settings'
import { onAuthenticationRefused, onServerMessage } from './ssh2Internals'
import { loadSsh2 } from './ssh2Library'
import { Transport } from './transport'

export interface OpenTransportOptions {
  readonly settings: SshSettings
  readonly prompts: SshPrompts
  readonly secrets: TypedSecrets
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly onHop: (hop: Hop) => void
  /** Resolves the jump hosts as ssh_config says. */
  readonly resolve: (destination: Destination) => Promise<SshSettings>
  /** Our own unless given. */
  readonly channels?: ChannelKind
  /** How many jump hosts are being passed already. */
  readonly depth?: number
}

/**
 * Dials, checks the host key, then logs in, in this order: no credential leaves before the key is trusted.
 * @throws Failure with the hop it ended at; Cancelled when aborted or when the person closed a question.
 */
export async function openTransport(options: OpenTransportOptions): Promise<Transport> {
  const attempt = new Attempt(options)
  try {
    return await attempt.run()
  } finally {
    attempt.settle()
  }
}

/** Logs in to the last host of the chain through those before it, each with its own host key check. */
async function openJump(chain: readonly string[], options: OpenTransportOptions): Promise<Transport> {
  const { settings, resolve, depth = 0 } = options
  if (depth >= mostJumps) throw failures.jumpsInCircles(settings)
  const last = chain.at(-1) ?? ''
  const destination = parseDestination(last)
  if (destination === undefined) throw failures.jumpUnreadable(settings, last)
  const jump = await resolve(destination)
  // A chain that is written out replaces what the jump host's own section says (ssh.c, ProxyJump).
  const through = chain.length > 1 ? { proxyJump: chain.slice(0, -1), proxyCommand: undefined } : {}
  return openTransport({ ...options, settings: { ...jump, ...through }, depth: depth + 1 })
}

const mostJumps = 8

/** In characters; what a gateway says of itself fits many times. */
const longestBanner = 16 * 1024

/** One try at connecting: its limit of time, the hop it is on, and what must go when it fails. */
class Attempt {
  private readonly ended = new AbortController()
  private readonly onAbort = () => this.ended.abort(new Cancelled())
  private hop: Hop = 'DNS'
  private limit: Disposable | undefined
  private remainingMs: number
  private startedAt = 0

  constructor(private readonly options: OpenTransportOptions) {
    this.remainingMs = options.settings.connectTimeoutMs
  }

  async run(): Promise<Transport> {
    const { settings, signal } = this.options
    if (signal.aborted) throw new Cancelled()
    assertAlgorithms(settings)
    signal.addEventListener('abort', this.onAbort, { once: true })
    this.resumeLimit()
    try {
      const route = await openRoute(settings, {
        signal: this.ended.signal,
        log: this.options.log,
        clock: this.options.clock,
        onHop: (hop) => this.reach(hop),
        // It has a limit of its own.
        openJump: (chain) => this.asking(() => openJump(chain, this.options)),
      })
      this.reach('SSH handshake')
      return await this.login(route)
    } catch (error) {
      if (error instanceof Cancelled) throw error
      throw failures.connecting(error, this.hop, settings)
    }
  }

  settle(): void {
    this.limit?.dispose()
    this.options.signal.removeEventListener('abort', this.onAbort)
  }

  private async login(route: Route): Promise<Transport> {
    const { settings, prompts, secrets, clock, log } = this.options
    const client = await this.newClient(route)
    try {
      const ssh2 = await loadSsh2()
      const hostKey = await HostKeyCheck.start({ settings, prompts, log, asking: (ask) => this.asking(ask) })
      const identities = await gatherIdentities({
        ...{ settings, prompts: this.pausing(prompts), secrets, clock, log, signal: this.ended.signal },
        asking: (ask) => this.asking(ask),
      })
      const authentication = new Authentication({
        ssh2,
        user: settings.user,
        destination: formatHostPort(settings.hostName, settings.port),
        identities,
        prompts: this.pausing(prompts),
        secrets,
        log,
        giveUp: (reason) => this.ended.abort(reason),
      })
      const isClosed = () => route.stream.destroyed
      // It may have ended while the files above were read; ssh2 would wait for news of it for ever.
      if (isClosed()) throw new Error('the connection was closed')
      let banner = ''
      let hear: (text: string) => void = (text) => log.debug(`server: ${text}`)
      await abortable(
        new Promise<void>((resolve, reject) => {
          let tooMany = false
          client.once('ready', resolve)
          client.once('close', () => reject(new Error('the server closed the connection')))
          client.on('error', (error) => {
            if (!isFatal(error)) return log.debug(`agent: ${error.message}`)
            tooMany ||= isTooManyTries(error)
            const refused = isAuthenticationError(error) || tooMany
            const { tried, methodsLeft, advice } = authentication
            reject(
              hostKey.failure ??
                (refused
                  ? failures.authentication(settings, { tried, methodsLeft, tooMany, advice })
                  : error),
            )
          })
          client.on('change password', (said) => reject(failures.passwordExpired(settings, said)))
          client.on('banner', (text) => {
            banner = `${banner}${text}`.slice(0, longestBanner)
            log.info(`banner of ${settings.hostName}: ${text.trimEnd()}`)
          })
          client.once('handshake', (negotiated) => {
            log.debug(`negotiated: ${JSON.stringify(negotiated)}`)
            this.reach('authentication')
          })
          client.connect({
            ...connectConfig(settings, log),
            sock: route.stream,
            algorithms: {
              ...settings.algorithms,
              serverHostKey: hostKey.algorithms,
              compress: ['none'],
            } as unknown as NonNullable<ConnectConfig['algorithms']>,
            hostVerifier: (blob: Buffer, verify: (trusted: boolean) => void) => {
              // ssh2 asks at each key exchange. Between two of them it waits for no answer: it would send visitors'
              // bytes with keys that are over.
              const isTheSame = hostKey.isTheSame(blob)
              if (isTheSame !== undefined) return verify(isTheSame)
              this.reach('host key')
              // ssh2 throws when the answer comes after the connection has ended.
              hostKey.check(blob).then(verify).catch(reject)
            },
            authHandler: (methodsLeft, _partial, next) => {
              authentication
                .next(methodsLeft as readonly string[] | null)
                .then((method) => next((method ?? false) as Parameters<typeof next>[0]))
                .catch(reject)
            },
          })
          onServerMessage(client, (text) => hear(text))
          onAuthenticationRefused(client, (methods, isPartial) => authentication.refused(methods, isPartial))
        }),
        this.ended.signal,
      )
      authentication.succeeded()
      // What ended in the meantime would never say so again.
      if (isClosed()) throw new Error('the server closed the connection')
      const { channels = 'own' } = this.options
      const transport = new Transport({ client, route, settings, banner, channels, clock, log })
      hear = (text) => transport.serverSaid(text)
      return transport
    } catch (error) {
      const reason = error instanceof Failure || error instanceof Cancelled ? error : await route.explain?.()
      route.stream.destroy()
      route.dispose()
      throw reason ?? error
    }
  }

  private async newClient({ stream }: Route): Promise<Client> {
    // Until ssh2 listens, an error of the socket would be uncaught.
    stream.on('error', () => undefined)
    const { Client } = await loadSsh2()
    const client = new Client()
    client.on('error', () => undefined)
    return client
  }

  private reach(hop: Hop): void {
    this.hop = hop
    this.options.onHop(hop)
  }

  /** The limit stands still while a person is asked. */
  private async asking<T>(ask: () => Promise<T>): Promise<T> {
    this.limit?.dispose()
    this.remainingMs -= this.options.clock.now() - this.startedAt
    try {
      return await ask()
    } finally {
      this.resumeLimit()
    }
  }

  private resumeLimit(): void {
    if (this.ended.signal.aborted) return
    const { clock, settings } = this.options
    this.startedAt = clock.now()
    this.limit = clock.after(Math.max(this.remainingMs, 0), () =>
      this.ended.abort(failures.timedOut(this.hop, settings)),
    )
  }

  private pausing(prompts: SshPrompts): SshPrompts {
    return {
      unknownHostKey: (question) => this.asking(() => prompts.unknownHostKey(question)),
      password: (question) => this.asking(() => prompts.password(question)),
      passphrase: (question) => this.asking(() => prompts.passphrase(question)),
      passphraseProved: (question) => prompts.passphraseProved(question),
      keyboardInteractive: (question) => this.asking(() => prompts.keyboardInteractive(question)),
    }
  }
}

/** ssh2 would take an empty list for "all you have", SHA-1 and CBC included. */
function assertAlgorithms(settings: SshSettings): void {
  const kinds = Object.keys(algorithmKeywords) as (keyof Algorithms)[]
  const empty = kinds.find((kind) => settings.algorithms[kind].length === 0)
  if (empty !== undefined) throw failures.algorithmsMissing(settings, algorithmKeywords[empty])
}

/** Like `ssh -v` at Debug; with every packet of data at Trace, like `ssh -vvv`. */
function logProtocol(message: string, log: Log): void {
  if (/CHANNEL_DATA|WINDOW_ADJUST|keepalive/i.test(message)) log.trace(`ssh2: ${message}`)
  else log.debug(`ssh2: ${message}`)
}

function connectConfig(settings: SshSettings, log: Log): ConnectConfig {
  return {
    host: settings.hostName,
    port: settings.port,
    username: settings.user,
    // Ours pauses while a person is asked; ssh2's would not.
    readyTimeout: 0,
    // Ours looks at traffic; see sendKeepalive.
    keepaliveInterval: 0,
    ...(log.isVerbose ? { debug: (message: string) => logProtocol(message, log) } : {}),
  }
}
