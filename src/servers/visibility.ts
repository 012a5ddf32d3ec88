import type { ServerProfile, TlsEnd } from './profile'
import { adapterOf } from './services/adapters'
import { readersOf } from './services/remarks'

/** Where HTTPS ends on the way of a profile and who can read what visitors send: one or two sentences. */
export function whoCanRead(profile: ServerProfile): string {
  const host = profile.destination.host
  if (profile.kind === 'service') return readersOf(profile)
  return sentences[profile.kind === 'own' ? profile.tls : 'server'](host)
}

const sentences: Record<TlsEnd, (host: string) => string> = {
  server: (host) => `HTTPS ends on the server ${host}: whoever runs it can read the traffic.`,
  here: (host) => `HTTPS ends on this machine: the server ${host} passes it on and cannot read it.`,
  app: () => 'HTTPS ends in the app itself: nobody on the way can read the traffic.',
  none: (host) => `Not encrypted between visitors and ${host}: anyone on their way can read the traffic.`,
}

/** What to call a server where its address is not the point: a service logs in with a user that may be a secret. */
export function titleOf(profile: ServerProfile): string {
  if (profile.kind !== 'service') return profile.ssh
  return profile.service === 'sish' ? profile.destination.host : adapterOf(profile.service).title
}
