import type { Channel } from 'ssh2'
import type { Address } from '../base/address'
import { guardWindow } from './channelGuard'
import type { AcceptedChannel, ChannelsOptions } from './forwardedChannels'

/** The channels of remote forwards by ssh2's public interface. */
export function listenToSsh2({ client, onArrival, onViolation }: ChannelsOptions): void {
  const arrive = (
    address: Address,
    originator: { readonly address: string; readonly port: number },
    open: { readonly accept: () => Channel; readonly reject: () => void },
  ) => {
    const accept = () => guarded(open.accept(), onViolation)
    onArrival({ address, originator, accept, reject: open.reject })
  }
  client.on('tcp connection', (details, accept, reject) => {
    const address: Address = { kind: 'tcp', host: details.destIP, port: details.destPort }
    arrive(address, { address: details.srcIP, port: details.srcPort }, { accept, reject })
  })
  client.on('unix connection', (details, accept, reject) => {
    const address: Address = { kind: 'unix', path: details.socketPath }
    arrive(address, { address: '', port: 0 }, { accept, reject })
  })
}

function guarded(channel: Channel, onViolation: (text: string) => void): AcceptedChannel {
  guardWindow(channel, () => onViolation('it sent more than the window allows'))
  // Nobody reads what comes there (RFC 4254 5.2, extended data), and ssh2 would keep it all.
  const { stderr } = channel
  if ('resume' in stderr) stderr.resume()
  const drop = () => {
    channel.destroy()
    // ssh2 says so only when all has been read, which never comes where the app reads nothing.
    channel.emit('close')
  }
  return { stream: channel, drop }
}
