import type { KeptRegistration } from './keptRegistrations'
import type { Registration } from './provider'

/** What is to be done about what stands at the provider. */
export type RegistrationDecision =
  /** Nothing is lost by registering; `former` is what is kept to be put back. */
  | { readonly kind: 'register'; readonly former: Registration | undefined }
  /** Another callback would be overwritten: a person must have agreed, and `former` is kept. */
  | { readonly kind: 'must ask'; readonly former: Registration }

/** `kept` is what was kept when this was registered before. */
export function decideRegistration(
  present: Registration | undefined,
  kept: KeptRegistration | undefined,
  callbackUrl: string,
): RegistrationDecision {
  const isOurs = kept !== undefined && present?.callbackUrl === kept.ours.callbackUrl
  if (isOurs) return { kind: 'register', former: kept.former }
  if (present === undefined || present.callbackUrl === '' || present.callbackUrl === callbackUrl)
    return { kind: 'register', former: present }
  return { kind: 'must ask', former: present }
}

/** Whether what was registered still stands. */
export type Drift =
  | { readonly kind: 'none' }
  /** The provider has given up sending. */
  | { readonly kind: 'inactive' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'other'; readonly callbackUrl: string }
  /** These events come no longer. */
  | { readonly kind: 'events'; readonly missing: readonly string[] }

export function judgeDrift(present: Registration | undefined, { ours }: KeptRegistration): Drift {
  if (present === undefined || present.callbackUrl === '') return { kind: 'gone' }
  if (present.callbackUrl !== ours.callbackUrl) return { kind: 'other', callbackUrl: present.callbackUrl }
  if (!present.isActive) return { kind: 'inactive' }
  const missing = ours.events.filter((event) => !present.events.includes(event))
  return missing.length === 0 ? { kind: 'none' } : { kind: 'events', missing }
}
