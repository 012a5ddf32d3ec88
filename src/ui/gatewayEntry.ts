import { formatHostPort } from '../base/address'
import type { Log } from '../base/log'
import { parseDestination } from '../ssh/destination'
import { resolveSshSettings } from '../ssh/sshConfig'
import { inHome } from './publicKeys'

/** As it stands in the settings: where the tunnels of a gateway log in. */
export interface GatewayEntry {
  readonly ssh: string
  readonly identityFile?: string
}

/** The locked user that a prepared server has for tunnels. */
const tunnelUser = 'expose'

/**
 * The entry for a gateway that was prepared by logging in at `ssh`. A key is named only where it would not be tried
 * anyway.
 * @throws Failure when ssh refuses its configuration.
 */
export async function gatewayEntry(
  ssh: string,
  privateFile: string | undefined,
  log: Log,
): Promise<GatewayEntry> {
  const destination = parseDestination(ssh)
  if (destination === undefined) throw new Error(`${ssh} is not a destination`)
  const { host, port } = destination
  const entry = { ssh: `${tunnelUser}@${port === undefined ? host : formatHostPort(host, port)}` }
  if (privateFile === undefined) return entry
  const { identityFiles } = await resolveSshSettings({ ...destination, user: tunnelUser }, log)
  return identityFiles.includes(privateFile) ? entry : { ...entry, identityFile: inHome(privateFile) }
}
