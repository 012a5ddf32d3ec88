import { Failure } from '../../base/failure'
import type { ServiceProfile } from '../profile'
import { adapterOf, type ServiceAdapter } from './adapters'
import type { Reason } from './heard'
import { quoteLine } from './sessionText'

/** What goes wrong at a tunnel service, each with what to do about it. */
export const serviceFailures = {
  refused(adapter: ServiceAdapter, reason: Reason, said: string): Failure {
    const { message, advice, canHeal } = reasons[reason]
    return new Failure({
      kind: kinds[reason],
      hop: 'remote forward',
      message: `${capitalised(adapter.title)} ${message}.`,
      ...saidBy(said),
      advice: advice === '' ? adapter.refusalAdvice : `${advice} ${adapter.refusalAdvice}`,
      remedies: [{ do: 'retry' }, { do: 'open settings' }, { do: 'show log' }],
      canHeal,
    })
  },

  silent(adapter: ServiceAdapter, seconds: number, said: string): Failure {
    return new Failure({
      kind: 'service-silent',
      hop: 'remote forward',
      message: `${capitalised(adapter.title)} named no public URL within ${seconds} s.`,
      ...saidBy(said),
      advice:
        'It may have changed, or be overloaded: the log has all it said. Try again later, or another service.',
      remedies: [{ do: 'retry' }, { do: 'show log' }],
      canHeal: true,
    })
  },

  /** It called an address the tunnel's that is not below its own domains. */
  foreignUrl(adapter: ServiceAdapter, domains: readonly string[], url: string): Failure {
    return new Failure({
      kind: 'service-foreign-url',
      hop: 'remote forward',
      message: `${capitalised(adapter.title)} named a public URL that is not below ${domains.join(' or ')}; it was not used.`,
      said: quoteLine(url),
      advice:
        adapter.name === 'sish'
          ? 'If that is your server, write its domain in { "sish": … }, and where it is reached in "ssh".'
          : 'If you have a domain of your own there, write it in "domain". Otherwise try another service.',
      remedies: [{ do: 'open settings' }, { do: 'show log' }],
      canHeal: false,
    })
  },

  ended(adapter: ServiceAdapter, said: string): Failure {
    return new Failure({
      kind: 'service-ended',
      hop: 'connection',
      message: `${capitalised(adapter.title)} ended the tunnel.`,
      ...saidBy(said),
      advice: 'A new one is asked for; its URL may be another.',
      remedies: [{ do: 'retry' }, { do: 'show log' }],
      canHeal: true,
    })
  },

  noSession(adapter: ServiceAdapter, error: unknown): Failure {
    return new Failure({
      kind: 'service-no-session',
      hop: 'remote forward',
      message: `${capitalised(adapter.title)} opened no session, in which it would name the public URL.`,
      said: error instanceof Error ? error.message : String(error),
      advice: 'Check "ssh" in its settings: this may be another kind of server.',
      remedies: [{ do: 'open settings' }, { do: 'retry' }],
      canHeal: true,
      cause: error,
    })
  },
}

/** A login that was refused, with what that means at this service; any other error as it is. */
export function explainLogin(profile: ServiceProfile, error: unknown): unknown {
  if (!(error instanceof Failure) || error.hop !== 'authentication') return error
  const { kind, hop, message, said, advice, remedies, canHeal } = error
  return new Failure({
    ...{ kind, hop, message, remedies, canHeal, cause: error },
    ...(said === undefined ? {} : { said }),
    advice: `${adapterOf(profile.service).loginAdvice} ${advice}`,
  })
}

const kinds: Readonly<Record<Reason, string>> = {
  'name taken': 'service-name-taken',
  'key unknown': 'service-key-unknown',
  'domain needed': 'service-domain-needed',
  'already online': 'service-already-online',
  other: 'service-refused',
}

const reasons: Readonly<Record<Reason, { message: string; advice: string; canHeal: boolean }>> = {
  'name taken': { message: 'does not give this name', advice: '', canHeal: true },
  'key unknown': { message: 'does not know your key', advice: '', canHeal: false },
  'domain needed': {
    message: 'gives a tunnel to a reserved domain only',
    advice: 'Reserve one there, and name it in "domain".',
    canHeal: false,
  },
  'already online': {
    message: 'has a tunnel of yours online already, and lets there be no other',
    advice: 'Stop the other one.',
    canHeal: true,
  },
  other: { message: 'refused the tunnel', advice: '', canHeal: true },
}

function saidBy(said: string): { said: string } | Record<string, never> {
  return said === '' ? {} : { said: quoteLine(said) }
}

function capitalised(title: string): string {
  return title.startsWith('the ') ? `The ${title.slice(4)}` : title
}
