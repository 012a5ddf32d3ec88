/** A header or trailer field as it was sent. HTTP/2 has small letters only. */
export type Field = readonly [name: string, value: string]

/** How a visitor speaks HTTP. */
export type HttpProtocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'
