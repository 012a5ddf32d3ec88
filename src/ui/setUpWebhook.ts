import { env, window, type QuickPickItem } from 'vscode'
import { Cancelled, Failure, isCancelled } from '../base/failure'
import type { Tunnel } from '../tunnels/tunnel'
import type { KeptRegistration } from '../webhooks/keptRegistrations'
import { findingsInWords, findingsText } from '../webhooks/preflight/describe'
import type { Answers, Provider, Registration } from '../webhooks/provider'
import { ProviderFailure } from '../webhooks/providerFailure'
import { providers } from '../webhooks/providers'
import { plainText } from './plainText'
import { inProgress } from './progress'
import { showFailure } from './showFailure'
import { chooseTunnel } from './tunnelCommands'
import type { WebhookParts } from './webhookParts'
import { chooseWebhookPath, passPreflight } from './webhookPreflight'
import { answersFromEnv } from './webhookWorkspace'

/** What has been chosen so far; the next try goes on from there. */
interface Choices {
  tunnel: Tunnel
  provider: Provider
  answers: Answers
  path?: string
  events?: readonly string[]
}

/** The command "Set Up Webhook…": from an open tunnel to a provider that sends its events there. */
export class SetUpWebhook {
  constructor(
    private readonly parts: WebhookParts & {
      readonly sendTest: (tunnelId: number) => Promise<void>
    },
  ) {}

  /** `argument` may be the id of a tunnel. */
  async run(argument?: unknown): Promise<void> {
    try {
      const tunnel = await this.openTunnel(argument)
      const provider = tunnel === undefined ? undefined : await pickProvider()
      if (tunnel === undefined || provider === undefined) return
      await this.untilItStands({ tunnel, provider, answers: await this.account(provider) })
    } catch (error) {
      await showFailure(error, this.parts.log)
    }
  }

  /** Registers what was registered before at the public URL that its port has now. */
  async again(kept: KeptRegistration, tunnel: Tunnel): Promise<void> {
    const { answers, log } = this.parts
    const provider = providers[kept.providerId]
    try {
      const known = (await answers.all(provider)).get(kept.account) ?? {}
      const { path } = kept.target
      await this.untilItStands({ tunnel, provider, answers: known, path, events: kept.ours.events })
    } catch (error) {
      await showFailure(error, log)
    }
  }

  private async openTunnel(argument: unknown): Promise<Tunnel | undefined> {
    const { tunnels, expose } = this.parts
    if (tunnels.all.length === 0 && (await expose()) === undefined) return undefined
    return chooseTunnel(tunnels, 'A webhook for which tunnel?', argument)
  }

  /** What is known of an account there, or nothing for another. */
  private async account(provider: Provider): Promise<Answers> {
    const { answers } = this.parts
    const accounts = [...(await answers.all(provider))].reverse()
    if (provider.registrar === undefined) return {}
    if (accounts.length === 0) return answersFromEnv(provider)
    const rows: (QuickPickItem & { answers?: Answers })[] = accounts.map(([account, known]) => ({
      label: account,
      description: 'as before',
      answers: known,
    }))
    const picked = await window.showQuickPick([...rows, { label: 'Another…' }], {
      title: `Set Up ${provider.title}`,
      placeHolder: 'Which one?',
      ignoreFocusOut: true,
    })
    if (picked === undefined) throw new Cancelled()
    return picked.answers ?? answersFromEnv(provider)
  }

  private async untilItStands(choices: Choices): Promise<void> {
    const { answers, log } = this.parts
    const { asks, title } = choices.provider
    let again: readonly string[] = []
    for (;;) {
      try {
        choices.answers = await answers.ask(`Set Up ${title}`, asks, { known: choices.answers, again })
        await this.setUp(choices)
        return
      } catch (error) {
        if (isCancelled(error)) return
        if (!(error instanceof Failure) || !(await showFailure(error, log))) return
        again = error instanceof ProviderFailure ? error.askAgain : []
        // A path that was found proved wrong.
        if (error.kind === 'webhook-path-not-found') delete choices.path
      }
    }
  }

