import type { AccessRules, AccessWish } from '../http/access/accessRules'
import { formatSpan } from '../servers/accessWish'

/**
 * The rules in one line, such as `Password; 203.0.113.0/24 only; closes at 15:40`; empty where everybody may come in.
 * `now` is in milliseconds since the epoch.
 */
export function describeAccess(access: AccessRules | AccessWish | undefined, now: number): string {
  if (access === undefined) return ''
  const { allow, deny, methods } = access
  const parts = [
    passwordText(access),
    ...(allow === undefined ? [] : [`${some(allow)} only`]),
    ...(deny === undefined ? [] : [`not ${some(deny)}`]),
    ...(methods === undefined ? [] : [`${methods.join(', ')} only`]),
    closingText(access, now),
  ].filter((part) => part !== '')
  const text = parts.join('; ')
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** `15:40`, and the day too where that is not today. */
export function timeText(at: number, now: number): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString()
  return new Date(at).toLocaleString([], {
    ...(isToday ? {} : { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
  })
}

function passwordText(access: AccessRules | AccessWish): string {
  const { password } = access
  if (password === undefined || password === false) return ''
  const user = typeof password === 'object' ? password.user : 'user' in access ? access.user : undefined
  const whose = user === undefined ? 'password' : `password of ${user}`
  return access.open === undefined ? whose : `${whose}, but not for ${some(access.open)}`
}

function closingText(access: AccessRules | AccessWish, now: number): string {
  if ('closesAt' in access) return `closes at ${timeText(access.closesAt, now)}`
  const closeAfterMs = 'closeAfterMs' in access ? access.closeAfterMs : undefined
  return closeAfterMs === undefined ? '' : `closes after ${formatSpan(closeAfterMs)}`
}

function some(list: readonly string[]): string {
  const [first = '', second, ...rest] = list
  if (rest.length > 0) return `${first} and ${list.length - 1} more`
  return second === undefined ? first : `${first} and ${second}`
}
