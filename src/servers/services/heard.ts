/** What a line of a service's session says. A URL is what the line claims; whether it may be used is not decided here. */
export type Heard =
  | { readonly kind: 'url'; readonly url: string }
  /** It goes on, but not as asked. */
  | { readonly kind: 'note'; readonly reason: Reason }
  /** There will be no tunnel. */
  | { readonly kind: 'refused'; readonly reason: Reason; readonly text: string }

export type Reason = 'name taken' | 'key unknown' | 'domain needed' | 'already online' | 'other'

/**
 * Each reader takes a line without control characters. A URL counts only in the one form in which the service itself
 * announces it, from the beginning of the line: some print what visitors ask for too, and all print links.
 */
type Reader = (line: string) => Heard | undefined

/** sshmuxer/httphandler.go, utils.go and sshmuxer.go of sish; `log-to-client` adds a line for each request. */
export const readSish: Reader = (line) => {
  const url = /^HTTPS: (https:\/\/\S+)$/.exec(line)?.[1]
  if (url !== undefined) return { kind: 'url', url }
  if (/^The subdomain \S+ is unavailable\./.test(line)) {
    return line.endsWith('Assigning a random subdomain.')
      ? { kind: 'note', reason: 'name taken' }
      : { kind: 'refused', reason: 'name taken', text: line }
  }
  return undefined
}

/** `--output json` prints an event a line, in either of two forms; the plain text is what older servers print. */
export const readLocalhostRun: Reader = (line) => {
  if (!line.startsWith('{')) {
    const url = /^(\S+) tunneled with tls termination, (https:\/\/\S+)$/.exec(line)?.[2]
    return url === undefined ? undefined : { kind: 'url', url }
  }
  const event = parseEvent(line)
  if (event['event'] === 'tcpip-forward') {
    return event['authz_code'] === 'OK' ? accepted(event['address']) : refusedEvent(event['message'])
  }
  switch (event['type']) {
    case 'v1.tcpip_forward.register.accepted':
      return accepted(event['id']?.split('/').at(-1))
    case 'v1.tcpip_forward.register.rejected':
      return refusedEvent(event['data'])
    default:
      return undefined
  }
}

export const readServeo: Reader = (line) => {
  const url = /^Forwarding HTTP traffic from (https:\/\/\S+)$/.exec(line)?.[1]
  if (url !== undefined) return { kind: 'url', url }
  return line.startsWith('To request a particular subdomain, you first need to register your SSH public key')
    ? { kind: 'note', reason: 'key unknown' }
    : undefined
}

/** Without a terminal it prints each URL on a line of its own. */
export const readPinggy: Reader = (line) =>
  line.startsWith('https://') && !line.includes(' ') ? { kind: 'url', url: line } : undefined

export const readNgrok: Reader = (line) => {
  const url = /^Forwarding +(https:\/\/\S+)(?: +-> .*)?$/.exec(line)?.[1]
  if (url !== undefined) return { kind: 'url', url }
  const code = /\bERR_NGROK_(\d+)\b/.exec(line)?.[1]
  return code === undefined
    ? undefined
    : { kind: 'refused', reason: ngrokReasons[code] ?? 'other', text: line }
}

/** https://ngrok.com/docs/errors */
const ngrokReasons: Readonly<Record<string, Reason>> = {
  '105': 'key unknown',
  '107': 'key unknown',
  '108': 'already online',
  '334': 'already online',
  '15002': 'domain needed',
}

function accepted(address: string | undefined): Heard | undefined {
  return address === undefined ? undefined : { kind: 'url', url: `https://${address}` }
}

function refusedEvent(text: string | undefined): Heard {
  const [firstLine = ''] = (text ?? '').split(/\r?\n/)
  return { kind: 'refused', reason: 'other', text: firstLine }
}

/** The fields that are texts; none for what is no JSON object. */
function parseEvent(line: string): Readonly<Record<string, string | undefined>> {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== 'object' || event === null) return {}
    return Object.fromEntries(Object.entries(event).filter((field) => typeof field[1] === 'string'))
  } catch {
    return {}
  }
}
