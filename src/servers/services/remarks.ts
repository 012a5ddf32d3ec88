import type { ServiceProfile } from '../profile'
import { adapterOf, type ServiceAdapter } from './adapters'
import type { Reason } from './heard'

/** What a person should know of the tunnel they got: a name that is not the one asked for, and limits. */
export function remarksOn(
  adapter: ServiceAdapter,
  facts: {
    readonly publicUrl: string
    readonly name: string
    readonly domain: string | undefined
    readonly note: Reason | undefined
    readonly user: string
  },
): readonly string[] {
  const remark = nameRemark(adapter, facts)
  return [...(remark === undefined ? [] : [remark]), ...adapter.limits(facts)]
}

function nameRemark(
  adapter: ServiceAdapter,
  { publicUrl, name, domain, note }: Parameters<typeof remarksOn>[1],
): string | undefined {
  const { hostname } = new URL(publicUrl)
  const [given = ''] = hostname.split('.')
  const { title, naming } = adapter
  const own = isBelow(hostname, domain) ? domain : undefined
  if (naming.kind === 'chosen') {
    if (own !== undefined) return undefined
    if (domain !== undefined) return `${title} gave ${hostname}, not ${domain}.`
    return `${title} chooses the name, here ${given}: ${naming.instead}.`
  }
  if (given === name || hostname === own) return undefined
  if (given.endsWith(`-${name}`) || given.startsWith(`${name}-`)) {
    return `The name became ${given}: ${title} adds the user’s name to ${name}.`
  }
  const because = note === 'name taken' ? ', which is taken' : ''
  const condition = note === 'key unknown' && naming.condition !== undefined ? `: ${naming.condition}` : ''
  return `${title} gave the name ${given}, not ${name}${because}${condition}.`
}

function isBelow(hostname: string, domain: string | undefined): boolean {
  return domain !== undefined && (hostname === domain || hostname.endsWith(`.${domain}`))
}

/** For the consent: who can read what passes, besides the visitor and this machine. One sentence. */
export function readersOf(profile: ServiceProfile): string {
  const { title, name } = adapterOf(profile.service)
  const host = profile.destination.host
  return name === 'sish'
    ? `HTTPS ends at ${host}: whoever runs that server can read and change everything that passes.`
    : `All traffic passes through ${title}, a service run by others: HTTPS ends there, and they can read and change everything that passes.`
}
