import { isIP } from 'node:net'
import { valuesOf, type Exchange } from './exchange'

/**
 * The visitor's real address: at the edge the connection's own; behind a reverse proxy the one that the proxy wrote
 * last, for a visitor may write the ones before it. Empty where that is no address: whoever decides by it refuses then.
 */
export function visitorAddress(
  { visitor, request }: Pick<Exchange, 'visitor' | 'request'>,
  { isEdge }: { readonly isEdge: boolean },
): string {
  if (isEdge) return plainAddress(visitor.originator.address)
  const forwarded = valuesOf(request.fields, 'x-forwarded-for')
  const written = forwarded.length > 0 ? forwarded : valuesOf(request.fields, 'x-real-ip')
  return plainAddress(written.join(',').split(',').at(-1) ?? '')
}

/** Without a port, which some proxies add; one of IPv4 as itself (RFC 4291 2.5.5.2). */
function plainAddress(written: string): string {
  const text = written.trim()
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined && isIP(mapped) === 4) return mapped
  return isIP(address) === 0 ? '' : address
}
