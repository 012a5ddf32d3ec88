import type { Duplex } from 'node:stream'

/** Whoever calls the public URL: a stream, and where the server says it came from. */
export interface Visitor {
  readonly stream: Duplex
  /** Originator address and port (RFC 4254 7.2); behind a reverse proxy this is the proxy. */
  readonly originator: { readonly address: string; readonly port: number }
}

/** A stage: answers the visitor, or passes it on to the next stage. */
export type Accept = (visitor: Visitor) => void
