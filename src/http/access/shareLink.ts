import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { valuesOf } from '../exchange'
import type { Field } from '../field'
import type { LinkSigner } from './accessRules'
import { linkParameter } from './linkParameter'

/** A token that stands for the password until it expires; `expiresAt` in milliseconds since the epoch. */
export function makeToken(signer: LinkSigner, { expiresAt }: { readonly expiresAt: number }): string {
  const claims = `1.${Math.floor(expiresAt / 1000).toString(36)}.${randomBytes(9).toString('base64url')}`
  return `${claims}.${signatureOf(signer, claims)}`
}

/** A new key, which ends the links of all former ones. */
export function newLinkKey(): string {
  return randomBytes(32).toString('base64url')
}

export type TokenCheck =
  | { readonly is: 'right'; readonly expiresAt: number }
  | { readonly is: 'expired' }
  | { readonly is: 'forged' }

export function checkToken(token: string, signer: LinkSigner, now: number): TokenCheck {
  const [, claims = '', expiry = '', signature = ''] =
    /^(1\.([0-9a-z]{1,9})\.[\w-]{12})\.([\w-]{43})$/.exec(token) ?? []
  if (!timingSafeEqual(hash(signature), hash(signatureOf(signer, claims)))) return { is: 'forged' }
  const expiresAt = parseInt(expiry, 36) * 1000
  return now < expiresAt ? { is: 'right', expiresAt } : { is: 'expired' }
}

/** The public URL that brings the token. */
export function linkUrl(publicUrl: string, token: string): string {
  const url = new URL(publicUrl)
  url.searchParams.set(linkParameter, token)
  return url.href
}

/** The Set-Cookie value in which a browser keeps the token. */
export function linkCookie(
  token: string,
  { signer, seconds, isSecure }: { signer: LinkSigner; seconds: number; isSecure: boolean },
): string {
  const secure = isSecure ? '; Secure' : ''
  return `${cookieName(signer)}=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
}

/** A target without the token, and the tokens that were in it. */
export function takeToken(target: string): { target: string; tokens: readonly string[] } {
  const at = target.indexOf('?')
  if (at < 0 || !target.includes(linkParameter)) return { target, tokens: [] }
  const prefix = `${linkParameter}=`
  const parts = target.slice(at + 1).split('&')
  const isOurs = (part: string) => part.startsWith(prefix) || part === linkParameter
  const rest = parts.filter((part) => !isOurs(part))
  const tokens = parts.filter(isOurs).map((part) => part.slice(prefix.length))
  if (tokens.length === 0) return { target, tokens }
  return { target: target.slice(0, at) + (rest.length > 0 ? `?${rest.join('&')}` : ''), tokens }
}

/** The fields without our cookies, whichever tunnel's; every other cookie stays as it was sent. */
export function withoutLinkCookies(fields: readonly Field[]): readonly Field[] {
  if (!cookiesOf(fields).some((cookie) => ours.test(cookie))) return fields
  return fields.flatMap((field): Field[] => {
    const [name, value] = field
    if (name.toLowerCase() !== 'cookie' || !value.split(';').some((part) => ours.test(part.trim())))
      return [field]
    const rest = value.split(';').filter((part) => !ours.test(part.trim()))
    const text = rest.join(';').trimStart()
    return text === '' ? [] : [[name, text]]
  })
}

/** The tokens in the cookies of this tunnel's links. */
export function cookieTokens(fields: readonly Field[], signer: LinkSigner): string[] {
  const prefix = `${cookieName(signer)}=`
  return cookiesOf(fields)
    .filter((cookie) => cookie.startsWith(prefix))
    .map((cookie) => cookie.slice(prefix.length))
}

function cookiesOf(fields: readonly Field[]): string[] {
  return valuesOf(fields, 'cookie')
    .flatMap((value) => value.split(';'))
    .map((cookie) => cookie.trim())
}

/** Tunnels on several ports of one host name share its cookies (RFC 6265 8.5). */
function cookieName({ subject }: LinkSigner): string {
  return `${linkParameter}-${hash(subject).toString('hex').slice(0, 8)}`
}

const ours = new RegExp(`^${linkParameter}-[0-9a-f]{8}=`)

function signatureOf({ key, subject }: LinkSigner, claims: string): string {
  return createHmac('sha256', key).update(`expose-port link\n${subject}\n${claims}`).digest('base64url')
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
