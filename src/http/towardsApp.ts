import { formatHostPort } from '../base/address'
import { valuesOf, type Field, type HttpRequest } from './exchange'
import { withoutConnectionFields } from './fields'

/** By which name an app is called: its own, as development servers insist on, or the one of the public URL. */
export type HostHeader = 'local' | 'public'

export interface Scene {
  readonly app: { readonly host: string; readonly port: number; readonly scheme: 'http' | 'https' }
  readonly publicUrl: string
  readonly hostHeader: HostHeader
  /** Nobody in front reads HTTP: only the connection says who calls, and what visitors say of it counts nothing. */
  readonly isEdge: boolean
}

/** What the two sides of a tunnel call the same thing. */
export interface Names {
  readonly publicUrl: string
  readonly scheme: 'http' | 'https'
  /** With the port, unless it is the usual one. */
  readonly publicHost: string
  readonly publicHostName: string
  readonly publicOrigin: string
  readonly appHost: string
  readonly appOrigin: string
  /** How the app may begin a URL of its own, in small letters. */
  readonly appOrigins: readonly string[]
  readonly appHostNames: readonly string[]
  readonly hostHeader: HostHeader
  readonly isEdge: boolean
}

export function namesOf({ app, publicUrl, hostHeader, isEdge }: Scene): Names {
  const { host, hostname, origin, protocol } = new URL(publicUrl)
  const hostNames = loopbackNames.includes(app.host) ? [...new Set([app.host, ...loopbackNames])] : [app.host]
  const appHosts = hostNames.flatMap((name) => hostsFor(name.toLowerCase(), app))
  const [appHost = ''] = hostsFor(app.host, app)
  return {
    publicUrl,
    scheme: protocol === 'http:' ? 'http' : 'https',
    publicHost: host,
    publicHostName: hostname,
    publicOrigin: origin,
    appHost,
    appOrigin: `${app.scheme}://${appHost}`,
    appOrigins: appHosts.flatMap((name) => [`${app.scheme}://${name}`, `//${name}`]),
    appHostNames: hostNames.map((name) => name.toLowerCase()),
    hostHeader,
    isEdge,
  }
}

const loopbackNames = ['localhost', '127.0.0.1', '::1']

/** With its port; where that is the usual one, as browsers write it first. */
function hostsFor(hostName: string, { port, scheme }: Scene['app']): string[] {
  const full = formatHostPort(hostName, port)
  return port === usualPort[scheme] ? [full.replace(/:\d+$/, ''), full] : [full]
}

const usualPort = { http: 80, https: 443 }

/**
 * The fields for the app: as the visitor sent them, in order and case, but for those of the connection, those that
 * would show a development server a foreign origin, and those that only a proxy may say.
 */
export function fieldsForApp(
  request: Pick<HttpRequest, 'method' | 'fields' | 'host' | 'length' | 'upgrade'>,
  { address, names }: { readonly address: string; readonly names: Names },
): Field[] {
  const { host, length, upgrade } = request
  const shownHost = hostForApp(host, names)
  const kept = withoutConnectionFields(request.fields)
  const fields: Field[] = valuesOf(kept, 'host').length > 0 ? [] : [['Host', shownHost ?? names.appHost]]
  for (const field of kept) {
    const shown = fieldForApp(field, shownHost, names)
    if (shown !== undefined) fields.push(shown)
  }
  if (length === 'seen at its end') fields.push(['Transfer-Encoding', 'chunked'])
  // RFC 9110 8.6; without it Node would announce a body of unknown length.
  const mayLackLength = length === 'no body' && bodyIsUsual.has(request.method)
  if (mayLackLength && valuesOf(kept, 'content-length').length === 0) fields.push(['Content-Length', '0'])
  if (names.isEdge && address !== '') fields.push(['X-Forwarded-For', address])
  if (names.hostHeader === 'public') fields.push(...publicSide(shownHost, names))
  if (upgrade !== undefined) fields.push(['Connection', 'Upgrade'], ['Upgrade', upgrade])
  return fields
}

const bodyIsUsual = new Set(['POST', 'PUT', 'PATCH'])

