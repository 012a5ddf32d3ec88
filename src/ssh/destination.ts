/** A server to log in to, as a person writes it: what is absent comes from ssh_config. */
export interface Destination {
  readonly user?: string
  /** A host name, an address (IPv6 without brackets) or a `Host` alias of ssh_config. */
  readonly host: string
  readonly port?: number
}

/**
 * Reads `host`, `user@host`, `user@host:port`, `user@[v6]:port` and `ssh://[user@]host[:port]` (ssh(1),
 * DESCRIPTION). Answers undefined for anything else.
 */
export function parseDestination(text: string): Destination | undefined {
  const uri = /^ssh:\/\/([^/]*)\/?$/.exec(text)
  const authority = uri ? (uri[1] ?? '') : text
  // The last @ ends the user, as in OpenSSH: user names may hold one.
  const at = authority.lastIndexOf('@')
  const user = at >= 0 ? authority.slice(0, at) : undefined
  const hostPort = parseHostPort(authority.slice(at + 1))
  const name = user === undefined ? undefined : uri ? safeDecode(user) : user
  if (hostPort === undefined || name === '') return undefined
  // A leading dash would be read as an option by the ssh command line.
  if (hostPort.host.startsWith('-') || name?.startsWith('-') === true) return undefined
  if (/[\s\0]/.test(`${name ?? ''}${hostPort.host}`)) return undefined
  return { ...(name === undefined ? {} : { user: name }), ...hostPort }
}

/** Reads `host`, `host:port`, `[v6]:port`, `[v6]` and a bare IPv6 address. */
export function parseHostPort(text: string): { host: string; port?: number } | undefined {
  const bracketed = /^\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\](?::(\d{1,5}))?$/.exec(text)
  if (bracketed) return withPort(bracketed[1] ?? '', bracketed[2])
  if ((text.match(/:/g) ?? []).length > 1) {
    return /^[0-9a-fA-F:.]+(%[\w.-]+)?$/.test(text) ? { host: text } : undefined
  }
  const plain = /^([^:[\]/]+)(?::(\d{1,5}))?$/.exec(text)
  return plain ? withPort(plain[1] ?? '', plain[2]) : undefined
}

function withPort(host: string, port: string | undefined): { host: string; port?: number } | undefined {
  if (host === '') return undefined
  if (port === undefined) return { host }
  const number = Number(port)
  return number >= 1 && number <= 65535 ? { host, port: number } : undefined
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
