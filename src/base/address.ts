/** Where something listens or is dialled: a TCP address, or the path of a unix socket. */
export type Address = TcpAddress | UnixAddress

export interface TcpAddress {
  readonly kind: 'tcp'
  /** A name or an address literal; IPv6 without brackets. */
  readonly host: string
  /** 0 lets the server choose (RFC 4254 7.1). */
  readonly port: number
}

export interface UnixAddress {
  readonly kind: 'unix'
  readonly path: string
}

/** `host:port`, `[v6]:port` or the socket path, as ssh -R writes it. */
export function formatAddress(address: Address): string {
  return address.kind === 'unix' ? address.path : formatHostPort(address.host, address.port)
}

export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
