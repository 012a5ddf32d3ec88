import { env, window, workspace, type Memento } from 'vscode'
import type { Clock } from '../base/clock'
import type { Disposable } from '../base/disposable'
import { Cancelled, Failure } from '../base/failure'
import type { Log } from '../base/log'
import { needHttp, type AccessRules, type AccessWish } from '../http/access/accessRules'
import { digestOf } from '../http/access/basicPassword'
import type { GateOptions } from '../http/gateOptions'
import type { PortWatcher } from '../ports/watcher'
import { loosens, readAccess, writeAccess } from '../servers/accessWish'
import { keyOf } from '../servers/portWishes'
import type { Tunnel } from '../tunnels/tunnel'
import type { Tunnels } from '../tunnels/tunnels'
import type { AccessSecrets } from './accessSecrets'
import { describeAccess } from './accessText'
import { askPassword } from './askPassword'
import { plainText } from './plainText'
import { portAccess, portGate, rememberWish, type NamedTarget } from './portName'
import { showFailure } from './showFailure'

/**
 * Who may come in to a port: what the settings say, with the secrets that belong to it. The settings may be a
 * workspace's, which others write; so what a person chose on this machine is kept beside them, and nobody is let in
 * whom that kept out before the person has agreed. Rules that keep out more need no question.
 */
export class PortAccess {
  constructor(
    private readonly parts: {
      readonly secrets: AccessSecrets
      /** Of the workspace: what was last chosen for each port. */
      readonly memory: Pick<Memento, 'get' | 'update'>
      readonly tunnels: Pick<Tunnels, 'all'>
      readonly watcher: Pick<PortWatcher, 'ports'>
      readonly clock: Clock
      readonly log: Log
    },
  ) {}

  get secrets(): AccessSecrets {
    return this.parts.secrets
  }

  /**
   * What the gate goes by when a port is exposed.
   * @throws Failure when the settings cannot be read or cannot be held; Cancelled when the person does not agree.
   */
  async gateFor(named: NamedTarget, { readsHttp }: { readonly readsHttp: boolean }): Promise<GateOptions> {
    const wish = await this.agreed(named)
    if (!readsHttp && needHttp(wish)) throw needsHttp(named)
    const rules = await this.rules(named, wish)
    await this.remember(named, wish)
    return { ...portGate(named), ...rules }
  }

  /**
   * Writes what a person has chosen, and holds it from the next visitor on. The time until it closes goes on, or begins
   * `anew`.
   */
  async choose(named: NamedTarget, wish: AccessWish, { anew = false } = {}): Promise<void> {
    if (wish.password !== true) await this.secrets.setPassword(keyOf(named.target), undefined)
    // First what is held and remembered: the settings say that they have changed, and then nothing is left to do.
    await this.hold(named, wish, { anew })
    await rememberWish(named, { access: isEmpty(wish) ? undefined : writeAccess(wish) })
  }

  /** Ends every link that was shared for this workspace, whichever the port. */
  async endLinks(): Promise<void> {
    const key = await this.secrets.renewLinkKey()
    for (const tunnel of this.parts.tunnels.all) {
      const { gate } = tunnel
      const { access } = gate
      if (access?.link === undefined) continue
      tunnel.setGate({ ...gate, access: { ...access, link: { ...access.link, key } } })
    }
  }

  async copyPassword({ app }: Pick<Tunnel, 'app'>): Promise<void> {
    const password = await this.secrets.password(keyOf(app))
    if (password !== undefined) await env.clipboard.writeText(password)
  }

