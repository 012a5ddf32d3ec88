import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { window, type SecretStorage } from 'vscode'
import { Emitter } from '../base/event'
import { Cancelled } from '../base/failure'
import type { Redactor } from '../base/redactor'
import type { Answers, Ask, Provider, ProviderId } from '../webhooks/provider'
import { plainText } from './plainText'

/**
 * What a person answered for webhook providers, by account there. It is kept in SecretStorage, and nothing of it is
 * asked twice.
 */
export class WebhookAnswers {
  /** The latest, for whoever cannot wait. */
  private readonly latest = new Map<ProviderId, Answers>()
  private readonly didChange = new Emitter<void>()

  /** Fires when others are known. */
  readonly onDidChange = this.didChange.event

  constructor(
    private readonly secrets: Pick<SecretStorage, 'get' | 'store' | 'delete'>,
    private readonly redactor: Pick<Redactor, 'add'>,
  ) {}

  /** What is known without asking; undefined until it has been read. */
  known(providerId: ProviderId): Answers | undefined {
    return this.latest.get(providerId)
  }

  /** By account, the latest last. */
  async all({ id, asks, registrar }: Provider): Promise<ReadonlyMap<string, Answers>> {
    const parsed = v.safeParse(storedSchema, parseJson((await this.secrets.get(keyOf(id))) ?? '[]'))
    const accounts = new Map(parsed.success ? parsed.output : [])
    const isSecret = new Set(
      [...asks, registrar?.formerSecret].filter((ask) => ask?.isSecret).map((ask) => ask?.id),
    )
    for (const answers of accounts.values()) {
      for (const [ask, answer] of Object.entries(answers)) if (isSecret.has(ask)) this.redactor.add(answer)
      this.latest.set(id, answers)
    }
    return accounts
  }

  async keep(provider: Provider, answers: Answers): Promise<void> {
    const account = provider.registrar?.account(answers) ?? ''
    const accounts = new Map(await this.all(provider))
    accounts.delete(account)
    accounts.set(account, answers)
    this.latest.set(provider.id, answers)
    await this.secrets.store(keyOf(provider.id), JSON.stringify([...accounts]))
    this.didChange.fire()
  }

  /**
   * Asks for what is missing, in order; `again` are the ids of those that were wrong. @throws Cancelled on Escape.
   */
  async ask(
    title: string,
    asks: readonly Ask[],
    { known, again = [] }: { readonly known: Answers; readonly again?: readonly string[] },
  ): Promise<Answers> {
    const wanted = asks.filter(({ id }) => known[id] === undefined || again.includes(id))
    const answers: Record<string, string> = { ...known }
    for (const [index, ask] of wanted.entries()) {
      const step = wanted.length > 1 ? ` (${index + 1}/${wanted.length})` : ''
      const answer = await askFor(ask, `${title}${step}`, again.includes(ask.id) ? undefined : known[ask.id])
      if (ask.isSecret) this.redactor.add(answer)
      answers[ask.id] = answer
    }
    return answers
  }
}

async function askFor(ask: Ask, title: string, value: string | undefined): Promise<string> {
  const { label, prompt, isSecret, isOptional = false, isGenerated = false, check } = ask
  const typed = await window.showInputBox({
    title: plainText(title),
    prompt: `${label}. ${prompt}`,
    placeHolder: isOptional ? `${label} (may be left empty)` : label,
    // What was made up is to be seen, and copied into the app.
    value: value ?? (isGenerated ? randomBytes(12).toString('base64url').replace(/^-/, 'x') : ''),
    password: isSecret && !isGenerated,
    ignoreFocusOut: true,
    validateInput: (text) => {
      const plain = text.trim()
      if (plain === '') return isOptional ? undefined : `${label} is needed.`
      return check?.(plain)
    },
  })
  if (typed === undefined) throw new Cancelled()
  return typed.trim()
}

function keyOf(providerId: ProviderId): string {
  return `webhook ${providerId}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const storedSchema = v.array(v.tuple([v.string(), v.record(v.string(), v.string())]))
