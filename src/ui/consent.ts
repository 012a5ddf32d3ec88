import { window, type Memento, type MessageItem } from 'vscode'
import type { AccessWish } from '../http/access/accessRules'
import type { LocalProtocol } from '../ports/probe'
import type { PortRisk } from '../ports/risk'
import type { ServerProfile } from '../servers/profile'
import { whoCanRead } from '../servers/visibility'
import { describeAccess } from './accessText'
import { consentKey, place } from './consentKey'
import { formatLocalTarget, type LocalTarget } from './localTarget'

interface ConsentQuestion {
  readonly target: LocalTarget
  /** Such as `vite · my-app`; may be empty. */
  readonly process: string
  readonly protocol: LocalProtocol
  /** Undefined where only the server can know it. */
  readonly publicUrl: string | undefined
  readonly profile: ServerProfile
  readonly risk: PortRisk | undefined
  /** Who may come in already by the rules of the port. */
  readonly access: AccessWish
  /** Whether a password can be asked for. */
  readonly readsHttp: boolean
}

/** What a person agreed to; undefined when they did not. */
export type Agreement = 'as it is' | 'with a password' | undefined

/** Asks the first time a port is to become public through a server, and remembers a yes in the workspace. */
export class Consent {
  constructor(private readonly memory: Memento) {}

  /**
   * A risky port is asked about each time, with no as the default. A yes with a password counts only as long as there
   * is one.
   */
  async ask(question: ConsentQuestion): Promise<Agreement> {
    if (question.risk !== undefined) return askAboutRisk(question, question.risk)
    const key = consentKey(question)
    const protectedKey = `${key} with a password`
    const isProtected = question.access.password === true
    if (this.memory.get(key) === true) return 'as it is'
    if (isProtected && this.memory.get(protectedKey) === true) return 'as it is'
    const agreed = await askPlainly(question)
    if (agreed === undefined) return undefined
    await this.memory.update(isProtected || agreed === 'with a password' ? protectedKey : key, true)
    return agreed
  }
}

async function askPlainly(question: ConsentQuestion): Promise<Agreement> {
  const { target, process, protocol, publicUrl, profile } = question
  const expose = 'Expose'
  const what = [process, protocolNames[protocol]].filter((part) => part !== '').join(', ')
  const answer = await window.showInformationMessage(
    `Make port ${formatLocalTarget(target)} (${what}) public?`,
    {
      modal: true,
      detail: `Anyone on the internet who knows the address can then reach it at\n${place(publicUrl, profile)}\n\n${rulesText(question)}${whoCanRead(profile)}`,
    },
    expose,
    ...(mayHavePassword(question) ? [withPassword] : []),
  )
  if (answer === withPassword) return 'with a password'
  return answer === expose ? 'as it is' : undefined
}

const withPassword = 'Expose with a Password'

function mayHavePassword({ readsHttp, access }: ConsentQuestion): boolean {
  return readsHttp && access.password !== true
}

function rulesText({ access }: ConsentQuestion): string {
  const rules = describeAccess(access, 0)
  return rules === '' ? '' : `Who may come in: ${rules}.\n\n`
}

const protocolNames: Record<LocalProtocol, string> = { http: 'HTTP', https: 'HTTPS', tcp: 'not HTTP' }

async function askAboutRisk(question: ConsentQuestion, risk: PortRisk): Promise<Agreement> {
  const { target, publicUrl, profile } = question
  const protect: MessageItem = { title: withPassword }
  const expose: MessageItem = { title: 'Expose Anyway' }
  const keep: MessageItem = { title: 'Keep It Private' }
  const answer = await window.showWarningMessage(
    `Port ${formatLocalTarget(target)} is ${risk.what}. Whoever knows the URL can ${risk.consequence}.`,
    {
      modal: true,
      detail: `It would be reachable for anyone on the internet at\n${place(publicUrl, profile)}\n\n${rulesText(question)}${whoCanRead(profile)}`,
    },
    // The first button is what Enter presses.
    keep,
    ...(mayHavePassword(question) ? [protect] : []),
    expose,
  )
  if (answer === protect) return 'with a password'
  return answer === expose ? 'as it is' : undefined
}