  /** Open tunnels follow the settings. */
  follow(): Disposable {
    return workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration('exposePort.ports')) return
      const named = new Map(this.parts.tunnels.all.map((tunnel) => [keyOf(tunnel.app), this.named(tunnel)]))
      for (const each of named.values()) void this.take(each)
    })
  }

  /** The port of a tunnel, as the settings know it. */
  named({ app }: Pick<Tunnel, 'app'>): NamedTarget {
    const listening = this.parts.watcher.ports.find(
      ({ port }) => app.host === 'localhost' && port === app.port,
    )
    return { target: { host: app.host, port: app.port }, listening }
  }

  private async take(named: NamedTarget): Promise<void> {
    try {
      const wish = portAccess(named)
      const chosen = this.chosen(named)
      if (chosen === undefined || !loosens(chosen, wish)) {
        await this.hold(named, wish)
        return
      }
      const apply = 'Apply'
      const answer = await window.showWarningMessage(
        `The settings would let more visitors in to port ${keyOf(named.target)} than you chose. ${change(chosen, wish)}`,
        apply,
      )
      if (answer === apply) await this.hold(named, portAccess(named))
    } catch (error) {
      await showFailure(error, this.parts.log, 'warning')
    }
  }

  private async hold(named: NamedTarget, wish: AccessWish, { anew = false } = {}): Promise<void> {
    const chosen = this.chosen(named)
    const rules = await this.rules(named, wish)
    await this.remember(named, wish)
    for (const tunnel of this.parts.tunnels.all) {
      if (keyOf(tunnel.app) !== keyOf(named.target)) continue
      const former = tunnel.gate.access?.closesAt
      const goesOn = !anew && chosen?.closeAfterMs === wish.closeAfterMs && former !== undefined
      const access = rules.access && { ...rules.access, ...(goesOn ? { closesAt: former } : {}) }
      tunnel.setGate({ ...portGate(named), ...(access === undefined ? {} : { access }) })
    }
  }

  private async agreed(named: NamedTarget): Promise<AccessWish> {
    const wish = portAccess(named)
    const chosen = this.chosen(named)
    if (chosen === undefined || !loosens(chosen, wish)) return wish
    const keep = 'Keep What I Chose'
    const take = 'Take the Settings'
    const answer = await window.showWarningMessage(
      `The settings would let more visitors in to port ${keyOf(named.target)} than you chose.`,
      { modal: true, detail: change(chosen, wish) },
      keep,
      take,
    )
    if (answer === undefined) throw new Cancelled()
    return answer === take ? wish : chosen
  }

  /** With the secrets, and the hour that it closes from now. @throws Cancelled when there is no password. */
  private async rules(named: NamedTarget, wish: AccessWish): Promise<Pick<GateOptions, 'access'>> {
    if (isEmpty(wish)) return {}
    const { password: hasPassword, user, closeAfterMs, ...lists } = wish
    const subject = keyOf(named.target)
    let rules: AccessRules = lists
    if (hasPassword === true) {
      const password = (await this.secrets.password(subject)) ?? (await askPassword(named.target))
      if (password === undefined) throw new Cancelled()
      await this.secrets.setPassword(subject, password)
      const digest = digestOf(password)
      const link = { key: await this.secrets.linkKey(), subject }
      rules = { ...rules, password: user === undefined ? { digest } : { user, digest }, link }
    }
    if (closeAfterMs !== undefined) rules = { ...rules, closesAt: this.parts.clock.now() + closeAfterMs }
    return { access: rules }
  }

  private chosen({ target }: NamedTarget): AccessWish | undefined {
    const stored = readAccess(this.parts.memory.get(memoryKey(target)))
    return 'value' in stored ? stored.value : undefined
  }

  private async remember({ target }: NamedTarget, wish: AccessWish): Promise<void> {
    await this.parts.memory.update(memoryKey(target), isEmpty(wish) ? undefined : writeAccess(wish))
  }
}

function memoryKey(target: NamedTarget['target']): string {
  return `access ${keyOf(target)}`
}

function isEmpty({ password = false, ...others }: AccessWish): boolean {
  return !password && Object.keys(others).length === 0
}

function change(chosen: AccessWish, wish: AccessWish): string {
  const [before, after] = [chosen, wish].map((each) => describeAccess(each, 0))
  const text = `You chose: ${before === '' ? 'everybody' : before}. The settings: ${after === '' ? 'everybody' : after}.`
  return plainText(text)
}

function needsHttp({ target }: NamedTarget): Failure {
  return new Failure({
    kind: 'access-needs-http',
    hop: 'settings',
    message: `Port ${keyOf(target)} has a password or a rule for methods, and what passes to it is not read as HTTP here: nobody could be asked for it.`,
    advice:
      'Only addresses and a closing time can be held there. Change "access" of the port in the settings.',
    remedies: [{ do: 'open port settings' }, { do: 'retry' }],
    canHeal: false,
  })
}
