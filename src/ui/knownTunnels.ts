import type { Exchanges } from '../http/exchanges'
import type { ShownTunnel } from '../http/inspectorMessages'
import type { Tunnel } from '../tunnels/tunnel'
import { formatLocalTarget } from './localTarget'

/** What is to be known of a tunnel. */
export type KnownTunnel = Pick<Tunnel, 'id' | 'title' | 'numbers'> & {
  readonly app: Pick<Tunnel['app'], 'host' | 'port'>
}

/** The tunnels whose requests the inspector lists: those that are open, and closed ones whose requests are still kept. */
export class KnownTunnels {
  private readonly seen = new Map<number, ShownTunnel>()

  constructor(
    private readonly tunnels: { readonly all: readonly KnownTunnel[] },
    private readonly exchanges: Pick<Exchanges, 'all'>,
  ) {}

  /** In the order they were opened. */
  get all(): readonly ShownTunnel[] {
    const open = new Set(this.tunnels.all.map(({ id }) => id))
    for (const tunnel of this.tunnels.all) this.seen.set(tunnel.id, shownTunnel(tunnel))
    const closed = [...this.seen.values()].filter(({ id }) => !open.has(id))
    if (closed.length > 0) this.forgetThoseWithoutRequests(closed)
    return [...this.seen.values()].map((one) => (open.has(one.id) ? one : { ...one, isOpen: false }))
  }

  private forgetThoseWithoutRequests(closed: readonly ShownTunnel[]): void {
    const withRequests = new Set(this.exchanges.all.map(({ tunnelId }) => tunnelId))
    for (const { id } of closed) if (!withRequests.has(id)) this.seen.delete(id)
  }
}

function shownTunnel(tunnel: KnownTunnel): ShownTunnel {
  return {
    id: tunnel.id,
    title: tunnel.title,
    app: formatLocalTarget(tunnel.app),
    isOpen: true,
    numbers: tunnel.numbers,
  }
}
