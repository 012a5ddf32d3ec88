import type { AccessRules } from '../../../src/http/access/accessRules'
import type { Exchanges } from '../../../src/http/exchanges'
import type { HostHeader } from '../../../src/http/towardsApp'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { startCaddy } from '../../support/caddy'
import type { NginxServer } from '../../support/nginx'
import { startNginx } from '../../support/nginx'
import { freePort } from '../../support/freePort'
import type { Scope } from '../../support/scope'
import type { VisitOptions } from '../../support/publicFetch'
import type { World } from '../../support/world'

/** A name that development servers have no reason to trust, unlike those under .localhost. */
export const publicName = 'app.dev.example.com'

/** An app that is public through a real sshd and reverse proxy. */
export interface Exposed {
  readonly url: string
  readonly tunnel: Tunnel
  readonly exchanges: Exchanges
  /** Where sshd listens, for who would speak without nginx. */
  readonly bindPort: number
  /** For `visit` and the like: whom to trust, and where the name leads. */
  readonly options: Pick<VisitOptions, 'ca' | 'address'>
}

export async function exposeApp(
  scope: Scope,
  world: World,
  how: {
    readonly port: number
    readonly hostHeader?: HostHeader
    readonly access?: AccessRules
    /** nginx with a lone `proxy_pass`. */
    readonly bare?: boolean
    /** nginx unless given. */
    readonly front?: 'Caddy'
    /** More server blocks of the same nginx. */
    readonly beside?: readonly NginxServer[]
  },
): Promise<Exposed> {
  const bindPort = await freePort()
  const { port, hostHeader, access } = how
  const publicUrl = await startFront(scope, world, { ...how, upstreamPort: bindPort })
  const one = world.oneUrl()
  const bind = { kind: 'tcp', host: '127.0.0.1', firstPort: bindPort, lastPort: bindPort } as const
  const profile = { ...one.profile, id: `exposed-${bindPort}`, bind, publicUrl }
  const tunnels = world.tunnels(undefined, {
    lookup: (_name, { all }, callback) => {
      if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
      else callback(null, '127.0.0.1', 4)
    },
  })
  scope.add(() => tunnels.stopAll())
  const tunnel = await tunnels.open({
    app: { host: 'localhost', port, protocol: 'http' },
    gate: {
      ...(hostHeader === undefined ? {} : { hostHeader }),
      ...(access === undefined ? {} : { access }),
    },
    server: { ...one, profile },
    name: 'app',
    signal: new AbortController().signal,
  })
  return {
    url: publicUrl,
    tunnel,
    exchanges: tunnels.exchanges,
    bindPort,
    options: { ca: world.ca, address: '127.0.0.1' },
  }
}

async function startFront(
  scope: Scope,
  { ca }: World,
  how: { readonly bare?: boolean; readonly beside?: readonly NginxServer[]; readonly front?: 'Caddy' } & {
    readonly upstreamPort: number
  },
): Promise<string> {
  const { bare = false, beside = [], front, upstreamPort } = how
  const leading = { kind: 'port', name: publicName, upstreamPort } as const
  const started =
    front === 'Caddy'
      ? await startCaddy(scope, { ca, sites: [leading] })
      : await startNginx(scope, { ca, servers: [{ ...leading, bare }, ...beside] })
  return started.url(publicName)
}
