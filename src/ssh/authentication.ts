import type { AnyAuthMethod } from 'ssh2'
import { Cancelled } from '../base/failure'
import type { Log } from '../base/log'
import { agentOf, type Identity, type TypedSecrets } from './identities'
import type { SshPrompts } from './prompts'
import type { Ssh2 } from './ssh2Library'

const passwordTries = 3

/**
 * Chooses the next authentication method (RFC 4252): nothing first, to learn what the server accepts, then only
 * methods it named: each identity, keyboard-interactive, password. One object serves one transport.
 */
export class Authentication {
  /** What was offered to the server, for the failure's message. */
  readonly tried: string[] = []
  /** The methods the server would still take, as it last said. */
  methodsLeft: readonly string[] = []

  private started = false
  private identity = 0
  private keyboardTries = 0
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
    this.methodsLeft = methodsLeft ?? []
    return (
      (this.accepts('publickey') ? await this.nextIdentity() : undefined) ??
      (this.accepts('keyboard-interactive') ? this.keyboardInteractive() : undefined) ??
      (this.accepts('password') ? await this.password() : undefined)
    )
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
      const publicKey = await identity.publicKey()
      if (publicKey === undefined) continue
      log.debug(`offering ${publicKey.type} ${identity.label}`)
      this.tried.push(identity.label)
      return { type: 'agent', username: user, agent: agentOf(ssh2, identity, publicKey) }
    }
  }

  private keyboardInteractive(): AnyAuthMethod | undefined {
    if (this.keyboardTries++ >= passwordTries) return undefined
    this.tried.push('keyboard-interactive')
    const { user, destination, prompts, secrets } = this.options
    const again = this.keyboardTries > 1
    let rounds = 0
    return {
      type: 'keyboard-interactive',
      username: user,
      prompt: (name, instructions, _language, questions, finish) => {
        const asked = questions.map(({ prompt, echo }) => ({ prompt, echo: echo === true }))
        // PAM asks for the password this way; one typed before answers it when the connection heals. What it
        // asks after that is something else, such as a one-time password.
        const isPassword = rounds++ === 0 && asked.length === 1 && /password/i.test(asked[0]?.prompt ?? '')
        const remembered = secrets.passwords.get(this.account)
        if (isPassword && !again && remembered !== undefined) return finish([remembered])
        prompts.keyboardInteractive({ destination, name, instructions, prompts: asked }).then(
          (answers) => {
            if (answers === undefined) return this.cancel()
            if (isPassword) this.typedPassword = answers[0]
            finish([...answers])
          },
          () => this.cancel(),
        )
      },
    }
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

  /** Set by the transport: ends it as cancelled from inside a question. */
  cancel: () => void = () => undefined
}
