import { askApp, type ProbeAnswer } from './probe'
import { harmlessEvent, verification, type Preflight } from './preflight'
import { troubleWithChallenge } from './verification'

/** Asks the app itself at which of these paths it answers the provider; undefined where at none. */
export async function findPath(
  preflight: Omit<Preflight, 'callbackUrl'> & { readonly publicUrl: string },
  paths: readonly string[],
): Promise<{ readonly path: string; readonly isSure: boolean } | undefined> {
  let second: string | undefined
  for (const path of paths) {
    const verdict = await judgePath(preflight, new URL(path, preflight.publicUrl).toString())
    if (verdict === 'yes') return { path, isSure: true }
    if (verdict === 'perhaps') second ??= path
    if (verdict === 'nobody') return undefined
  }
  return second === undefined ? undefined : { path: second, isSure: false }
}

type PathVerdict = 'yes' | 'perhaps' | 'no' | 'nobody'

async function judgePath(
  { provider, answers, app, clock, signal }: Omit<Preflight, 'callbackUrl'>,
  callbackUrl: string,
): Promise<PathVerdict> {
  const limits = { clock, signal, limitMs: 3000 }
  if (provider.rules.verification !== undefined) {
    const { challenge, request } = verification({ provider, answers, callbackUrl })
    const answer = await askApp(app, request, limits)
    if (troubleWithChallenge({ challenge, answer }) === undefined) return 'yes'
    return answer.kind === 'error' ? 'nobody' : refusedHere(answer)
  }
  const { pathname, search } = new URL(callbackUrl)
  const event = harmlessEvent(provider, answers, clock.now())
  const answer = await askApp(app, { method: 'POST', target: pathname + search, ...event }, limits)
  if (answer.kind === 'error') return 'nobody'
  return answer.status < 300 ? 'yes' : refusedHere(answer)
}

/** Who says no to a token or a signature has something there. */
function refusedHere(answer: Extract<ProbeAnswer, { kind: 'answered' }>): PathVerdict {
  return [401, 403].includes(answer.status) ? 'perhaps' : 'no'
}
