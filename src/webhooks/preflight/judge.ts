import { isOpenToAll } from '../../servers/reach'
import type { CallbackRules } from '../provider'
import type { CheckName, Finding, PreflightEvidence, SeenSide } from './evidence'
import type { ProbeAnswer } from './probe'
import { troubleOf } from './troubleOf'
import { cureOf, textOf } from './troubleTexts'
import type { Trouble } from './trouble'
import { isRefused, troubleWithChallenge } from './verification'

/** Says of each check what came of it, in the order a request passes. */
export function judgePreflight(evidence: PreflightEvidence, rules: CallbackRules): Finding[] {
  const app = judgeSide('app', evidence, rules)
  const outside = [...judgeAddress(evidence, rules), ...judgeSide('public URL', evidence, rules)]
  const failed = new Set(app.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check))
  // What the app itself does wrong is told once, with its cure.
  const shown = outside.map((finding) =>
    finding.verdict === 'fail' && failed.has(finding.check) && finding.check !== 'reached'
      ? notReached('public URL', finding.check)
      : finding,
  )
  return [...app, ...shown]
}

/** Whether the provider would take the callback, as far as could be seen. */
export function mayRegister(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict === 'pass' || verdict === 'warning')
}

type Where = Finding['where']

/** What can be known before a byte is sent. */
function judgeAddress(
  { callbackUrl, addresses, isProviderPublic }: PreflightEvidence,
  rules: CallbackRules,
): Finding[] {
  const { protocol, port, hostname } = new URL(callbackUrl)
  const number = port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)
  const fail = (trouble: Trouble) => troubled('public URL', 'address', trouble, { rules, callbackUrl })
  if (protocol !== 'https:') return [fail({ kind: 'not https' })]
  if (rules.ports?.includes(number) === false) return [fail({ kind: 'port', port: number })]
  if (isProviderPublic && addresses.length > 0 && !addresses.some((address) => isOpenToAll(address))) {
    return [
      {
        ...fail({ kind: 'unreachable' }),
        text: `${hostname} leads to ${addresses.join(', ')}, which is reached from here only.`,
        advice: 'Expose the port through a server in the internet, or a tunnel service.',
      },
    ]
  }
  return [
    passed('public URL', 'address', `It is an https: URL${isProviderPublic ? ' at a public address' : ''}.`),
  ]
}

function judgeSide(where: Where, evidence: PreflightEvidence, rules: CallbackRules): Finding[] {
  const side = where === 'app' ? evidence.app : evidence.outside
  const { callbackUrl } = evidence
  const first = side.verification?.answer ?? side.event
  const checks = checksOf(where, side)
  if (first.kind === 'error') {
    const trouble = troubleOf(first)
    const at: CheckName = trouble.kind.startsWith('certificate')
      ? 'certificate'
      : trouble.kind === 'too slow'
        ? 'time'
        : 'reached'
    const failed = troubled(where, at, trouble, { rules, callbackUrl, evidence, said: first.message })
    return checks.map((check) =>
      check === at ? failed : before(checks, check, at) ? reached(where, check) : notReached(where, check),
    )
  }
  return checks.map((check) => judgeCheck(check, where, { evidence, rules, side, first }))
}

function before(checks: readonly CheckName[], check: CheckName, other: CheckName): boolean {
  return checks.indexOf(check) < checks.indexOf(other)
}

/** Those that were made, in the order in which one can stand in the way of the next. */
function checksOf(where: Where, side: SeenSide): CheckName[] {
  return [
    'reached',
    ...(where === 'public URL' ? (['certificate'] as const) : []),
    'time',
    ...(side.verification === undefined ? [] : (['verification'] as const)),
    ...(side.wrongToken === undefined ? [] : (['wrong token'] as const)),
    'event',
    ...(side.wrongSignature === undefined ? [] : (['wrong signature'] as const)),
  ]
}

interface Seen {
  readonly evidence: PreflightEvidence
  readonly rules: CallbackRules
  readonly side: SeenSide
  readonly first: ProbeAnswer
}

function judgeCheck(check: CheckName, where: Where, seen: Seen): Finding {
  switch (check) {
    case 'address':
    case 'reached':
    case 'certificate':
      return reached(where, check)
    case 'time':
      return judgeTime(where, seen)
    case 'verification':
      return judgeVerification(where, seen)
    case 'wrong token':
      return judgeWrongToken(where, seen)
    case 'event':
      return judgeEvent(where, seen)
    case 'wrong signature':
      return judgeWrongSignature(where, seen)
  }
}

