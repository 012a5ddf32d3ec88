import type { Socket } from 'node:net'
import type { Client, ConnectConfig } from 'ssh2'
import { formatHostPort } from '../base/address'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Cancelled, type Hop } from '../base/failure'
import type { Log } from '../base/log'
import { algorithms } from './algorithms'
import { Authentication } from './authentication'
import { abortable, dial } from './dial'
import { failures, isAuthenticationError, isFatal, isTooManyTries } from './failures'
import { HostKeyCheck } from './hostKeyCheck'
import { orderHostKeyAlgorithms } from './hostKey'
import { gatherIdentities, type TypedSecrets } from './identities'
import type { SshPrompts } from './prompts'
import type { SshSettings } from './settings'
import { loadSsh2, onServerMessage } from './ssh2Library'
import { Transport } from './transport'

export interface OpenTransportOptions {
  readonly settings: SshSettings
  readonly prompts: SshPrompts
  readonly secrets: TypedSecrets
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly onHop: (hop: Hop) => void
}

/**
 * Dials, checks the host key, then logs in, in this order: no credential leaves before the key is trusted.
 * @throws Failure with the hop it ended at; Cancelled when aborted or when the person closed a question.
 */
export async function openTransport(options: OpenTransportOptions): Promise<Transport> {
  if (options.settings.unsupported.length > 0) throw failures.notSupported(options.settings)
  const attempt = new Attempt(options)
  try {
    return await attempt.run()
  } finally {
    attempt.settle()
  }
}

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
    signal.addEventListener('abort', this.onAbort, { once: true })
    this.resumeLimit()
    try {
      const socket = await dial(
        { host: settings.hostName, port: settings.port },
        { signal: this.ended.signal, onHop: (hop) => this.reach(hop) },
      )
      this.reach('SSH handshake')
      return await this.login(socket)
    } catch (error) {
      if (error instanceof Cancelled) throw error
      throw failures.connecting(error, this.hop, settings)
    }
  }

  settle(): void {
    this.limit?.dispose()
    this.options.signal.removeEventListener('abort', this.onAbort)
  }

  private async login(socket: Socket): Promise<Transport> {
    const { settings, prompts, secrets, clock, log } = this.options
    const client = await this.newClient(socket)
    try {
      const ssh2 = await loadSsh2()
      const hostKey = await HostKeyCheck.start({ settings, prompts, log, asking: (ask) => this.asking(ask) })
      const identities = await gatherIdentities({ settings, prompts: this.pausing(prompts), secrets, log })
      const authentication = new Authentication({
        ssh2,
        user: settings.user,
        destination: formatHostPort(settings.hostName, settings.port),
        identities,
        prompts: this.pausing(prompts),
        secrets,
        log,
      })
      authentication.cancel = () => this.ended.abort(new Cancelled())
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
            const { tried, methodsLeft } = authentication
            reject(
              hostKey.failure ??
                (refused ? failures.authentication(settings, { tried, methodsLeft, tooMany }) : error),
            )
          })
          client.on('banner', (text) => log.info(`banner of ${settings.hostName}: ${text.trimEnd()}`))
          client.once('handshake', (negotiated) => {
            log.debug(`negotiated: ${JSON.stringify(negotiated)}`)
            this.reach('authentication')
          })
          client.connect({
            ...connectConfig(settings, log),
            sock: socket,
            algorithms: {
              ...algorithms,
              serverHostKey: orderHostKeyAlgorithms(
                algorithms.serverHostKey,
                hostKey.name,
                hostKey.knownHosts,
              ),
            } as unknown as NonNullable<ConnectConfig['algorithms']>,
            hostVerifier: (blob: Buffer, verify: (trusted: boolean) => void) => {
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
        }),
        this.ended.signal,
      )
      authentication.succeeded()
      const transport = new Transport({ client, socket, settings, clock, log })
      hear = (text) => transport.serverSaid(text)
      return transport
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  private async newClient(socket: Socket): Promise<Client> {
    // Until ssh2 listens, an error of the socket would be uncaught.
    socket.on('error', () => undefined)
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
      keyboardInteractive: (question) => this.asking(() => prompts.keyboardInteractive(question)),
    }
  }
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
    ...(log.isVerbose ? { debug: (message: string) => log.trace(`ssh2: ${message}`) } : {}),
  }
}
