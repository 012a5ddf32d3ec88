import type { HostHeader } from '../../../src/http/towardsApp'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { NginxServer } from '../../support/nginx'
import { startNginx } from '../../support/nginx'
import { freePort } from '../../support/freePort'
import type { Scope } from '../../support/scope'
import type { VisitOptions } from '../../support/publicFetch'
import type { World } from '../../support/world'

/** A name that development servers have no reason to trust, unlike those under .localhost. */
export const publicName = 'app.dev.example.com'

/** An app that is public through a real sshd and nginx. */
export interface Exposed {
  readonly url: string
  readonly tunnel: Tunnel
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
    /** nginx with a lone `proxy_pass`. */
    readonly bare?: boolean
    /** More server blocks of the same nginx. */
    readonly beside?: readonly NginxServer[]
  },
): Promise<Exposed> {
  const bindPort = await freePort()
  const { port, hostHeader, bare = false, beside = [] } = how
  const server = { kind: 'port', name: publicName, upstreamPort: bindPort, bare } as const
  const nginx = await startNginx(scope, { ca: world.ca, servers: [server, ...beside] })
  const one = world.oneUrl()
  const bind = { kind: 'tcp', host: '127.0.0.1', firstPort: bindPort, lastPort: bindPort } as const
  const profile = { ...one.profile, id: `exposed-${bindPort}`, bind, publicUrl: nginx.url(publicName) }
  const tunnels = world.tunnels(undefined, {
    lookup: (_name, { all }, callback) => {
      if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
      else callback(null, '127.0.0.1', 4)
    },
  })
  scope.add(() => tunnels.stopAll())
  const tunnel = await tunnels.open({
    app: { host: 'localhost', port, protocol: 'http', ...(hostHeader === undefined ? {} : { hostHeader }) },
    server: { ...one, profile },
    name: 'app',
    signal: new AbortController().signal,
  })
  return { url: profile.publicUrl, tunnel, bindPort, options: { ca: world.ca, address: '127.0.0.1' } }
}
