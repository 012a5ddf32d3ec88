import { formatHostPort } from '../base/address'
import { probeLocalPort, type LocalProtocol, type ProbeOptions } from './probe'

/** Probes apps, and remembers which process answered HTTP: to expose it again takes 120 ms less. */
export class Probes {
  /** By address. */
  private readonly httpPids = new Map<string, number>()

  /** As `probeLocalPort`, of which `options` are. */
  async probe(
    address: { readonly host: string; readonly port: number },
    options: Omit<ProbeOptions, 'spokeHttp'>,
  ): Promise<LocalProtocol> {
    const key = formatHostPort(address.host, address.port)
    const pid = options.process?.pid
    const spokeHttp = pid !== undefined && this.httpPids.get(key) === pid
    const protocol = await probeLocalPort(address, { ...options, spokeHttp })
    if (pid !== undefined && protocol === 'http') this.httpPids.set(key, pid)
    else this.httpPids.delete(key)
    return protocol
  }
}
