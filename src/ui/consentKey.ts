import type { ServerProfile } from '../servers/profile'
import { titleOf, whoCanRead } from '../servers/visibility'
import { formatLocalTarget, type LocalTarget } from './localTarget'

/** What a yes is remembered by: all that the question says of the way, so that it counts for no other. */
export function consentKey(question: {
  readonly target: LocalTarget
  readonly publicUrl: string | undefined
  readonly profile: ServerProfile
}): string {
  const { target, publicUrl, profile } = question
  const way = `${place(publicUrl, profile)} ${whoCanRead(profile)}`
  return `consent ${profile.id} ${formatLocalTarget(target)} ${way}`
}

/** Where it becomes public, to follow "at". */
export function place(publicUrl: string | undefined, profile: ServerProfile): string {
  return publicUrl ?? `an address that ${titleOf(profile)} gives it`
}
