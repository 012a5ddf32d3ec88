import { window } from 'vscode'
import type { Clock } from '../base/clock'
import { DisposableStore, toDisposable, type Disposable } from '../base/disposable'
import { isCancelled } from '../base/failure'
import { waitsInWords } from '../webhooks/failingText'
import type { KeptRegistration } from '../webhooks/keptRegistrations'
import { judgeFailing } from '../webhooks/labels'
import { providers } from '../webhooks/providers'
import type { Drift } from '../webhooks/decideRegistration'
import type { Tunnel } from '../tunnels/tunnel'
import { plainText } from './plainText'
import type { WebhookParts } from './webhookParts'

/**
 * Watches over what is registered: offers to put it back when its tunnel is stopped or a former window has left it,
 * to register again when the public URL has become another, and says when somebody changed it or the app fails.
 */
export class WebhookWatch implements Disposable {
  private readonly owned = new DisposableStore()
  private readonly closed = new AbortController()
  /** Tunnels by what is registered for them, while they are open. */
  private served = new Map<string, Tunnel>()
  /** What has been said, so that it is said once. */
  private readonly said = new Set<string>()
  private timer: Disposable = toDisposable(() => undefined)

  constructor(
    private readonly parts: Pick<
      WebhookParts,
      'tunnels' | 'registrations' | 'answers' | 'neighbours' | 'clock' | 'log'
    > & {
      readonly restore: (kept: KeptRegistration) => Promise<void>
      readonly registerAgain: (kept: KeptRegistration, tunnel: Tunnel) => Promise<void>
    },
  ) {}

  start(): void {
    const { tunnels, registrations, clock } = this.parts
    this.owned.add(tunnels.onDidChange(() => this.look()))
    this.owned.add(registrations.onDidChange(() => this.look()))
    this.owned.add(clock.after(leftOverMs, () => void this.offerLeftOvers()))
    this.owned.add(toDisposable(() => this.timer.dispose()))
    this.owned.add(toDisposable(() => this.closed.abort()))
    this.tick(clock)
  }

  dispose(): void {
    this.owned.dispose()
  }

  private tick(clock: Clock): void {
    this.timer = clock.after(minute, () => {
      this.tick(clock)
      for (const kept of this.parts.registrations.all) {
        const tunnel = this.served.get(keyOf(kept))
        if (tunnel === undefined) continue
        this.warnOfFailing(kept, tunnel)
        if (clock.now() % driftMs < minute) void this.checkDrift(kept, tunnel)
      }
    })
  }

  private look(): void {
    const { tunnels, registrations } = this.parts
    const before = this.served
    this.served = new Map()
    for (const kept of registrations.all) {
      const key = keyOf(kept)
      const tunnel = tunnels.all.find((each) => isFor(kept, each))
      if (tunnel === undefined) {
        if (before.has(key)) this.offerRestore(kept, 'stopped')
        continue
      }
      // One that is only being opened may still fail.
      if (tunnel.state.kind === 'connecting') continue
      this.served.set(key, tunnel)
      this.said.delete(overKey(kept))
      if (tunnel.state.kind !== 'open') continue
      const hasMoved = tunnel.publicUrl !== undefined && !isAt(kept, tunnel.publicUrl)
      if (hasMoved) this.offerAgain(kept, tunnel, tunnel.publicUrl)
      else if (!before.has(key)) void this.checkDrift(kept, tunnel)
    }
  }

  /** Of a window that ended without a word. */
  private async offerLeftOvers(): Promise<void> {
    const { tunnels, registrations, neighbours } = this.parts
    for (const kept of registrations.all) {
      const other = await neighbours.holderOfUrl(kept.ours.callbackUrl)
      const isServed = other !== undefined || tunnels.all.some((tunnel) => isFor(kept, tunnel))
      if (!isServed && !this.owned.isDisposed) this.offerRestore(kept, 'left')
    }
  }

