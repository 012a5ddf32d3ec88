import { Cancelled } from '../../base/failure'
import { passwordCommand, probeCommand, type RootAccess } from './command'
import { failures } from './failures'
import { runThere, type SessionSource } from './session'

export interface SudoPasswordQuestion {
  readonly user: string
  readonly host: string
  /** The one that was typed before is wrong. */
  readonly isRetry: boolean
}

/** Undefined: the person closed the question. */
export type AskSudoPassword = (question: SudoPasswordQuestion) => Promise<string | undefined>

/**
 * Finds out how to be root there: as the user who logged in, by sudo, or by sudo with a password, which is asked for
 * and tried before anything else is sent.
 * @throws Failure when there is no way; Cancelled when the person closed the question.
 */
export async function becomeRoot(
  transport: SessionSource,
  { ask, signal }: { ask: AskSudoPassword; signal: AbortSignal },
): Promise<RootAccess> {
  const { user, hostName: host } = transport.settings
  const probe = await runThere(transport, { command: probeCommand, input: '', signal })
  if (probe.printed.some((line) => line.trim() === 'uid 0')) return { kind: 'root' }
  if (probe.code === 0) return { kind: 'sudo' }
  const said = lastLine(probe.printed)
  if (/not found/i.test(said)) throw failures.sudoMissing(host, said)
  if (!/password is required/i.test(said)) throw failures.sudoNotAllowed(host, user, said)
  for (let tries = 0; tries < mostTries; tries++) {
    const password = await ask({ user, host, isRetry: tries > 0 })
    if (password === undefined) throw new Cancelled()
    const tried = await runThere(transport, { command: passwordCommand, input: `${password}\n`, signal })
    if (tried.code === 0) return { kind: 'sudo with password', password }
    const answer = lastLine(tried.printed)
    if (/not (in the sudoers|allowed)/i.test(answer)) throw failures.sudoNotAllowed(host, user, answer)
  }
  throw failures.passwordWrong(host, user)
}

const mostTries = 3

function lastLine(lines: readonly string[]): string {
  return lines.filter((line) => line.trim() !== '').at(-1) ?? ''
}