function judgeTime(where: Where, { side }: Seen): Finding {
  const slowest = Math.max(side.verification?.answer.ms ?? 0, side.event.ms)
  if (slowest < warnMs) return passed(where, 'time', `It answers within ${Math.max(1, slowest)} ms.`)
  return {
    where,
    check: 'time',
    verdict: 'warning',
    text: `It took ${(slowest / 1000).toFixed(1)} s to answer; the limit is ${answerLimitMs / 1000} s.`,
    advice: 'Answer at once and do the work afterwards.',
  }
}

/** As long as a provider waits without complaint; some sources of Meta's say 20 s. */
export const answerLimitMs = 5000
const warnMs = 2500

function judgeVerification(where: Where, { side, rules, evidence }: Seen): Finding {
  const { verification } = side
  if (verification === undefined) return notReached(where, 'verification')
  const trouble = troubleWithChallenge(verification)
  if (trouble === undefined) return passed(where, 'verification', 'It answers with the challenge alone.')
  const { callbackUrl } = evidence
  return troubled(where, 'verification', trouble, { rules, callbackUrl, evidence })
}

function judgeWrongToken(where: Where, { side, rules }: Seen): Finding {
  const { wrongToken } = side
  if (wrongToken === undefined || wrongToken.answer.kind === 'error') return notReached(where, 'wrong token')
  if (isRefused(wrongToken)) return passed(where, 'wrong token', 'It refuses a wrong verify token.')
  return {
    where,
    check: 'wrong token',
    verdict: 'warning',
    text: 'It accepts any verify token, so anybody may register this URL for an app of theirs.',
    advice: 'Compare hub.verify_token, and answer 403 to any other.',
    ...(rules.snippets.verification === undefined ? {} : { snippet: rules.snippets.verification }),
  }
}

function judgeEvent(where: Where, { side, rules, evidence }: Seen): Finding {
  const { event } = side
  const { callbackUrl } = evidence
  const told = { rules, callbackUrl, evidence }
  if (event.kind === 'error')
    return troubled(where, 'event', troubleOf(event), { ...told, said: event.message })
  if (event.status >= 200 && event.status < 300) {
    return passed(where, 'event', `It takes in a signed event (${event.status}).`)
  }
  const finding = troubled(where, 'event', statusTrouble(event), told)
  const isOwnSignature =
    (event.status === 401 || event.status === 403) && rules.snippets.signature !== undefined
  return isOwnSignature
    ? {
        ...finding,
        advice: 'Its secret is not the one you gave here, or it hashes other bytes than those that came.',
      }
    : finding
}

function judgeWrongSignature(where: Where, { side, rules }: Seen): Finding {
  const { wrongSignature } = side
  if (wrongSignature === undefined || wrongSignature.kind === 'error')
    return notReached(where, 'wrong signature')
  if (wrongSignature.status >= 400)
    return passed(where, 'wrong signature', 'It refuses an event with a wrong signature.')
  return {
    where,
    check: 'wrong signature',
    verdict: 'warning',
    text: 'It takes in events with a wrong signature, so anybody who knows the URL can send it some.',
    advice: 'Check the signature over the bytes as they came.',
    ...(rules.snippets.signature === undefined ? {} : { snippet: rules.snippets.signature }),
  }
}

function statusTrouble(answer: Extract<ProbeAnswer, { kind: 'answered' }>): Trouble {
  const { status, reason, location } = answer
  return status >= 300 && status < 400
    ? { kind: 'redirect', to: location }
    : { kind: 'status', status, reason }
}

function troubled(
  where: Where,
  check: CheckName,
  trouble: Trouble,
  told: {
    readonly rules: CallbackRules
    readonly callbackUrl: string
    readonly evidence?: PreflightEvidence
    readonly said?: string
  },
): Finding {
  const { rules, callbackUrl, evidence, said } = told
  const wouldSay = rules.wouldSay(trouble)
  const facts = {
    where,
    callbackUrl,
    appPort: evidence?.appPort,
    isTrustedHere: evidence?.isTrustedHere === true,
    said,
  }
  const snippet = trouble.kind === 'challenge' ? rules.snippets.verification : undefined
  return {
    where,
    check,
    verdict: 'fail',
    text: textOf(trouble, facts),
    ...(wouldSay === undefined ? {} : { wouldSay }),
    advice: cureOf(trouble, facts),
    ...(snippet === undefined ? {} : { snippet }),
  }
}

function passed(where: Where, check: CheckName, text: string): Finding {
  return { where, check, verdict: 'pass', text }
}

function reached(where: Where, check: CheckName): Finding {
  return passed(
    where,
    check,
    check === 'certificate' ? 'The provider trusts its certificate.' : 'It answers.',
  )
}

function notReached(where: Where, check: CheckName): Finding {
  return { where, check, verdict: 'not reached', text: 'Not reached.' }
}
