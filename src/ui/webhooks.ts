import { commands, type ExtensionContext } from 'vscode'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Redactor } from '../base/redactor'
import type { CapturedExchange } from '../http/capturedExchange'
import { labelExchange, type WebhookLabel } from '../webhooks/labels'
import { Registrations } from '../webhooks/registrations'
import { commandIds } from './commandIds'
import { RestoreWebhook } from './restoreWebhook'
import { SendTestEvent } from './sendTestEvent'
import { settings } from './settings'
import { SetUpWebhook } from './setUpWebhook'
import { WebhookAnswers } from './webhookAnswers'
import type { WebhookParts } from './webhookParts'
import { WebhookWatch } from './webhookWatch'

export interface Webhooks extends Disposable {
  /** What an exchange is; undefined when it is no webhook. */
  label(exchange: CapturedExchange): WebhookLabel | undefined
}

/** The commands for webhooks, and what watches over what is registered. */
export function registerWebhooks(
  context: ExtensionContext,
  given: Omit<WebhookParts, 'registrations' | 'answers'> & { readonly redactor: Redactor },
): Webhooks {
  const owned = new DisposableStore()
  const { clock, log, redactor } = given
  const answers = new WebhookAnswers(context.secrets, redactor)
  const registrations = new Registrations({
    ...{ memory: context.globalState, settings: () => settings.webhookApis(), clock, log },
  })
  const parts: WebhookParts = { ...given, answers, registrations }
  const test = new SendTestEvent(parts)
  const restore = new RestoreWebhook(parts)
  const setUp = new SetUpWebhook({ ...parts, sendTest: (tunnelId) => test.run(tunnelId) })
  const watch = owned.add(
    new WebhookWatch({
      ...parts,
      restore: (kept) => restore.restore(kept),
      registerAgain: (kept, tunnel) => setUp.again(kept, tunnel),
    }),
  )
  watch.start()
  const on = (id: string, run: (argument: unknown) => Promise<void>) =>
    owned.add(commands.registerCommand(id, run))
  on(commandIds.setUpWebhook, (argument) => setUp.run(argument))
  on(commandIds.restoreWebhook, () => restore.run())
  on(commandIds.sendTestWebhookEvent, (argument) => test.run(argument))
  return {
    label: (exchange) => labelExchange(exchange, (providerId) => answers.known(providerId)),
    dispose: () => owned.dispose(),
  }
}
