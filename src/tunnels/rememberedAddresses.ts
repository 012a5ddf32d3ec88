import { fillIn, portsOf, type PublicWay, type ServerProfile } from '../servers/profile'

export interface TunnelMemory {
  get(key: string): unknown
  update(key: string, value: unknown): PromiseLike<void>
}

/** What servers gave tunnels, from one time to the next: ports of ranges, domains of gateways. */
export class RememberedAddresses {
  constructor(private readonly memory: TunnelMemory | undefined) {}

  /**
   * What visitors of a new tunnel will call: undefined where only the server can know it, and it has not been heard
   * yet.
   * @throws Failure when the name does not fit into the profile.
   */
  expectedUrl(profile: ServerProfile, name: string): string | undefined {
    switch (profile.kind) {
      case 'own': {
        const port = this.port(profile, name)
        return fillIn(profile, port === undefined ? { name } : { name, port }).publicUrl
      }
      case 'gateway': {
        const template = this.memory?.get(gatewayKey(profile))
        return typeof template === 'string' ? template.replace('{name}', name) : undefined
      }
      case 'service':
        return undefined
    }
  }

  /** Of a range: the port of last time, which counts for as long as the profile has it. */
  port(profile: ServerProfile, name: string): number | undefined {
    const remembered = this.memory?.get(portKey(profile.id, name))
    return profile.kind === 'own' ? portsOf(profile.bind).find((port) => port === remembered) : undefined
  }

  remember(profile: ServerProfile, name: string, { bind, publicUrl }: PublicWay): void {
    if (profile.kind === 'gateway') {
      void this.memory?.update(gatewayKey(profile), publicUrl.replace(`//${name}.`, '//{name}.'))
    }
    if (profile.kind !== 'own' || profile.bind.kind !== 'tcp' || bind.kind !== 'tcp') return
    if (profile.bind.firstPort === profile.bind.lastPort) return
    void this.memory?.update(portKey(profile.id, name), bind.port)
  }
}

/** Another server under the same id has not said this. */
function gatewayKey({ id, ssh }: ServerProfile): string {
  return `gateway ${id} ${ssh}`
}

function portKey(serverId: string, name: string): string {
  return `port ${serverId} ${name}`
}