/** A proxy in front may have put a name of its own in the place of the one that was called. */
function hostForApp(host: string | undefined, names: Names): string | undefined {
  if (names.hostHeader === 'local') return names.appHost
  return names.isEdge ? host : names.publicHost
}

function fieldForApp(field: Field, host: string | undefined, names: Names): Field | undefined {
  const [name, value] = field
  switch (name.toLowerCase()) {
    case 'host':
      return host === undefined ? field : [name, host]
    case 'origin':
    case 'referer': {
      if (names.hostHeader === 'public') return field
      const shown = withOrigin(value, [names.publicOrigin], names.appOrigin)
      return shown === undefined ? field : [name, shown]
    }
    // The one such field that stays. Of the servers that check where a request comes from, none looks at it: Vite,
    // webpack-dev-server, Next and Django go by Host and Origin, Rails' HostAuthorization and Next's server actions
    // by X-Forwarded-Host too. What goes by it would be open to everybody without it: Rails' web console and the
    // like let in whom they take for somebody on this machine, and every visitor comes from loopback.
    case 'x-forwarded-for':
    case 'x-real-ip':
      return names.isEdge ? undefined : field
    default:
      return isProxysWord(name) ? undefined : field
  }
}

function isProxysWord(name: string): boolean {
  if (!/^[xf]/i.test(name)) return false
  // Apps behind CGI read an underscore as a dash (RFC 3875 4.1.18).
  return /^(?:x[-_]forwarded[-_].+|forwarded|x[-_]real[-_]ip)$/i.test(name)
}

function publicSide(host: string | undefined, { scheme }: Names): Field[] {
  return [
    ['X-Forwarded-Proto', scheme],
    ...(host === undefined ? [] : [['X-Forwarded-Host', host] as const]),
    ['X-Forwarded-Port', /^(?:\[.*\]|[^:]*):(\d+)$/.exec(host ?? '')?.[1] ?? String(usualPort[scheme])],
  ]
}

/** The fields of an answer for the visitor: where the app names itself, they name the public URL. */
export function fieldsForVisitor(fields: readonly Field[], names: Names): Field[] {
  const shown = withoutConnectionFields(fields).map((field) => fieldForVisitor(field, names))
  // nginx keeps an answer back until its buffer is full, unless told otherwise.
  if (isEventStream(shown) && valuesOf(shown, bufferingField.toLowerCase()).length === 0)
    shown.push([bufferingField, 'no'])
  return shown
}

const bufferingField = 'X-Accel-Buffering'

function isEventStream(fields: readonly Field[]): boolean {
  return valuesOf(fields, 'content-type').some((type) => /^text\/event-stream *(?:;|$)/i.test(type))
}

/** One field of an answer, or of one with which the app leaves HTTP. */
export function fieldForVisitor(field: Field, names: Names): Field {
  if (names.hostHeader === 'public') return field
  const [name, value] = field
  switch (name.toLowerCase()) {
    case 'location': {
      const prefix = value.startsWith('//') ? `//${names.publicHost}` : names.publicOrigin
      const shown = withOrigin(value, names.appOrigins, prefix)
      return shown === undefined ? field : [name, shown]
    }
    case 'set-cookie':
      return [name, withDomain(value, names)]
    default:
      return field
  }
}

/** The URL with another origin, if it begins with one of these; undefined otherwise. */
function withOrigin(url: string, origins: readonly string[], other: string): string | undefined {
  const own = origins.find(
    (origin) =>
      url.slice(0, origin.length).toLowerCase() === origin && /^(?:$|[/?#])/.test(url.slice(origin.length)),
  )
  return own === undefined ? undefined : other + url.slice(own.length)
}

/** RFC 6265 5.2.3: a leading dot means nothing. */
function withDomain(cookie: string, { appHostNames, publicHostName }: Names): string {
  return cookie.replace(/(;[ \t]*domain[ \t]*=)([^;]*)/gi, (whole, start: string, domain: string) =>
    appHostNames.includes(domain.trim().replace(/^\./, '').toLowerCase())
      ? `${start}${publicHostName}`
      : whole,
  )
}
