import { askApp, type ProbeAnswer } from './probe'
import { harmlessEvent, verification, type Preflight } from './preflight'
import { troubleOf } from './troubleOf'
import { troubleWithChallenge } from './verification'

/** Asks the app itself at which of these paths it answers the provider; undefined where at none. */
export async function findPath(
  preflight: Omit<Preflight, 'callbackUrl'> & { readonly publicUrl: string },
  paths: readonly string[],
): Promise<{ readonly path: string; readonly isSure: boolean } | undefined> {
  let second: string | undefined
  let silent = 0
  for (const path of paths) {
    const verdict = await judgePath(preflight, new URL(path, preflight.publicUrl).toString())
    if (verdict === 'yes') return { path, isSure: true }
    if (verdict === 'perhaps') second ??= path
    if (verdict === 'silence') silent += 1
    if (verdict === 'nobody' || silent === mostSilent) break
  }
  return second === undefined ? undefined : { path: second, isSure: false }
}

type PathVerdict = 'yes' | 'perhaps' | 'no' | 'silence' | 'nobody'

/** Some frameworks answer nothing at paths that they do not know; an app at a breakpoint answers nowhere. */
const mostSilent = 4

async function judgePath(
  { provider, answers, app, clock, signal }: Omit<Preflight, 'callbackUrl'>,
  callbackUrl: string,
): Promise<PathVerdict> {
  const limits = { clock, signal, limitMs: 1500 }
  if (provider.rules.verification !== undefined) {
    const { challenge, request } = verification({ provider, answers, callbackUrl })
    const answer = await askApp(app, request, limits)
    if (troubleWithChallenge({ challenge, answer }) === undefined) return 'yes'
    return judgeNo(answer)
  }
  const { pathname, search } = new URL(callbackUrl)
  const event = harmlessEvent(provider, answers, clock.now())
  const answer = await askApp(app, { method: 'POST', target: pathname + search, ...event }, limits)
  return answer.kind === 'answered' && answer.status < 300 ? 'yes' : judgeNo(answer)
}

function judgeNo(answer: ProbeAnswer): PathVerdict {
  if (answer.kind === 'error') return troubleOf(answer).kind === 'too slow' ? 'silence' : 'nobody'
  // Who says no to a token or a signature has something there.
  return [401, 403].includes(answer.status) ? 'perhaps' : 'no'
}