  private offerRestore(kept: KeptRegistration, why: 'stopped' | 'left'): void {
    const { title } = providers[kept.providerId]
    const { former, ours } = kept
    const before =
      former === undefined || former.callbackUrl === '' ? '' : ` Before, it was ${former.callbackUrl}.`
    const text = `${title} still sends webhooks to ${ours.callbackUrl}, where nothing is exposed${why === 'stopped' ? ' any more' : ''}.${before}`
    this.sayOnce(overKey(kept), text, {
      [former === undefined ? 'Remove It' : 'Restore']: () => this.parts.restore(kept),
      'Leave It': () => Promise.resolve(),
    })
  }

  private offerAgain(kept: KeptRegistration, tunnel: Tunnel, publicUrl: string): void {
    const { title } = providers[kept.providerId]
    const text = `${title} sends webhooks to ${kept.ours.callbackUrl}, and port ${tunnel.app.port} is now at ${publicUrl}.`
    this.sayOnce(`moved ${keyOf(kept)} ${publicUrl}`, text, {
      'Register Again': () => this.parts.registerAgain(kept, tunnel),
    })
  }

  private async checkDrift(kept: KeptRegistration, tunnel: Tunnel): Promise<void> {
    const { registrations, answers, log } = this.parts
    const provider = providers[kept.providerId]
    try {
      const known = (await answers.all(provider)).get(kept.account)
      if (known === undefined) return
      const drift = await registrations.drift(kept, { provider, answers: known, signal: this.closed.signal })
      if (drift.kind === 'none') return
      this.sayOnce(`drift ${keyOf(kept)} ${JSON.stringify(drift)}`, driftText(provider.title, drift), {
        'Register Again': () => this.parts.registerAgain(kept, tunnel),
      })
    } catch (error) {
      if (!isCancelled(error))
        log.warn(`the webhook at ${provider.title} could not be looked at: ${String(error)}`)
    }
  }

  private warnOfFailing(kept: KeptRegistration, tunnel: Tunnel): void {
    const { tunnels, clock } = this.parts
    const own = tunnels.exchanges.all.filter(({ tunnelId }) => tunnelId === tunnel.id)
    const failing = judgeFailing(own, { path: kept.target.path.split('?')[0] ?? '/', now: clock.now() })
    if (failing.kind === 'not failing') return void this.said.delete(`failing ${keyOf(kept)}`)
    if (failing.sinceMs < warnAfterMs || !isMeta(kept)) return
    this.sayOnce(`failing ${keyOf(kept)}`, waitsInWords(providers[kept.providerId].title, failing), {})
  }

  private sayOnce(key: string, text: string, actions: Readonly<Record<string, () => Promise<void>>>): void {
    if (this.said.has(key)) return
    this.said.add(key)
    void window
      .showWarningMessage(plainText(text), ...Object.keys(actions))
      .then((chosen) => (chosen === undefined ? undefined : actions[chosen]?.()))
  }
}

const minute = 60_000
const driftMs = 10 * minute
/** Long enough for a port to be exposed again first. */
const leftOverMs = 20_000
/** Before Meta writes to the developer, at about 15 minutes. */
const warnAfterMs = 8 * minute

function keyOf({ providerId, account }: KeptRegistration): string {
  return `${providerId} ${account}`
}

/** Of the offer to put it back. */
function overKey(kept: KeptRegistration): string {
  return `over ${keyOf(kept)}`
}

function isFor({ target }: KeptRegistration, { app, server }: Tunnel): boolean {
  return target.host === app.host && target.port === app.port && target.serverId === server.profile.id
}

function isAt({ ours, target }: KeptRegistration, publicUrl: string): boolean {
  return ours.callbackUrl === new URL(target.path, publicUrl).toString()
}

function isMeta({ providerId }: KeptRegistration): boolean {
  return ['messenger', 'instagram', 'whatsapp'].includes(providerId)
}

function driftText(title: string, drift: Exclude<Drift, { kind: 'none' }>): string {
  switch (drift.kind) {
    case 'other':
      return `Somebody has changed the webhook at ${title}: it leads to ${drift.callbackUrl} now.`
    case 'gone':
      return `The webhook at ${title} is gone: somebody has removed it.`
    case 'inactive':
      return `${title} has stopped sending webhooks here, since too many were not taken in.`
    case 'events':
      return `${title} no longer sends ${drift.missing.join(', ')}.`
  }
}
