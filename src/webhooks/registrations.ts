import type { Clock } from '../base/clock'
import { Emitter } from '../base/event'
import { Cancelled } from '../base/failure'
import type { Log } from '../base/log'
import { Api } from './api'
import type { ApiSettings } from './apiSettings'
import { decideRegistration, judgeDrift, type Drift } from './decideRegistration'
import {
  KeptRegistrations,
  type KeptRegistration,
  type RegistrationMemory,
  type RegistrationTarget,
} from './keptRegistrations'
import type { Answers, Provider, Registrar, Registration } from './provider'
import { ProviderFailure } from './providerFailure'

export interface WebhookWish {
  readonly provider: Provider
  readonly answers: Answers
  readonly callbackUrl: string
  readonly events: readonly string[]
  readonly target: RegistrationTarget
}

export interface RegistrationPrompts {
  /** Another callback stands there. */
  mayOverwrite(former: Registration): Promise<boolean>
}

/** Registers callbacks at providers, keeps a copy of what stood there, and puts it back. */
export class Registrations {
  private readonly kept: KeptRegistrations
  private readonly didChange = new Emitter<void>()

  /** Fires when something was registered or put back. */
  readonly onDidChange = this.didChange.event

  constructor(
    private readonly parts: {
      readonly memory: RegistrationMemory
      readonly settings: () => ApiSettings
      readonly clock: Clock
      readonly log: Log
    },
  ) {
    this.kept = new KeptRegistrations(parts.memory)
  }

  /** What is registered here and can be put back, the latest first. */
  get all(): readonly KeptRegistration[] {
    return this.kept.all
  }

  /**
   * Registers, after a copy of what stands there is kept, and reads it back. Answers with what a person should know.
   * @throws Failure, or Cancelled when a person does not want the other overwritten.
   */
  async register(
    { provider, answers, callbackUrl, events, target }: WebhookWish,
    prompts: RegistrationPrompts,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const registrar = registrarOf(provider)
    const api = this.api(signal)
    const account = registrar.account(answers)
    const kept = this.kept.find(provider.id, account)
    const urls = [callbackUrl, ...(kept === undefined ? [] : [kept.ours.callbackUrl])]
    const present = await registrar.read(api, answers, urls)
    const decision = decideRegistration(present, kept, callbackUrl)
    if (decision.kind === 'must ask' && !(await prompts.mayOverwrite(decision.former))) throw new Cancelled()
    const ours: Registration = { callbackUrl, events, isActive: true, more: {} }
    const copy: KeptRegistration = {
      ...{ providerId: provider.id, account, former: decision.former, ours, target },
      at: this.parts.clock.now(),
    }
    // Before anything changes there: after a crash it is still known what to put back.
    await this.kept.put(copy)
    const remarks = await registrar
      .register(api, answers, { callbackUrl, events, present })
      .catch(async (error: unknown) => {
        await this.undoCopy(copy, kept, { registrar, api, answers, urls })
        throw error
      })
    const readBack = await registrar.read(api, answers, [callbackUrl])
    if (readBack?.callbackUrl !== callbackUrl) throw notThere(provider, readBack)
    await this.kept.put({ ...copy, ours: { ...readBack, events } })
    this.parts.log.info(`${provider.title} sends webhooks to ${callbackUrl}`)
    this.didChange.fire()
    return remarks
  }

  /** What became of a registration since. @throws Failure, or Cancelled. */
  async drift(kept: KeptRegistration, facts: ProviderFacts): Promise<Drift> {
    const { provider, answers, signal } = facts
    const api = this.api(signal)
    return judgeDrift(await registrarOf(provider).read(api, answers, [kept.ours.callbackUrl]), kept)
  }

  /**
   * Puts the former callback back and forgets the copy. Where somebody else has changed it since, `mayOverwrite` is
   * asked; without consent the copy stays.
   * @throws Failure, or Cancelled.
   */
  async restore(
    kept: KeptRegistration,
    facts: ProviderFacts & { readonly mayOverwrite: (present: Registration) => Promise<boolean> },
  ): Promise<void> {
    const { provider, answers, signal, mayOverwrite } = facts
    const registrar = registrarOf(provider)
    const api = this.api(signal)
    const { former, ours } = kept
    const present = await registrar.read(api, answers, [ours.callbackUrl])
    const isOurs = present === undefined || ['', ours.callbackUrl].includes(present.callbackUrl)
    const isBack = present !== undefined && present.callbackUrl === former?.callbackUrl
    const isGone = present === undefined && former === undefined
    if (!isOurs && !isBack && !(await mayOverwrite(present))) throw new Cancelled()
    if (!isGone) await registrar.restore(api, answers, former, present ?? ours)
    const readBack = await registrar.read(api, answers, [former?.callbackUrl ?? ours.callbackUrl])
    if ((readBack?.callbackUrl ?? '') !== (former?.callbackUrl ?? '')) throw notThere(provider, readBack)
    await this.kept.remove(kept)
    const { callbackUrl = '' } = former ?? {}
    this.parts.log.info(`${provider.title} sends webhooks to ${callbackUrl || 'nobody'} again`)
    this.didChange.fire()
  }

  /** For what else the provider's API can do. */
  api(signal: AbortSignal): Api {
    const { settings, clock, log } = this.parts
    return new Api({ settings: settings(), clock, log, signal })
  }

  /** No longer wants to put anything back. */
  async forget(kept: KeptRegistration): Promise<void> {
    await this.kept.remove(kept)
    this.didChange.fire()
  }

  /** Keeps the copy only if the provider has taken something over, which a refusal half-way may leave. */
  private async undoCopy(
    copy: KeptRegistration,
    before: KeptRegistration | undefined,
    {
      registrar,
      api,
      answers,
      urls,
    }: { registrar: Registrar; api: Api; answers: Answers; urls: readonly string[] },
  ): Promise<void> {
    try {
      const present = await registrar.read(api, answers, urls)
      if (present?.callbackUrl === copy.ours.callbackUrl) return
    } catch {
      // It cannot be known: better a copy too many.
      return
    }
    if (before === undefined) await this.kept.remove(copy)
    else await this.kept.put(before)
  }
}

export interface ProviderFacts {
  readonly provider: Provider
  readonly answers: Answers
  readonly signal: AbortSignal
}

function registrarOf({ registrar, title }: Provider): Registrar {
  if (registrar !== undefined) return registrar
  throw new Error(`${title} has no API to register at`)
}

function notThere({ title }: Provider, present: Registration | undefined): ProviderFailure {
  const said = present?.callbackUrl ?? ''
  return new ProviderFailure({
    kind: 'webhook-not-taken-over',
    message: `${title} said yes, but another callback stands there when it is read back.`,
    said: said === '' ? 'It has none.' : said,
    advice: 'Somebody else may be changing it at the same time. Try again.',
    canHeal: true,
  })
}
