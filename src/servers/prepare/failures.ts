import { Failure, type FailureDetails } from '../../base/failure'
import type { ScriptLine } from './output'

/** Why a server could not be prepared. */
export const failures = {
  sudoMissing: (destination: string, said: string): Failure =>
    failure({
      kind: 'sudo-missing',
      message: `There is no sudo on ${destination}, and you are not root there.`,
      said,
      advice: 'Log in as root, or install sudo there and allow this user to use it.',
    }),

  sudoNotAllowed: (destination: string, user: string, said: string): Failure =>
    failure({
      kind: 'sudo-not-allowed',
      message: `${user} may not become root by sudo on ${destination}.`,
      said,
      advice: `Log in as another user, or allow it there as root: usermod -aG sudo ${user}`,
    }),

  passwordWrong: (destination: string, user: string): Failure =>
    failure({
      kind: 'sudo-password-wrong',
      message: `sudo on ${destination} did not accept the password of ${user}.`,
      advice: 'Try again with the password that this user has on the server.',
    }),

  noExec: (destination: string, error: unknown): Failure =>
    failure({
      kind: 'no-commands',
      message: `${destination} runs no commands for this user, and a server cannot be prepared without.`,
      said: error instanceof Error ? error.message : String(error),
      advice: 'Log in with a key and a user that may run commands.',
    }),

  noAnswer: (destination: string, printed: string): Failure =>
    failure({
      kind: 'no-shell',
      message: `${destination} did not run a command as a shell does.`,
      said: printed.slice(-500),
      advice: 'Log in as a user that has a shell there.',
    }),

  /** The script said so itself. */
  refused: (lines: readonly ScriptLine[]): Failure => {
    const texts = (kind: 'error' | 'said' | 'advice') =>
      lines.flatMap((line) => (line.kind === kind ? [line.text.trimEnd()] : []))
    const said = texts('said').join('\n').trim()
    const isTakenBack = lines.some((line) => line.kind === 'taken back')
    // Without that, what could not be taken back stands in the warnings.
    const state = isTakenBack
      ? ['Everything was taken back: the server is as it was before.']
      : lines.flatMap((line) => (line.kind === 'warning' ? [line.text] : []))
    return failure({
      kind: 'preparation-refused',
      message: texts('error')[0] ?? '',
      ...(said === '' ? {} : { said }),
      advice: [...texts('advice'), ...state].join(' '),
    })
  },

  /** It ended, and said neither that it is done nor why not. */
  endedEarly: (destination: string, code: number, lines: readonly ScriptLine[]): Failure =>
    failure({
      kind: 'preparation-failed',
      message: `The script ended with code ${code} on ${destination}.`,
      said: lines
        .flatMap((line) => ('text' in line ? [line.text] : []))
        .slice(-8)
        .join('\n'),
      advice: 'Look at the log. Running it again is safe: it changes only what is not yet as it shall be.',
    }),

  connectionLost: (destination: string): Failure =>
    failure({
      kind: 'preparation-interrupted',
      message: `The connection to ${destination} was lost while the server was being prepared.`,
      advice: 'The script takes everything back by itself when that happens. Try again.',
    }),
}

function failure(details: Omit<FailureDetails, 'hop' | 'canHeal' | 'remedies'>): Failure {
  return new Failure({
    ...details,
    hop: 'connection',
    remedies: [{ do: 'retry' }, { do: 'show log' }],
    canHeal: false,
  })
}
