import type { LocalProtocol } from '../ports/probe'
import { equivalentSshCommand } from '../ssh/equivalentCommand'
import type { PublicWay, ServerProfile } from './profile'
import { adapterOf } from './services/adapters'

/**
 * The ssh command that does what a tunnel does. `lacks` says in a sentence what ssh alone does not do, where that is
 * part of the way.
 */
export function sshCommandOf(tunnel: {
  readonly profile: ServerProfile
  readonly way: PublicWay
  readonly name: string
  readonly app: { readonly host: string; readonly port: number; readonly protocol: LocalProtocol }
}): { readonly command: string; readonly lacks: string | undefined } {
  const { profile, way, app } = tunnel
  const { destination, identityFile } = profile
  const command = equivalentSshCommand({ destination, identityFile, local: app, ...asked(tunnel) })
  return { command, lacks: lackOf(way, app.protocol) }
}

/** A service is asked as it wants to be, and says in its session where the tunnel is. */
function asked({ profile, way, name }: Parameters<typeof sshCommandOf>[0]) {
  if (profile.kind !== 'service') return { bind: way.asked ?? way.bind }
  const { bind, session } = adapterOf(profile.service)
  return { bind: { kind: 'tcp', ...bind({ name, domain: profile.domain }) } as const, session }
}

function lackOf({ tls }: PublicWay, protocol: LocalProtocol): string | undefined {
  if (tls === 'here')
    return 'It passes HTTPS on as it comes: ending it, as Expose Port does, is left to the app.'
  if (tls === 'server' && protocol === 'https') {
    return 'It gives the app plain HTTP, where Expose Port speaks HTTPS with it.'
  }
  return undefined
}
