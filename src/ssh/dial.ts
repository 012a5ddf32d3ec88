import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, type OnReadOpts, type Socket } from 'node:net'
import type { Hop } from '../base/failure'
import type { AddressFamily } from './settings'

/**
 * Opens the TCP connection to an SSH server, trying each address of the name (RFC 8305).
 * `onHop` hears whether the name or the connection is being worked on.
 * @throws Node's own error, or the signal's reason.
 */
export async function dial(
  address: { host: string; port: number; family?: AddressFamily },
  options: { signal: AbortSignal; onHop: (hop: Hop) => void; onread?: OnReadOpts },
): Promise<Socket> {
  const { signal, onHop, onread } = options
  onHop('DNS')
  const addresses = await abortable(addressesOf(address.host, address.family ?? 'any'), signal)
  onHop('TCP')
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address.host,
      port: address.port,
      // Nagle holds back each small packet until the other end's delayed ACK: 40 ms for every exchange.
      noDelay: true,
      autoSelectFamily: true,
      lookup: (_host, _options, callback) => callback(null, addresses),
      ...(onread && { onread }),
    })
    // What comes before anybody listens would be lost.
    if (onread) socket.pause()
    const settle = () => {
      signal.removeEventListener('abort', onAbort)
      socket.off('error', onError).off('connect', onConnect)
    }
    const onAbort = () => {
      settle()
      socket.on('error', () => undefined).destroy()
      reject(signal.reason as Error)
    }
    const onError = (error: Error) => {
      settle()
      reject(error)
    }
    const onConnect = () => {
      settle()
      resolve(socket)
    }
    socket.once('error', onError).once('connect', onConnect)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}

async function addressesOf(host: string, family: AddressFamily): Promise<LookupAddress[]> {
  const wanted = { any: 0, inet: 4, inet6: 6 }[family]
  const found = await lookup(host, { all: true, verbatim: true, family: wanted })
  // An address is found whatever its family.
  const fitting = found.filter((each) => wanted === 0 || each.family === wanted)
  if (fitting.length === 0) throw new Error(`${host} has no address of the family ${family} (AddressFamily)`)
  return fitting
}

/** Settles with the promise, or rejects with the signal's reason if that comes first. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
