import type { ServerProfile } from '../profile'
import { adapterOf } from './adapters'

/** What of a profile must not be shown: the token that some services take for a user, without its keywords. */
export function secretsOf(profile: ServerProfile): readonly string[] {
  if (profile.kind !== 'service' || adapterOf(profile.service).user.isToken !== true) return []
  return (profile.destination.user ?? '').split('+').filter((part) => part.length >= shortestToken)
}

/** Keywords such as `http`, `tlstcp` and `force` are shorter, and hiding them would hide words. */
const shortestToken = 8
