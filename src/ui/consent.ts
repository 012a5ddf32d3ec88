import { window, type Memento, type MessageItem } from 'vscode'
import type { LocalProtocol } from '../ports/probe'
import type { PortRisk } from '../ports/risk'
import type { ServerProfile } from '../servers/profile'
import { whoCanRead } from '../servers/visibility'
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
}

/** Asks the first time a port is to become public through a server, and remembers a yes in the workspace. */
export class Consent {
  constructor(private readonly memory: Memento) {}

  /** True to go on. A risky port is asked about each time, with no as the default. */
  async ask(question: ConsentQuestion): Promise<boolean> {
    const key = consentKey(question)
    if (question.risk !== undefined) return askAboutRisk(question, question.risk)
    if (this.memory.get(key) === true) return true
    if (!(await askPlainly(question))) return false
    await this.memory.update(key, true)
    return true
  }
}

async function askPlainly({
  target,
  process,
  protocol,
  publicUrl,
  profile,
}: ConsentQuestion): Promise<boolean> {
  const expose = 'Expose'
  const what = [process, protocolNames[protocol]].filter((part) => part !== '').join(', ')
  const answer = await window.showInformationMessage(
    `Make port ${formatLocalTarget(target)} (${what}) public?`,
    {
      modal: true,
      detail: `Anyone on the internet who knows the address can then reach it at\n${place(publicUrl, profile)}\n\n${whoCanRead(profile)}`,
    },
    expose,
  )
  return answer === expose
}

const protocolNames: Record<LocalProtocol, string> = { http: 'HTTP', https: 'HTTPS', tcp: 'not HTTP' }

async function askAboutRisk(
  { target, publicUrl, profile }: ConsentQuestion,
  risk: PortRisk,
): Promise<boolean> {
  const expose: MessageItem = { title: 'Expose Anyway' }
  const keep: MessageItem = { title: 'Keep It Private' }
  const answer = await window.showWarningMessage(
    `Port ${formatLocalTarget(target)} is ${risk.what}. Whoever knows the URL can ${risk.consequence}.`,
    {
      modal: true,
      detail: `It would be reachable for anyone on the internet at\n${place(publicUrl, profile)}\n\n${whoCanRead(profile)}`,
    },
    // The first button is what Enter presses.
    keep,
    expose,
  )
  return answer === expose
}
