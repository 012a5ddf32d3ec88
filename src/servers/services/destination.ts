import { formatHostPort } from '../../base/address'
import { parseDestination, type Destination } from '../../ssh/destination'
import type { ServiceName } from '../profile'
import { adapterOf } from './adapters'

export interface ServiceReached {
  /** As a person would write it. */
  readonly ssh: string
  readonly destination: Destination
  /** Of a sish server: its tunnels stand below this domain, whatever `ssh` says. */
  readonly domain?: string
}

/**
 * Where a service is reached: as its documentation says, with what the user wrote in `ssh` in place of it. Undefined
 * when `ssh` or `sishHost` is no destination, or a sish server is not named.
 */
export function serviceDestination(
  service: ServiceName,
  options: {
    /** `my.sish.host`, `my.sish.host:2222` or `me@my.sish.host`. */
    readonly sishHost?: string
    readonly ssh?: string
    readonly identityFile?: string
  } = {},
): ServiceReached | undefined {
  const { host, port, user } = adapterOf(service)
  const sish = options.sishHost === undefined ? undefined : parseDestination(options.sishHost)
  if (service === 'sish' && sish === undefined) return undefined
  const written = options.ssh === undefined ? undefined : parseDestination(options.ssh)
  if (options.ssh !== undefined && written === undefined) return undefined
  // Whoever writes a server without a user logs in with a key.
  const withKey = written !== undefined || options.identityFile !== undefined
  const defaultUser = withKey ? user.withKey : user.withoutKey
  const fromService: Destination = sish ?? { host: host ?? '', ...(port === undefined ? {} : { port }) }
  const reached = {
    ...(port === undefined ? {} : { port }),
    ...(defaultUser === undefined ? {} : { user: defaultUser }),
    ...(written ?? fromService),
  }
  return {
    ssh: formatDestination(reached),
    destination: reached,
    ...(service === 'sish' && sish !== undefined ? { domain: sish.host } : {}),
  }
}

function formatDestination({ user, host, port }: Destination): string {
  const address = port === undefined ? host : formatHostPort(host, port)
  return user === undefined ? address : `${user}@${address}`
}
