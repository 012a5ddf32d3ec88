import { Agent } from 'node:https'
import type * as library from 'acme-client'
import type { Authorization, Client, Order } from 'acme-client'
import { delay, type Clock } from '../base/clock'
import { Cancelled } from '../base/failure'
import type { Log } from '../base/log'
import { within } from '../base/within'
import { acmeFailures } from './acmeFailures'
import { AcmeProblem, problemOf } from './acmeProblem'
import type { CertificatePair } from './certificate'
import type { AcmeAccount, CertificateStore } from './certificateStore'

export interface OrderOptions {
  readonly hostName: string
  readonly directoryUrl: string
  /** Who vouches for the directory's own certificate, PEM; whom Node trusts unless given. */
  readonly roots: readonly string[] | undefined
  /** An e-mail address. */
  readonly contact: string | undefined
  readonly store: CertificateStore
  /** Asked when the store holds no account with this directory. */
  readonly agreeToTerms: (urlOfTerms: string | undefined) => Promise<boolean>
  /** What to show to the authority when it comes to check; undefined when it is through. */
  readonly show: (challenge: CertificatePair | undefined) => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Orders one certificate (RFC 8555 7.1) and proves the name by TLS-ALPN-01 (RFC 8737).
 * @throws Cancelled, and what acmeFailures.ordering can name.
 */
export async function orderCertificate(options: OrderOptions, signal: AbortSignal): Promise<CertificatePair> {
  const { acme, sendBy } = await import('./acmeClient')
  const ended = new AbortController()
  const roots = options.roots === undefined ? {} : { ca: [...options.roots] }
  const httpsAgent = new Agent({ keepAlive: true, ...roots })
  const sender = { signal: AbortSignal.any([signal, ended.signal]), httpsAgent }
  const send: Send = (calls) => {
    if (signal.aborted) throw new Cancelled()
    return within(options.clock, answerWithinMs, sendBy(sender, calls))
  }
  try {
    return await new Ordering(options, acme, send, signal).run()
  } finally {
    options.show(undefined)
    // Both: VS Code puts an agent of its own in the place of this one.
    ended.abort()
    httpsAgent.destroy()
  }
}

/** For a step of a few requests. */
const answerWithinMs = 60_000
/** For an authority to check a name, or to issue. */
const checkWithinMs = 120_000
const firstWaitMs = 500
const longestWaitMs = 5000

type Library = typeof library
type Send = <T>(calls: () => Promise<T>) => Promise<T>

class Ordering {
  constructor(
    private readonly options: OrderOptions,
    private readonly acme: Library,
    private readonly send: Send,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<CertificatePair> {
    const { hostName, directoryUrl, log } = this.options
    log.info(`ordering a certificate for ${hostName} from ${directoryUrl}`)
    const client = await this.logIn()
    const identifiers = [{ type: 'dns', value: hostName }]
    const order = await this.send(() => client.createOrder({ identifiers }))
    for (const authorization of await this.send(() => client.getAuthorizations(order))) {
      if (authorization.status !== 'valid') await this.prove(client, order, authorization)
    }
    const pair = await this.collect(client, order)
    log.info(`${directoryUrl} has issued a certificate for ${hostName}`)
    return pair
  }

  private async logIn(): Promise<Client> {
    const { directoryUrl, store } = this.options
    const stored = await store.account(directoryUrl)
    const account = stored ?? (await this.newAccount())
    const client = new this.acme.Client({ directoryUrl, accountKey: account.keyPem })
    if (stored === undefined) await this.register(client)
    else await this.findAccount(client)
    return client
  }

  private async register(client: Client): Promise<void> {
    const { contact } = this.options
    const data = contact === undefined ? {} : { contact: [`mailto:${contact}`] }
    try {
      await this.send(() => client.createAccount({ termsOfServiceAgreed: true, ...data }))
    } catch (error) {
      // Where another window was faster, the library goes on to change the account, which not every server allows.
      if (!isFound(client)) throw error
    }
  }

  /** The server knows an account by its key (RFC 8555 7.3.1), unless it was set up anew since. */
  private async findAccount(client: Client): Promise<void> {
    try {
      await this.send(() => client.createAccount({ onlyReturnExisting: true }))
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.type !== 'accountDoesNotExist') throw error
      await this.register(client)
    }
  }

  /** Nothing but the directory is asked for before the terms are agreed to. */
  private async newAccount(): Promise<AcmeAccount> {
    const { directoryUrl, agreeToTerms, store } = this.options
    const accountKey = await this.acme.crypto.createPrivateEcdsaKey()
    const client = new this.acme.Client({ directoryUrl, accountKey })
    // Null when there are none, whatever the type says.
    const terms = (await this.send(() => client.getTermsOfServiceUrl())) as string | null
    const agreed = await agreeToTerms(terms ?? undefined)
    if (!agreed || this.signal.aborted) throw new Cancelled()
    return store.addAccount(directoryUrl, { keyPem: accountKey.toString(), agreedTo: terms })
  }

  private async prove(client: Client, order: Order, authorization: Authorization): Promise<void> {
    const { hostName, show } = this.options
    const { challenges } = authorization
    const types: string[] = challenges.map(({ type }) => type)
    const challenge = challenges[types.indexOf('tls-alpn-01')]
    if (challenge === undefined) throw acmeFailures.noTlsAlpn(this.options, types)
    const answer = await client.getChallengeKeyAuthorization(challenge)
    const key = await this.acme.crypto.createPrivateEcdsaKey()
    const [keyPem, certPem] = await this.acme.crypto.createAlpnCertificate(authorization, answer, key)
    show({ keyPem: keyPem.toString(), certPem: certPem.toString() })
    await this.send(() => client.completeChallenge(challenge))
    await this.poll(`the check of ${hostName}`, async () => {
      const [latest] = await client.getAuthorizations({ ...order, authorizations: [authorization.url] })
      if (latest?.status === 'pending') return undefined
      if (latest?.status === 'valid') return latest
      const refused = latest?.challenges.find(({ error }) => error !== undefined)
      throw problemOf(refused?.error ?? `the authorization is ${latest?.status ?? 'gone'}`)
    })
    show(undefined)
  }

  /** A fresh key for each certificate. */
  private async collect(client: Client, order: Order): Promise<CertificatePair> {
    const { hostName } = this.options
    const key = await this.acme.crypto.createPrivateEcdsaKey()
    const [, csr] = await this.acme.crypto.createCsr({ altNames: [hostName] }, key)
    await this.send(() => client.finalizeOrder(order, csr))
    const issued = await this.poll('the certificate', async () => {
      const latest = await client.getOrder(order)
      if (latest.status === 'invalid') throw problemOf(latest.error ?? 'the order became invalid')
      return latest.status === 'valid' ? latest : undefined
    })
    return { keyPem: key.toString(), certPem: await this.send(() => client.getCertificate(issued)) }
  }

  private async poll<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    const { clock } = this.options
    const deadline = clock.now() + checkWithinMs
    for (let wait = firstWaitMs; clock.now() < deadline; wait = Math.min(2 * wait, longestWaitMs)) {
      await delay(clock, wait, this.signal)
      const answer = await this.send(ask)
      if (answer !== undefined) return answer
    }
    throw acmeFailures.stillPending(this.options, what)
  }
}

function isFound(client: Client): boolean {
  try {
    return client.getAccountUrl() !== ''
  } catch {
    return false
  }
}