  private async setUp(choices: Choices): Promise<void> {
    const { tunnel, provider } = choices
    const { publicUrl } = tunnel
    if (publicUrl === undefined) throw new Cancelled()
    const subject = { tunnel, publicUrl, provider, answers: choices.answers }
    choices.path ??= await chooseWebhookPath(subject, this.parts)
    const callbackUrl = new URL(choices.path, publicUrl).toString()
    const findings = await passPreflight({ ...subject, callbackUrl }, this.parts)
    const warnings = findings.some(({ verdict }) => verdict !== 'pass')
      ? ` (${findingsInWords(findings)})`
      : ''
    const remarks = provider.registrar === undefined ? [] : await this.register(choices, callbackUrl)
    const text =
      provider.registrar === undefined
        ? `The webhook is at ${callbackUrl}${warnings}. The URL is on the clipboard, to be pasted into the provider’s form.`
        : `${provider.title} sends webhooks to ${callbackUrl}${warnings}. ${remarks.join(' ')}`
    if (provider.registrar === undefined) await env.clipboard.writeText(callbackUrl)
    const document = () =>
      this.parts.documents.show(
        `${provider.title} webhook.md`,
        findingsText(findings, { title: provider.title, callbackUrl }),
      )
    void this.offer(text, tunnel, warnings === '' ? undefined : document)
  }

  private async register(choices: Choices, callbackUrl: string): Promise<readonly string[]> {
    const { registrations, answers } = this.parts
    const { provider, tunnel } = choices
    const events = (choices.events ??= await pickEvents(provider))
    // Before anything is changed there: what puts it back must be at hand after a crash too.
    await answers.keep(provider, choices.answers)
    const target = {
      ...{ host: tunnel.app.host, port: tunnel.app.port, serverId: tunnel.server.profile.id },
      path: choices.path ?? '/',
    }
    return inProgress(`Registering at ${provider.title}`, (_say, signal) =>
      registrations.register(
        { provider, answers: choices.answers, callbackUrl, events, target },
        { mayOverwrite: (former) => this.mayOverwrite(choices, former) },
        signal,
      ),
    )
  }

  /** Shows what stands there; what is needed to put it back is kept before it is gone. */
  private async mayOverwrite(choices: Choices, former: Registration): Promise<boolean> {
    const { answers } = this.parts
    const { provider } = choices
    // The first button is what Enter presses.
    const [leave, overwrite] = ['Leave It', 'Overwrite'] as const
    const chosen = await window.showWarningMessage(
      `${provider.title} sends webhooks elsewhere now. Overwrite that?`,
      {
        modal: true,
        detail: `${former.callbackUrl}\n\nIt gets no more events until it is put back, which is offered when you stop exposing, and by "Restore Webhook…" at any time.`,
      },
      leave,
      overwrite,
    )
    if (chosen !== overwrite) return false
    const secret = provider.registrar?.formerSecret
    if (secret === undefined) return true
    const without = (all: Answers) =>
      Object.fromEntries(Object.entries(all).filter(([id]) => id !== secret.id))
    const known = without(choices.answers)
    const answered = await answers.ask(`Set Up ${provider.title}`, [secret], { known })
    const asked = answered[secret.id] === '' ? known : answered
    choices.answers = asked
    await answers.keep(provider, asked)
    return true
  }

  private async offer(
    text: string,
    tunnel: Tunnel,
    document: (() => Promise<void>) | undefined,
  ): Promise<void> {
    const test = 'Send a Test Event…'
    const show = 'Show Warnings'
    const buttons = [test, ...(document === undefined ? [] : [show])]
    const chosen = await window.showInformationMessage(plainText(text), ...buttons)
    if (chosen === test) await this.parts.sendTest(tunnel.id)
    if (chosen === show) await document?.()
  }
}

/** Undefined on Escape. */
export async function pickProvider(placeHolder = 'Who sends the webhooks?'): Promise<Provider | undefined> {
  const rows = Object.values(providers).map((provider) => ({
    label: provider.title,
    detail: provider.detail,
    provider,
  }))
  return (await window.showQuickPick(rows, { placeHolder, ignoreFocusOut: true }))?.provider
}

async function pickEvents({ events, title }: Provider): Promise<readonly string[]> {
  const rows = events.map(({ name, detail, isUsual }) => ({
    label: name,
    description: detail,
    picked: isUsual,
  }))
  const picked = await window.showQuickPick(rows, {
    title: `Set Up ${title}`,
    placeHolder: 'What should arrive?',
    canPickMany: true,
    ignoreFocusOut: true,
  })
  if (picked === undefined || picked.length === 0) throw new Cancelled()
  return picked.map(({ label }) => label)
}
