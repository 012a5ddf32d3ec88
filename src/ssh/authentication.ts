import type { AnyAuthMethod } from 'ssh2'
import { Cancelled, isCancelled, type Failure } from '../base/failure'
import type { Log } from '../base/log'
import { failures } from './failures'
import { agentOf, type Identity, type TypedSecrets } from './identities'
import { UnusableKey } from './keyFile'
import type { SshPrompts } from './prompts'
import type { Ssh2 } from './ssh2Library'

const passwordTries = 3
/** A change of an expired password takes four or five; a server must not ask for ever. */
const mostRounds = 20

/**
 * Chooses the next authentication method (RFC 4252): nothing first, to learn what the server accepts, then only
 * methods it named: each identity, keyboard-interactive, password. One object serves one transport.
 */
export class Authentication {
  /** What was offered to the server, and what could not be, for the failure's message. */
  readonly tried: string[] = []
  /** What to do about keys that could not be used. */
  readonly advice = new Set<string>()
  /** The methods the server would still take, as it last said. */
  methodsLeft: readonly string[] = []

  private started = false
  private isOver = false
  private heard: readonly string[] | undefined
  private identity = 0
  private keyboardTries = 0
  private rounds = 0
  private passwordTries = 0
  private typedPassword: string | undefined

  constructor(
    private readonly options: {
      readonly ssh2: Ssh2
      readonly user: string
      readonly destination: string
      readonly identities: readonly Identity[]
      readonly prompts: SshPrompts
      readonly secrets: TypedSecrets
      readonly log: Log
      /** Ends the login from inside a question. */
      readonly giveUp: (reason: Cancelled | Failure) => void
    },
  ) {}

  /**
   * The next method to try, or undefined when nothing is left.
   * @throws Cancelled when the person closed a question.
   */
  async next(methodsLeft: readonly string[] | null): Promise<AnyAuthMethod | undefined> {
    const { user } = this.options
    if (!this.started) {
      this.started = true
      return { type: 'none', username: user }
    }
    if (this.isOver) throw new Cancelled()
    this.methodsLeft = this.heard ?? methodsLeft ?? []
    return (
      (this.accepts('publickey') ? await this.nextIdentity() : undefined) ??
      (this.accepts('keyboard-interactive') ? this.keyboardInteractive() : undefined) ??
      (this.accepts('password') ? await this.password() : undefined)
    )
  }

  /** What the server itself answered to the last try; `next` is told less. */
  refused(methodsLeft: readonly string[], isPartialSuccess: boolean): void {
    this.heard = methodsLeft
    if (!isPartialSuccess) return
    const { log, destination } = this.options
    const accepted = this.tried.pop() ?? 'nothing'
    log.info(`${destination} accepted ${accepted} and wants more: ${methodsLeft.join(', ')}`)
    this.tried.push(`${accepted} (accepted, and more was wanted)`)
  }

  /** Called when the server let us in: what was typed has proven right and may be used again. */
  succeeded(): void {
    if (this.typedPassword !== undefined) this.options.secrets.passwords.set(this.account, this.typedPassword)
  }

  private get account(): string {
    return `${this.options.user}@${this.options.destination}`
  }

  private accepts(method: string): boolean {
    return this.methodsLeft.includes(method)
  }

  private async nextIdentity(): Promise<AnyAuthMethod | undefined> {
    const { identities, ssh2, user, log } = this.options
    for (;;) {
      const identity = identities[this.identity++]
      if (identity === undefined) return undefined
      try {
        const publicKey = await identity.publicKey()
        log.debug(`offering ${publicKey.type} ${identity.label}`)
        this.tried.push(identity.label)
        return { type: 'agent', username: user, agent: agentOf(ssh2, this.watched(identity), publicKey) }
      } catch (error) {
        if (isCancelled(error)) throw error
        this.tried.push(this.passedOver(identity, error))
      }
    }
  }

  /** The identity, with an eye on what goes wrong when it is to sign. */
  private watched(identity: Identity): Identity {
    const sign = async (data: Buffer, hash: string | undefined) => {
      try {
        if (hash === 'sha1') throw sha1Only
        return await identity.sign(data, hash)
      } catch (error) {
        if (isCancelled(error)) this.giveUp(new Cancelled())
        else this.tried.splice(-1, 1, this.passedOver(identity, error))
        throw error
      }
    }
    return { ...identity, sign }
  }

  private passedOver({ label }: Identity, error: unknown): string {
    const reason = error instanceof Error ? error.message : String(error)
    if (error instanceof UnusableKey && error.advice !== undefined) this.advice.add(error.advice)
    this.options.log.info(`passed over ${label}: ${reason}`)
    return `${label} (${reason})`
  }

  private keyboardInteractive(): AnyAuthMethod | undefined {
    if (this.keyboardTries++ >= passwordTries) return undefined
    this.tried.push('keyboard-interactive')
    const { user, destination, prompts, secrets } = this.options
    const again = this.keyboardTries > 1
    let isFirst = true
    return {
      type: 'keyboard-interactive',
      username: user,
      prompt: (name, instructions, _language, questions, finish) => {
        if (++this.rounds > mostRounds) return this.giveUp(failures.asksWithoutEnd(destination))
        const asked = questions.map(({ prompt, echo }) => ({ prompt, echo: echo === true }))
        // PAM asks for the password this way; one typed before answers it when the connection heals. What it
        // asks after that is something else, such as a one-time password.
        const isPassword = isFirst && asked.length === 1 && /password/i.test(asked[0]?.prompt ?? '')
        isFirst = false
        const remembered = secrets.passwords.get(this.account)
        if (isPassword && !again && remembered !== undefined) return finish([remembered])
        prompts
          .keyboardInteractive({ destination, name, instructions, prompts: asked })
          .then((answers) => {
            if (answers === undefined) return this.giveUp(new Cancelled())
            if (isPassword) this.typedPassword = answers[0]
            finish([...answers])
          })
          .catch(() => this.giveUp(new Cancelled()))
      },
    }
  }

  private giveUp(reason: Cancelled | Failure): void {
    this.isOver = true
    this.options.giveUp(reason)
  }

  private async password(): Promise<AnyAuthMethod | undefined> {
    if (this.passwordTries >= passwordTries) return undefined
    const again = this.passwordTries++ > 0
    const { user, destination, prompts, secrets } = this.options
    const password =
      (again ? undefined : secrets.passwords.get(this.account)) ??
      (await prompts.password({ user, destination, again }))
    if (password === undefined) throw new Cancelled()
    this.tried.push('password')
    this.typedPassword = password
    return { type: 'password', username: user, password }
  }
}

/** OpenSSH has not signed with SHA-1 since 8.8 either. */
const sha1Only = new UnusableKey(
  'the server takes RSA keys with SHA-1 signatures only, which are not safe',
  'Use an ed25519 or ecdsa key there, or update its SSH server.',
)
