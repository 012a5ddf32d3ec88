import type { Duplex } from 'node:stream'

/** Whoever calls the public URL: a stream, and where it came from. */
export interface Visitor {
  readonly stream: Duplex
  /**
   * Originator address and port (RFC 4254 7.2), or what a PROXY protocol header says; behind a reverse proxy
   * without one this is the proxy.
   */
  readonly originator: { readonly address: string; readonly port: number }
  /** What was agreed on by ALPN (RFC 7301) where TLS ends on this machine. */
  readonly protocol?: 'h2' | 'http/1.1'
}

/** A stage: answers the visitor, or passes it on to the next stage. */
export type Accept = (visitor: Visitor) => void
