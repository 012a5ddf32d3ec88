import { commands, type ExtensionContext } from 'vscode'
import { DisposableStore, type Disposable } from '../base/disposable'
import { Emitter } from '../base/event'
import type { CapturedExchange, EventLabel } from '../http/capturedExchange'
import { KeptRegistrations } from '../webhooks/keptRegistrations'
import { commandIds } from './commandIds'
import type { EventLabels } from './inspectorSession'
import { showFailure } from './showFailure'
import type { GivenForWebhooks, WebhookCommands } from './webhookCommands'

/**
 * The commands for webhooks, and what webhooks are in the inspector. The rest is read when a command is called, a
 * request came in that may be a webhook, or there is something registered to watch over.
 */
export function registerWebhooks(context: ExtensionContext, given: GivenForWebhooks): Webhooks {
  const webhooks = new Webhooks(context, given)
  if (new KeptRegistrations(context.globalState).all.length > 0) webhooks.readSoon()
  return webhooks
}

export class Webhooks implements EventLabels, Disposable {
  private readonly owned = new DisposableStore()
  private readonly didChange = new Emitter<void>()
  private reading: Promise<WebhookCommands> | undefined
  private read: WebhookCommands | undefined

  readonly onDidChange = this.didChange.event

  constructor(
    private readonly context: ExtensionContext,
    private readonly given: GivenForWebhooks,
  ) {
    const on = (id: string, run: (webhooks: WebhookCommands, argument: unknown) => Promise<void>) =>
      this.owned.add(commands.registerCommand(id, (argument: unknown) => this.run(run, argument)))
    on(commandIds.setUpWebhook, (webhooks, argument) => webhooks.setUp(argument))
    on(commandIds.restoreWebhook, (webhooks) => webhooks.restore())
    on(commandIds.sendTestWebhookEvent, (webhooks, argument) => webhooks.sendTest(argument))
  }

  /** Undefined when it is no webhook, or it is not known yet. */
  label(exchange: CapturedExchange): EventLabel | undefined {
    if (exchange.request.method !== 'POST') return undefined
    if (this.read === undefined) this.readSoon()
    return this.read?.label(exchange)
  }

  /** Never rejects. */
  readSoon(): void {
    this.all().catch((error: unknown) =>
      this.given.log.error(`webhooks cannot be looked after: ${String(error)}`),
    )
  }

  dispose(): void {
    this.owned.dispose()
  }

  private async run(
    act: (webhooks: WebhookCommands, argument: unknown) => Promise<void>,
    argument: unknown,
  ): Promise<void> {
    try {
      await act(await this.all(), argument)
    } catch (error) {
      await showFailure(error, this.given.log)
    }
  }

  private all(): Promise<WebhookCommands> {
    this.reading ??= this.start()
    return this.reading
  }

  private async start(): Promise<WebhookCommands> {
    const { startWebhooks } = await import('./webhookCommands')
    const read = this.owned.add(await startWebhooks(this.context, this.given))
    this.owned.add(read.onDidChangeLabels(() => this.didChange.fire()))
    this.read = read
    this.didChange.fire()
    return read
  }
}
