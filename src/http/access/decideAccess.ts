import { valuesOf, type Field } from '../exchange'
import { needHttp, type AccessRules } from './accessRules'
import { refuseAddress, type AddressRefusal } from './addressRules'
import { isRightPassword, triesPassword } from './basicPassword'
import { isOpenPath } from './openPaths'
import {
  checkToken,
  cookieTokens,
  linkCookie,
  takeToken,
  withoutLinkCookies,
  type TokenCheck,
} from './shareLink'

/** What is known of a request when it is decided whether it may come in. */
export interface AccessFacts {
  readonly method: string
  readonly target: string
  readonly fields: readonly Field[]
  readonly isUpgrade: boolean
  /** The visitor's own; empty where nobody who can be believed tells it. */
  readonly address: string
  readonly publicUrl: string
  /** In milliseconds since the epoch. */
  readonly now: number
  /** How long this visitor may try no password, in milliseconds. */
  readonly waitMs: number
}

export type AccessDecision =
  /** With the request as it may go on: without what belongs to the gate. */
  | {
      readonly kind: 'let in'
      readonly target: string
      readonly fields: readonly Field[]
      readonly guess: Guess
    }
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  /** Who has no password yet, or a wrong one. `delayMs` is how long a wrong one waits for that. */
  | { readonly kind: 'ask'; readonly guess: Guess; readonly delayMs: number }
  /** The token has come in a link; from now on it comes as a cookie. */
  | { readonly kind: 'redirect'; readonly location: string; readonly cookie: string }

/** What the Authorization field was, as a try of the password. */
export type Guess = 'none' | 'right' | 'wrong' | 'not looked at'

export type Refusal =
  | AddressRefusal
  | { readonly why: 'closing time' }
  | { readonly why: 'method'; readonly allowed: readonly string[] }
  | { readonly why: 'link'; readonly is: Exclude<TokenCheck['is'], 'right'> }
  | { readonly why: 'too many tries'; readonly waitMs: number }

/** Whether a request may come in under these rules. */
export function decideAccess(rules: AccessRules, facts: AccessFacts): AccessDecision {
  const refusal = refuseConnection(rules, facts) ?? refuseMethod(rules, facts)
  if (refusal !== undefined) return { kind: 'refuse', refusal }
  const { target, tokens } = takeToken(facts.target)
  const { password } = rules
  const given = valuesOf(facts.fields, 'authorization')
  const letIn = (guess: Guess): AccessDecision => {
    const fields = withoutLinkCookies(facts.fields)
    const isOurs = guess === 'right' || guess === 'not looked at'
    return { kind: 'let in', target, fields: isOurs ? withoutPassword(fields) : fields, guess }
  }
  if (password === undefined) return letIn('none')
  const guess = guessOf(given, rules, facts.waitMs)
  const open = isOpenPath({ target, fields: facts.fields }, rules.open ?? [])
  const link = linkIn(tokens, rules, facts.now)
  if (link?.is === 'right' && ['GET', 'HEAD'].includes(facts.method) && !facts.isUpgrade)
    return redirect(target, link, rules, facts)
  const isKnown = link?.is === 'right' || hasCookie(rules, facts)
  if (open || isKnown || guess === 'right') return letIn(guess)
  if (guess === 'not looked at')
    return { kind: 'refuse', refusal: { why: 'too many tries', waitMs: facts.waitMs } }
  if (guess === 'none' && link !== undefined) return { kind: 'refuse', refusal: { why: 'link', is: link.is } }
  // An address that is not known is everybody's: nobody can be slowed by it, so each wrong answer takes its time.
  return { kind: 'ask', guess, delayMs: guess === 'wrong' && facts.address === '' ? wrongDelayMs : 0 }
}

/** Whether a visitor may come in where nobody reads HTTP: what cannot be asked there lets nobody in. */
export function decideVisitor(
  rules: AccessRules,
  facts: Pick<AccessFacts, 'address' | 'now'>,
): Refusal | { readonly why: 'needs HTTP' } | undefined {
  return refuseConnection(rules, facts) ?? (needHttp(rules) ? { why: 'needs HTTP' } : undefined)
}

/** A request without our cookies, token and password. */
export function withoutGateWords(
  request: Pick<AccessFacts, 'target' | 'fields'>,
  { password }: AccessRules,
): Pick<AccessFacts, 'target' | 'fields'> {
  const isOurs = ([name, value]: Field) =>
    name.toLowerCase() === 'authorization' && password !== undefined && isRightPassword(value, password)
  const fields = withoutLinkCookies(request.fields).filter((field) => !isOurs(field))
  return { target: takeToken(request.target).target, fields }
}

const wrongDelayMs = 1000

function refuseConnection(
  rules: AccessRules,
  { now, address }: Pick<AccessFacts, 'address' | 'now'>,
): Refusal | undefined {
  if (rules.closesAt !== undefined && now >= rules.closesAt) return { why: 'closing time' }
  return refuseAddress(rules, address)
}

function refuseMethod({ methods }: AccessRules, { method, fields }: AccessFacts): Refusal | undefined {
  if (methods === undefined) return undefined
  const allowed = methods.includes('GET') ? [...new Set([...methods, 'HEAD'])] : methods
  // Frameworks take a method from these fields in place of the request's.
  const others = overridingFields.flatMap((name) => valuesOf(fields, name)).map((each) => each.toUpperCase())
  const isAllowed = [method, ...others].every((each) => allowed.includes(each))
  return isAllowed ? undefined : { why: 'method', allowed }
}

const overridingFields = ['x-http-method-override', 'x-http-method', 'x-method-override']

function guessOf(given: readonly string[], { password }: AccessRules, waitMs: number): Guess {
  if (password === undefined || !given.some(triesPassword)) return 'none'
  if (waitMs > 0) return 'not looked at'
  const [only = ''] = given
  return given.length === 1 && isRightPassword(only, password) ? 'right' : 'wrong'
}

function linkIn(tokens: readonly string[], { link }: AccessRules, now: number): FoundToken | undefined {
  if (tokens.length === 0) return undefined
  if (link === undefined) return { is: 'forged', token: '' }
  const checked = tokens.map((token) => ({ token, ...checkToken(token, link, now) }))
  return checked.find(({ is }) => is === 'right') ?? checked.find(({ is }) => is === 'expired') ?? checked[0]
}

type FoundToken = TokenCheck & { readonly token: string }

function hasCookie({ link }: AccessRules, { fields, now }: AccessFacts): boolean {
  if (link === undefined) return false
  return cookieTokens(fields, link).some((token) => checkToken(token, link, now).is === 'right')
}

function redirect(
  target: string,
  found: Extract<FoundToken, { is: 'right' }>,
  { link: signer = { key: '', subject: '' } }: AccessRules,
  { publicUrl, now }: AccessFacts,
): AccessDecision {
  const { origin, protocol } = new URL(publicUrl)
  const seconds = Math.ceil((found.expiresAt - now) / 1000)
  const cookie = linkCookie(found.token, { signer, seconds, isSecure: protocol === 'https:' })
  // A whole URL: a target may begin with two slashes, and would name another host by itself.
  return { kind: 'redirect', location: `${origin}${target}`, cookie }
}

function withoutPassword(fields: readonly Field[]): readonly Field[] {
  return fields.filter(([name, value]) => name.toLowerCase() !== 'authorization' || !triesPassword(value))
}
