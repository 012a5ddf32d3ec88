import type { Failure } from '../base/failure'
import type { Transport } from './transport'

/** sshd_config(5), GatewayPorts. */
export type GatewayPorts = 'no' | 'yes' | 'clientspecified'

/**
 * Finds out without a shell what GatewayPorts says, by asking to listen on an address that no server has
 * (RFC 5737, 192.0.2.1) at any port. sshd says "yes" and listens on loopback (`no`) or on every address (`yes`,
 * which it remarks); only `clientspecified` tries that very address and fails. Undefined where forwarding is not
 * allowed at all, which a real request then explains.
 */
export async function probeGatewayPorts(transport: Transport): Promise<GatewayPorts | undefined> {
  try {
    const forward = await transport.forward({ kind: 'tcp', host: '192.0.2.1', port: 0 }, ({ stream }) =>
      stream.destroy(),
    )
    const isOverridden = saysOverridden(forward.serverMessages)
    await forward.cancel()
    return isOverridden ? 'yes' : 'no'
  } catch (error) {
    return (error as Failure).kind === 'forward-address-taken' ? 'clientspecified' : undefined
  }
}

/** True when sshd remarked that it listens on every address, though asked for one (channels.c). */
export function saysOverridden(serverMessages: readonly string[]): boolean {
  return serverMessages.some((text) => /overridden by server GatewayPorts/i.test(text))
}
