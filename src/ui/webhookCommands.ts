import { commands, type ExtensionContext } from 'vscode'
import { DisposableStore, type Disposable } from '../base/disposable'
import type { Event } from '../base/event'
import type { Redactor } from '../base/redactor'
import type { CapturedExchange, EventLabel } from '../http/capturedExchange'
import { labelExchange } from '../webhooks/labels'
import { providers } from '../webhooks/providers'
import { Registrations } from '../webhooks/registrations'
import { RestoreWebhook } from './restoreWebhook'
import { SendTestEvent } from './sendTestEvent'
import { settings } from './settings'
import { SetUpWebhook } from './setUpWebhook'
import { WebhookAnswers } from './webhookAnswers'
import type { WebhookParts } from './webhookParts'
import { WebhookWatch } from './webhookWatch'

export type GivenForWebhooks = Omit<WebhookParts, 'registrations' | 'answers'> & {
  readonly redactor: Redactor
}

/** What the commands for webhooks do, and what watches over what is registered. */
export interface WebhookCommands extends Disposable {
  setUp(argument: unknown): Promise<void>
  restore(): Promise<void>
  sendTest(argument: unknown): Promise<void>
  label(exchange: CapturedExchange): EventLabel | undefined
  readonly onDidChangeLabels: Event<void>
}

/** Resolves when what is kept for the signatures has been read. */
export async function startWebhooks(
  { secrets, globalState }: Pick<ExtensionContext, 'secrets' | 'globalState'>,
  given: GivenForWebhooks,
): Promise<WebhookCommands> {
  const owned = new DisposableStore()
  const { clock, log, redactor } = given
  const answers = new WebhookAnswers(secrets, redactor)
  const registrations = new Registrations({
    ...{ memory: globalState, settings: () => settings.webhookApis(), clock, log },
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
  const tellVsCode = () =>
    void commands.executeCommand('setContext', 'exposePort.hasWebhooks', registrations.all.length > 0)
  owned.add(registrations.onDidChange(tellVsCode))
  tellVsCode()
  await Promise.all(Object.values(providers).map((provider) => answers.all(provider)))
  watch.start()
  return {
    setUp: (argument) => setUp.run(argument),
    restore: () => restore.run(),
    sendTest: (argument) => test.run(argument),
    label: (exchange) => labelExchange(exchange, (providerId) => answers.known(providerId)),
    onDidChangeLabels: answers.onDidChange,
    dispose: () => owned.dispose(),
  }
}
