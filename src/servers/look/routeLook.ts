import { randomBytes } from 'node:crypto'
import type { Transport } from '../../ssh/transport'
import type { Answer, ForwardEvidence, ProxyRoute, RouteEvidence, ShellEvidence } from './evidence'
import type { ForwardLook } from './forwards'
import type { Outside } from './outside'
import type { ConfiguredRoute } from './shell'

export interface RouteLook {
  readonly routes: readonly ConfiguredRoute[]
  /** Of the user; its routes come first. */
  readonly domain: string | undefined
  readonly shell: ShellEvidence | undefined
  readonly permitted: ForwardEvidence
  readonly forwards: ForwardLook
  readonly outside: Outside
  readonly transport: Transport
}

/** Whether the ways that reverse proxies have can be used: what DNS, a handshake, sshd and other listeners say. */
export function lookAtRoutes(look: RouteLook): Promise<readonly RouteEvidence[]> {
  const { routes, domain, outside } = look
  const filled = routes
    .map((route) => ({ ...route, publicHost: route.publicHost.replace('*', domain ?? '*') }))
    .filter(({ publicHost }) => !publicHost.includes('*'))
  const isOurs = ({ publicHost }: ProxyRoute) =>
    domain !== undefined && `.${publicHost}`.endsWith(`.${domain}`)
  const ordered = [...filled.filter(isOurs), ...filled.filter((route) => !isOurs(route))]
  return Promise.all(
    ordered.slice(0, mostRoutes).map(async (route) => ({
      ...route,
      leadsHere: await outside.leadsHere(sampleHost(route, unknownLabel)),
      shown: await outside.certificateFor(sampleHost(route, visibleLabel), route.httpsPort),
      isBusy: await isBusy(route, look),
      mayListen: await mayListen(route, look),
    })),
  )
}

const mostRoutes = 12

/** No entry of DNS can have been made for it, so it tells whether every name leads here. */
const unknownLabel = `x${randomBytes(6).toString('hex')}`

/** Always the same for a handshake: a proxy that issues certificates on demand then issues one at most. */
export const visibleLabel = 'expose-look'

function sampleHost({ publicHost, bind }: ProxyRoute, label: string): string {
  const port = bind.kind === 'tcp' ? String(bind.firstPort) : ''
  return publicHost.replace('{name}', label).replace('{port}', port)
}

async function isBusy({ bind }: ProxyRoute, { shell, transport }: RouteLook): Promise<boolean> {
  if (bind.kind === 'tcp') {
    if (bind.firstPort !== bind.lastPort) return false
    return shell?.listeners?.some(({ port }) => port === bind.firstPort) ?? false
  }
  if (bind.path.includes('{name}')) return false
  return transport.answersOn(bind.path).catch(() => false)
}

/** Where some addresses only are permitted, sshd compares them letter by letter (sshd_config(5)), so it is asked. */
async function mayListen({ bind }: ProxyRoute, { permitted, forwards }: RouteLook): Promise<Answer> {
  if (bind.kind === 'unix') return permitted.sockets
  if (permitted.tcp !== 'limited') return permitted.tcp
  const { host, firstPort: port } = bind
  const asked = await forwards.canListen({ kind: 'tcp', host, port })
  return asked === 'no' ? forwards.canListen({ kind: 'tcp', host: 'localhost', port }) : asked
}
