/** How a check of the public URL carries its nonce, by what the tunnel can read of a visitor's first bytes. */

/** In an HTTP request, and back in its answer. */
export const nonceHeader = 'x-expose-port-check'

/** Among the protocols of a ClientHello (RFC 7301), where the app ends TLS. */
export function alpnNonce(nonce: string): string {
  return `expose-port-${nonce}`
}

/** As the first line, where nothing is known of the protocol. */
export function nonceLine(nonce: string): { readonly ask: string; readonly answer: string } {
  return { ask: `EXPOSE-PORT-CHECK ${nonce}\r\n`, answer: `EXPOSE-PORT-CHECK ${nonce} OK\r\n` }
}
