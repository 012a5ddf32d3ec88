import { createHash, timingSafeEqual } from 'node:crypto'
import type { PasswordRule } from './accessRules'

/** What is kept of a password while a tunnel is open. */
export function digestOf(password: string): Uint8Array {
  // RFC 8265 4.2.2: the same letters may be typed in several ways.
  return createHash('sha256').update(password.normalize('NFC')).digest()
}

/** True for an Authorization field that tries a password (RFC 7617). */
export function triesPassword(authorization: string): boolean {
  return /^basic /i.test(authorization)
}

/** Whether an Authorization field brings the password; takes the same time whatever it brings. */
export function isRightPassword(authorization: string, { user, digest }: PasswordRule): boolean {
  const [, encoded = ''] = /^basic +([\w+/-]*={0,2}) *$/i.exec(authorization) ?? []
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const isRight = timingSafeEqual(digestOf(text.slice(colon + 1)), digest)
  const isUser = timingSafeEqual(digestOf(text.slice(0, Math.max(0, colon))), digestOf(user ?? ''))
  return colon >= 0 && isRight && (user === undefined || isUser)
}
