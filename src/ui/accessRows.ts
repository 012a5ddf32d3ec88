import type { QuickPickItem } from 'vscode'
import type { AccessWish } from '../http/access/accessRules'
import { timeText } from './accessText'

export type AccessTopic =
  'password' | 'allow' | 'deny' | 'open' | 'methods' | 'closing' | 'share' | 'endLinks' | 'remove'

/** A row for each rule, with what holds now. `closesAt` and `now` are in milliseconds since the epoch. */
export function accessRows(
  wish: AccessWish,
  facts: { readonly isHttp: boolean; readonly closesAt: number | undefined; readonly now: number },
): (QuickPickItem & { readonly topic: AccessTopic })[] {
  const { isHttp, closesAt, now } = facts
  const hasPassword = wish.password === true
  const user = wish.user === undefined ? 'any user name' : `user ${wish.user}`
  const closing = closesAt === undefined ? 'when the window closes' : `at ${timeText(closesAt, now)}`
  const row = (icon: string, label: string, topic: AccessTopic, description = '') => ({
    ...{ label: `$(${icon}) ${label}`, description, topic },
  })
  const forHttp = [
    row('key', 'Password', 'password', hasPassword ? `set, ${user}` : 'none'),
    row('unlock', 'Paths without the password', 'open', wish.open?.join(', ') ?? 'none'),
    row('symbol-method', 'Methods', 'methods', wish.methods?.join(', ') ?? 'all'),
  ]
  const links = [
    row('link', 'Share a link…', 'share', 'lets one person in without the password, until it expires'),
    row('circle-slash', 'End all shared links', 'endLinks'),
  ]
  return [
    ...(isHttp ? forHttp.slice(0, 2) : []),
    row('shield', 'Allowed addresses', 'allow', wish.allow?.join(', ') ?? 'all'),
    row('error', 'Denied addresses', 'deny', wish.deny?.join(', ') ?? 'none'),
    ...(isHttp ? forHttp.slice(2) : []),
    row('clock', 'Closes', 'closing', closing),
    ...(isHttp ? links.slice(0, hasPassword ? 2 : 1) : []),
    ...(Object.values(wish).some((value) => value !== undefined && value !== false)
      ? [row('trash', 'Remove all rules', 'remove', 'everybody may come in')]
      : []),
  ]
}
