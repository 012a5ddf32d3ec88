import { commands, QuickPickItemKind, window, type QuickPickItem } from 'vscode'
import type { CapturedExchange } from '../http/capturedExchange'
import type { Tunnel } from '../tunnels/tunnel'
import type { KeptRegistration } from '../webhooks/keptRegistrations'
import { labelExchange } from '../webhooks/labels'
import type { Answers, Delivery, Provider, Sample } from '../webhooks/provider'
import { providers } from '../webhooks/providers'
import { sampleRequest } from '../webhooks/sampleRequest'
import { commandIds } from './commandIds'
import { plainText } from './plainText'
import { inProgress } from './progress'
import { pickProvider } from './setUpWebhook'
import { showFailure } from './showFailure'
import { chooseTunnel } from './tunnelCommands'
import type { WebhookParts } from './webhookParts'
import { chooseWebhookPath } from './webhookPreflight'

/** The command "Send Test Webhook Event…": a sample event of a provider, signed, straight to the app. */
export class SendTestEvent {
  constructor(private readonly parts: WebhookParts) {}

  /** `argument` may be the id of a tunnel. */
  async run(argument?: unknown): Promise<void> {
    const { tunnels, log } = this.parts
    try {
      const tunnel = await chooseTunnel(tunnels, 'A test event to which tunnel?', argument)
      if (tunnel === undefined) return
      const kept = this.keptOf(tunnel)
      const provider = kept === undefined ? await pickProvider('Whose event?') : providers[kept.providerId]
      if (provider !== undefined) await this.untilEnough(tunnel, provider, kept)
    } catch (error) {
      await showFailure(error, log)
    }
  }

  private keptOf({ app, server }: Tunnel): KeptRegistration | undefined {
    return this.parts.registrations.all.find(
      ({ target }) =>
        target.port === app.port && target.host === app.host && target.serverId === server.profile.id,
    )
  }

  private async untilEnough(
    tunnel: Tunnel,
    provider: Provider,
    kept: KeptRegistration | undefined,
  ): Promise<void> {
    const accounts = await this.parts.answers.all(provider)
    const answers = accounts.get(kept?.account ?? '') ?? [...accounts.values()].at(-1) ?? {}
    const { publicUrl } = tunnel
    if (publicUrl === undefined) return
    const path =
      kept?.target.path ?? (await chooseWebhookPath({ tunnel, publicUrl, provider, answers }, this.parts))
    const callbackUrl = new URL(path, publicUrl).toString()
    const chosen = await this.pickEvent(provider, { answers, kept })
    if (chosen === undefined) return
    if (chosen.kind === 'sample')
      await this.send(tunnel, provider, { sample: chosen.sample, answers, callbackUrl })
    else if (kept !== undefined)
      await this.deliverAgain(provider, { answers, kept, delivery: chosen.delivery })
  }

  private async pickEvent(
    provider: Provider,
    { answers, kept }: { answers: Answers; kept: KeptRegistration | undefined },
  ): Promise<Choice | undefined> {
    const rows: Row[] = provider.samples.map((sample) => ({
      label: sample.label,
      choice: { kind: 'sample', sample },
    }))
    const past = kept === undefined ? [] : await this.pastDeliveries(provider, answers, kept)
    const separator: Row = {
      label: 'delivered before, by the provider again',
      kind: QuickPickItemKind.Separator,
    }
    const picked = await window.showQuickPick([...rows, ...(past.length === 0 ? [] : [separator, ...past])], {
      title: `A Test Event of ${provider.title}`,
      placeHolder: 'Which event should the app get?',
      ignoreFocusOut: true,
    })
    return picked?.choice
  }

  private async pastDeliveries(
    { registrar, title }: Provider,
    answers: Answers,
    { ours }: KeptRegistration,
  ): Promise<Row[]> {
    const { deliveries } = registrar ?? {}
    if (deliveries === undefined) return []
    const { registrations, log } = this.parts
    try {
      const list = await inProgress(`Asking ${title}`, (_say, signal) =>
        deliveries.list(registrations.api(signal), answers, ours),
      )
      return list.map((delivery) => ({
        label: delivery.event,
        description: delivery.outcome,
        detail: delivery.at,
        choice: { kind: 'delivery', delivery },
      }))
    } catch (error) {
      // The samples need no provider.
      log.warn(`the deliveries of ${title} could not be read: ${(error as Error).message}`)
      return []
    }
  }

  private async send(
    tunnel: Tunnel,
    provider: Provider,
    { sample, answers, callbackUrl }: { sample: Sample; answers: Answers; callbackUrl: string },
  ): Promise<void> {
    const { tunnels, clock } = this.parts
    const request = sampleRequest({ provider, sample }, { answers, callbackUrl, now: clock.now() })
    const id = await inProgress('Sending a test event', (_say, signal) => tunnel.replay(request, signal))
    const exchange = tunnels.exchanges.get(id)
    const text = exchange === undefined ? 'The event was sent.' : resultText(exchange)
    const [again, show] = ['Send Another…', 'Show Requests'] as const
    void window.showInformationMessage(plainText(text), again, show).then((chosen) => {
      if (chosen === again) void this.run(tunnel.id)
      if (chosen === show) void commands.executeCommand(commandIds.showRequests, tunnel.id)
    })
  }

  private async deliverAgain(
    provider: Provider,
    { answers, kept, delivery }: { answers: Answers; kept: KeptRegistration; delivery: Delivery },
  ): Promise<void> {
    const { registrations } = this.parts
    await inProgress(`Asking ${provider.title}`, (_say, signal) =>
      Promise.resolve(
        provider.registrar?.deliveries?.again(registrations.api(signal), answers, kept.ours, delivery.id),
      ),
    )
    void window.showInformationMessage(plainText(`${provider.title} delivers "${delivery.event}" again.`))
  }
}

type Choice =
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'delivery'; readonly delivery: Delivery }

interface Row extends QuickPickItem {
  readonly choice?: Choice
}

/** What the app made of it. */
function resultText(exchange: CapturedExchange): string {
  const { response, firstByteMs, state } = exchange
  const what = labelExchange(exchange, () => undefined)?.what ?? 'the event'
  if (response === undefined || state !== 'complete') return `The app gave no answer to ${what}.`
  if (response.isOurs) return `The app could not be asked: ${what} got ${response.status} ${response.reason}.`
  const time = firstByteMs === undefined ? '' : ` in ${Math.max(1, Math.round(firstByteMs))} ms`
  const verdict = response.status < 300 ? 'took in' : 'refused'
  return `The app ${verdict} ${what}: ${response.status} ${response.reason}${time}.`
}
