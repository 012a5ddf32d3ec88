import { parseDestination } from '../ssh/destination'
import { readServers } from './validation'

/** A name for a new server under `exposePort.servers`: its host's, or the service's, with a number if that is taken. */
export function newServerId(entry: object, taken: Iterable<string>): string {
  const [profile] = readServers({ server: entry }).profiles
  const isService = profile?.kind === 'service' && profile.service !== 'sish'
  const written = 'ssh' in entry && typeof entry.ssh === 'string' ? parseDestination(entry.ssh) : undefined
  const host = (profile?.destination ?? written)?.host.toLowerCase()
  const base = isService ? profile.service : (host ?? 'server')
  const ids = new Set(taken)
  let id = base
  for (let count = 2; ids.has(id); count++) id = `${base}-${count}`
  return id
}
