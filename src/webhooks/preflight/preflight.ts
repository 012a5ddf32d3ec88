import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { rootCertificates } from 'node:tls'
import type { Clock } from '../../base/clock'
import { Cancelled } from '../../base/failure'
import type { LocalApp } from '../../tunnels/localApp'
import { addressesOf, trustedRoots } from '../../tunnels/publicProbe'
import type { Answers, Provider, SampleRequest } from '../provider'
import type { PreflightEvidence, SeenSide } from './evidence'
import { answerLimitMs } from './judge'
import { askApp, askOutside, type ProbeAnswer, type ProbeRequest } from './probe'
import { troubleOf } from './troubleOf'

export interface Preflight {
  readonly provider: Provider
  readonly answers: Answers
  readonly app: LocalApp
  /** The public URL with the path. */
  readonly callbackUrl: string
  readonly isProviderPublic: boolean
  /** In PEM, whom the provider trusts besides the public authorities. */
  readonly ca?: string | undefined
  readonly lookup?: LookupFunction | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
  /** What takes longer counts as no answer. */
  readonly limitMs?: number
}

/** Sends what the provider would send, first straight to the app, then through the public URL. @throws Cancelled. */
export async function gatherPreflight(preflight: Preflight): Promise<PreflightEvidence> {
  const { app, callbackUrl, isProviderPublic, ca, lookup, clock, signal } = preflight
  const limits = { clock, signal, limitMs: preflight.limitMs ?? answerLimitMs }
  const roots = [...rootCertificates, ...(ca === undefined ? [] : [ca])]
  const outsideBy = (trusted: readonly string[]) => (request: ProbeRequest) =>
    askOutside(callbackUrl, request, { ...limits, roots: trusted, lookup })
  const ofApp = await askAll(preflight, (request) => askApp(app, request, limits))
  const outside = await askAll(preflight, outsideBy(roots))
  const first = outside.verification?.answer ?? outside.event
  const isUntrusted = first.kind === 'error' && troubleOf(first).kind === 'certificate untrusted'
  const here = isUntrusted ? await outsideBy(trustedRoots())(verification(preflight).request) : undefined
  const evidence = {
    callbackUrl,
    appPort: app.port,
    app: ofApp,
    outside,
    addresses: await addressesOf(withoutBrackets(new URL(callbackUrl).hostname), lookup),
    isProviderPublic,
    isTrustedHere: here?.kind === 'answered',
  }
  if (signal.aborted) throw new Cancelled()
  return evidence
}

async function askAll(
  preflight: Preflight,
  ask: (request: ProbeRequest) => Promise<ProbeAnswer>,
): Promise<SeenSide> {
  const { rules, asks } = preflight.provider
  const verified = rules.verification === undefined ? undefined : await askVerified(preflight, ask)
  // Who does not answer is not asked again: each time is a long wait.
  if (verified?.verification.answer.kind === 'error')
    return { ...verified, event: verified.verification.answer }
  const event = await ask(eventRequest(preflight, preflight.answers))
  const secrets = asks.filter(({ isSecret }) => isSecret)
  if (secrets.length === 0 || event.kind === 'error') return { ...verified, event }
  const strange = Object.fromEntries(secrets.map(({ id }) => [id, randomBytes(16).toString('hex')]))
  const wrongSignature = await ask(eventRequest(preflight, { ...preflight.answers, ...strange }))
  return { ...verified, event, wrongSignature }
}

async function askVerified(
  preflight: Preflight,
  ask: (request: ProbeRequest) => Promise<ProbeAnswer>,
): Promise<Required<Pick<SeenSide, 'verification'>> & SeenOfWrongToken> {
  const sent = verification(preflight)
  const first = { verification: { challenge: sent.challenge, answer: await ask(sent.request) } }
  if (first.verification.answer.kind === 'error') return first
  const wrong = verification(preflight, 'wrong')
  return { ...first, wrongToken: { challenge: wrong.challenge, answer: await ask(wrong.request) } }
}

type SeenOfWrongToken = Pick<SeenSide, 'wrongToken'>

/** The GET by which a provider verifies a callback; with a token of our own where it is to be refused. */
export function verification(
  { provider, answers, callbackUrl }: Pick<Preflight, 'provider' | 'answers' | 'callbackUrl'>,
  token: 'right' | 'wrong' = 'right',
): { readonly challenge: string; readonly request: ProbeRequest } {
  const challenge = String(randomInt(1e8, 1e9))
  const { rules } = provider
  const verifyToken =
    token === 'wrong' ? randomBytes(8).toString('hex') : (answers[rules.verifyTokenFrom ?? ''] ?? '')
  const { pathname, search } = new URL(callbackUrl)
  const query = rules.verification?.(verifyToken, challenge) ?? ''
  const target = `${pathname}${search}${query === '' ? '' : search === '' ? '?' : '&'}${query}`
  return { challenge, request: { method: 'GET', target, fields: [['Accept', '*/*']], body: Buffer.alloc(0) } }
}

function eventRequest({ provider, callbackUrl, clock }: Preflight, answers: Answers): ProbeRequest {
  const { pathname, search } = new URL(callbackUrl)
  return { method: 'POST', target: pathname + search, ...harmlessEvent(provider, answers, clock.now()) }
}

/** An event that no app acts upon. */
export function harmlessEvent(provider: Provider, answers: Answers, now: number): SampleRequest {
  const sample = provider.samples.find(({ id }) => id === provider.rules.harmless)
  if (sample === undefined) throw new Error(`${provider.id} has no sample ${provider.rules.harmless}`)
  return sample.request({ answers, now, serial: randomUUID() })
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
