import { window } from 'vscode'
import { Failure, isCancelled } from '../base/failure'
import type { KeptRegistration } from '../webhooks/keptRegistrations'
import type { Answers, Registration } from '../webhooks/provider'
import { ProviderFailure } from '../webhooks/providerFailure'
import { providers } from '../webhooks/providers'
import { plainText } from './plainText'
import { inProgress } from './progress'
import { showFailure } from './showFailure'
import type { WebhookParts } from './webhookParts'

/** The command "Restore Webhook…": puts back what stood at a provider before. */
export class RestoreWebhook {
  constructor(private readonly parts: Pick<WebhookParts, 'registrations' | 'answers' | 'log'>) {}

  async run(): Promise<void> {
    const { all } = this.parts.registrations
    if (all.length === 0)
      return void window.showInformationMessage(
        'No webhook was registered from here, so there is none to restore.',
      )
    const kept = all.length === 1 ? all[0] : await pick(all)
    if (kept !== undefined) await this.restore(kept)
  }

  /** Shows what came of it. */
  async restore(kept: KeptRegistration): Promise<void> {
    const { log, answers } = this.parts
    const provider = providers[kept.providerId]
    const { formerSecret } = provider.registrar ?? {}
    const asks = [...provider.asks, ...(formerSecret === undefined ? [] : [formerSecret])]
    let again: readonly string[] = []
    let known: Answers = (await answers.all(provider)).get(kept.account) ?? {}
    for (;;) {
      try {
        // The former's secret is asked for only when it turns out to be needed.
        const wanted = asks.filter(({ id }) => id !== formerSecret?.id || again.includes(id))
        known = await answers.ask(`Restore ${provider.title}`, wanted, { known, again })
        await this.putBack(kept, known)
        const { former } = kept
        const text =
          former === undefined || former.callbackUrl === ''
            ? `${provider.title} sends no more webhooks, as before.`
            : `${provider.title} sends webhooks to ${former.callbackUrl} again.`
        void window.showInformationMessage(plainText(text))
        return
      } catch (error) {
        if (isCancelled(error)) return
        if (!(error instanceof Failure) || !(await showFailure(error, log))) return
        again = error instanceof ProviderFailure ? error.askAgain : []
      }
    }
  }

  private putBack(kept: KeptRegistration, answers: Answers): Promise<void> {
    const provider = providers[kept.providerId]
    return inProgress(`Restoring the webhook at ${provider.title}`, (_say, signal) =>
      this.parts.registrations.restore(kept, {
        ...{ provider, answers, signal },
        mayOverwrite: (present) => mayOverwrite(provider.title, kept, present),
      }),
    )
  }
}

async function pick(all: readonly KeptRegistration[]): Promise<KeptRegistration | undefined> {
  const rows = all.map((kept) => ({
    label: `${providers[kept.providerId].title} ${kept.account}`,
    description: `now ${kept.ours.callbackUrl}`,
    detail: kept.former === undefined ? 'Nothing stood there before' : `Before: ${kept.former.callbackUrl}`,
    kept,
  }))
  const options = { placeHolder: 'Which webhook should be as it was before?', matchOnDescription: true }
  return (await window.showQuickPick(rows, options))?.kept
}

async function mayOverwrite(title: string, kept: KeptRegistration, present: Registration): Promise<boolean> {
  const [leave, overwrite] = ['Leave It', 'Overwrite'] as const
  const before = kept.former?.callbackUrl
  const chosen = await window.showWarningMessage(
    `Somebody else has changed the webhook at ${title} since. Overwrite that?`,
    {
      modal: true,
      detail: `Now: ${present.callbackUrl}\nBefore yours: ${before === undefined || before === '' ? 'none' : before}`,
    },
    leave,
    overwrite,
  )
  return chosen === overwrite
}
