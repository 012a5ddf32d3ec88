import { valuesOf, type Exchange, type Field } from '../exchange'
import { visitorAddress } from '../visitorAddress'

/** Who tells, and can be believed, which address a visitor has. */
export type AddressSource = 'connection' | 'x-forwarded-for' | 'x-real-ip' | 'nobody'

/** The fields with which a check of the public URL says that it comes from elsewhere (RFC 5737 3). */
export const lyingFields = { 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1' } as const

/**
 * What the proxy in front made of a check that lied about its address. A proxy with a lone `proxy_pass` lets every
 * visitor say of themselves what they like; one that writes the address itself can be believed.
 */
export function sourceSeen(fields: readonly Field[]): AddressSource {
  for (const name of ['x-forwarded-for', 'x-real-ip'] as const) {
    const last = valuesOf(fields, name).join(',').split(',').at(-1)?.trim() ?? ''
    if (last !== '' && last !== lyingFields[name]) return name
  }
  return 'nobody'
}

/** The visitor's address as the source tells it; empty where it does not. */
export function toldAddress(exchange: Pick<Exchange, 'visitor' | 'request'>, source: AddressSource): string {
  if (source === 'nobody') return ''
  if (source === 'connection') return visitorAddress(exchange, { isEdge: true })
  const fields = exchange.request.fields.filter(([name]) => name.toLowerCase() === source)
  return visitorAddress({ ...exchange, request: { ...exchange.request, fields } }, { isEdge: false })
}
