import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { quote, shorten, strangePlaceholder, type Read } from './problem'

/** What visitors call, taken apart; the placeholders stand where they stood. */
export interface PublicUrl {
  /** As it was written, with the scheme and the host in their usual form: lower case, other scripts as punycode. */
  readonly text: string
  readonly scheme: 'https' | 'http' | 'tcp'
  /** May hold `{name}` and `{port}`; IPv6 in brackets. */
  readonly host: string
  /** As written; undefined where none is. */
  readonly port: number | '{port}' | undefined
}

export const publicUrlExamples = '"https://dev.example.com" or "https://{name}.dev.example.com"'

/** Reads a URL of https, http or tcp that may hold `{name}` in its host, and `{port}` there or as its port. */
export function readPublicUrl(text: string): Read<PublicUrl> {
  const placeholder = strangePlaceholder(text, ['{name}', '{port}'])
  if (placeholder !== undefined) {
    return { wrong: `${shorten(placeholder)} cannot be filled in here; use {name} or {port}` }
  }
  const parts = /^(https?|tcp):\/\/([^/?#\s]+)([/?#]\S*)?$/i.exec(text)
  if (parts === null || text.includes('\\')) return notAUrl(text)
  const [, scheme = '', authority = '', rest = ''] = parts
  if (authority.includes('@') || /[?#]/.test(rest)) return { wrong: 'may hold no user, query or fragment' }
  const hostPort = /^(\[[^\]]*\]|[^:[\]]+)(?::(\{port\}|\d+))?$/.exec(authority)
  if (hostPort === null) return notAUrl(text)
  const host = readHost(hostPort[1] ?? '')
  const port = readPort(hostPort[2])
  if ('wrong' in host) return host
  if ('wrong' in port) return port
  const late = ['{name}', '{port}'].find((each) => rest.includes(each) && !authority.includes(each))
  if (late !== undefined) return { wrong: `${late} must stand in the host name, before the first slash` }
  return assemble(scheme.toLowerCase() as PublicUrl['scheme'], host.value, port.value, rest)
}

function assemble(
  scheme: PublicUrl['scheme'],
  host: string,
  port: PublicUrl['port'],
  path: string,
): Read<PublicUrl> {
  const origin = `${scheme}://${host}${port === undefined ? '' : `:${port}`}`
  if (scheme === 'tcp' && path !== '')
    return { wrong: `has a path, but tcp:// has none; write ${quote(origin)}` }
  const text = origin + path
  return URL.canParse(sample(text)) ? { value: { text, scheme, host, port } } : notAUrl(text)
}

function readHost(host: string): Read<string> {
  if (host.startsWith('[')) {
    return URL.canParse(`http://${host}`) ? { value: new URL(`http://${host}`).hostname } : notAHost(host)
  }
  if (host.includes('*')) return { wrong: `holds a *; write {name} there: "https://{name}.dev.example.com"` }
  if (host.endsWith('.'))
    return { wrong: `has a dot at its end; write ${quote(host.replace(/\.+$/, ''))} there` }
  const labels = host.split('.').map(plainLabel)
  const plain = labels.join('.')
  if (labels.includes('') || !URL.canParse(`http://${sample(plain)}`)) return notAHost(host)
  // RFC 1035 2.3.4; how much is left for a name is another question.
  const fixed = plain.replaceAll('{name}', '').replaceAll('{port}', '65535')
  if (fixed.length > 253 || fixed.split('.').some((label) => label.length > 63)) {
    return { wrong: 'has a host name with more than 63 letters between two dots, or more than 253 in all' }
  }
  // Addresses have many forms, and one of them is usual.
  return { value: plain.includes('{') ? plain : new URL(`http://${plain}`).hostname }
}

/** A label in lower case, another script as punycode (RFC 5891); empty when it can be no part of a host name. */
function plainLabel(label: string): string {
  // domainToASCII would also decode %41.
  const isForeign = /^[^\0-\x7f]+$/.test(label.replace(/[\w-]/g, ''))
  const plain = isForeign ? domainToASCII(label) : label.toLowerCase()
  return /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(sample(plain)) ? plain : ''
}

function readPort(text: string | undefined): Read<PublicUrl['port']> {
  if (text === undefined || text === '{port}') return { value: text }
  const port = Number(text)
  if (port >= 1 && port <= 65535) return { value: port }
  return { wrong: `has the port ${shorten(text)}; ports run from 1 to 65535` }
}

function sample(text: string): string {
  return text.replaceAll('{name}', 'name').replaceAll('{port}', '20000')
}

function notAUrl(text: string): Read<never> {
  return { wrong: `${quote(text)} is not a URL; write ${publicUrlExamples}` }
}

function notAHost(host: string): Read<never> {
  return { wrong: `${quote(host)} is not a host name; write ${publicUrlExamples}` }
}

/** True for an address instead of a name; IPv6 may stand in brackets. */
export function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, '')) !== 0
}
