import { connect, type LookupFunction, type OnReadOpts, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'

interface LocalAddress {
  /** `localhost` means both loopback addresses. */
  readonly host: string
  readonly port: number
}

/**
 * Begins a TCP connection to the local app. `localhost` is tried as 127.0.0.1 and then ::1, whatever the
 * resolver says: a server may listen on only one of them. Small writes go out at once, and either side may
 * end before the other.
 *
 * With `onread` what comes goes there, and to no listener (net.connect).
 *
 * A refused connection is an `error` event with code ECONNREFUSED, also when both addresses refuse.
 * Do not wrap the socket in TLS before it is connected: Node 20 crashes (SIGSEGV) when it then moves on to
 * the second address. `dialLocalTls` does it right.
 */
export function dialLocal(address: LocalAddress, { onread }: { readonly onread?: OnReadOpts } = {}): Socket {
  return connect({ ...optionsFor(address), ...(onread && { onread }) })
}

/**
 * The same with TLS. The app's certificate is not checked: it is this machine, and development
 * certificates seldom verify. ALPN offers HTTP/1.1 only.
 */
export function dialLocalTls(address: LocalAddress): TLSSocket {
  return connectTls({
    ...optionsFor(address),
    rejectUnauthorized: false,
    servername: 'localhost',
    ALPNProtocols: ['http/1.1'],
  })
}

function optionsFor({ host, port }: LocalAddress): TcpNetConnectOpts {
  return {
    host,
    port,
    noDelay: true,
    allowHalfOpen: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: PATIENCE_MS,
    ...(host === 'localhost' && { lookup: bothLoopbacks }),
  }
}

// Loopback refuses at once; a server whose queue is full answers late, and the other address cannot help.
const PATIENCE_MS = 10_000

const bothLoopbacks: LookupFunction = (_hostname, options, callback) => {
  const loopbacks = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  if (options.all) callback(null, loopbacks)
  else callback(null, '127.0.0.1', 4)
}
