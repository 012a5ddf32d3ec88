import { isIPv6 } from 'node:net'
import { formatHostPort } from '../../base/address'
import { parseHostPort } from '../../ssh/destination'
import { longestSocketPath, type Bind } from '../profile'
import { quote, shorten, strangePlaceholder, type Read } from './problem'

export const bindExamples = '"127.0.0.1:8080" or "/run/expose/{name}.sock"'

/** Reads where sshd listens: a socket's path, `host:port`, or `host:{first-last}`. */
export function readBind(text: string): Read<Bind> {
  if (text.startsWith('/')) return readSocketPath(text)
  const range = /^(.*):\{([^}]*)\}$/.exec(text)
  if (range !== null) return readRange(range[1] ?? '', range[2] ?? '')
  const placeholder = strangePlaceholder(text, ['{name}'])
  if (placeholder !== undefined) return cannotFillIn(placeholder, '{name} or a range such as {20000-20099}')
  if (/^\d+$/.test(text)) return { wrong: `needs an address too; write "127.0.0.1:${shorten(text)}"` }
  const bare = /^(.*:)(\d{1,5}-\d{1,5})$/.exec(text)
  if (bare !== null) {
    return { wrong: `writes a range without braces; write ${quote(`${bare[1] ?? ''}{${bare[2] ?? ''}}`)}` }
  }
  const hostPort = text.includes('{') ? undefined : parseHostPort(text)
  if (hostPort?.port === undefined || !isHost(hostPort.host)) return notAnAddress(text)
  return tcp(hostPort.host, hostPort.port, hostPort.port)
}

function readSocketPath(path: string): Read<Bind> {
  const placeholder = strangePlaceholder(path, ['{name}'])
  if (placeholder !== undefined) return cannotFillIn(placeholder, '{name}')
  if (path.endsWith('/')) return { wrong: `names a directory; write ${shorten(path)}{name}.sock` }
  // A socket's path is handed over as text that ends at a zero byte; the others would break log lines.
  if (/\p{Cc}/u.test(path))
    return { wrong: 'holds a control character; write a path such as /run/expose/{name}.sock' }
  const fixed = Buffer.byteLength(path.replaceAll('{name}', ''))
  if (fixed > longestSocketPath) {
    return {
      wrong: `is longer than the ${longestSocketPath} bytes a unix socket may have; use a shorter directory`,
    }
  }
  return { value: { kind: 'unix', path } }
}

/** So many tries cost a minute on a slow connection; who needs more has a proxy with names. */
const mostPorts = 1000

function readRange(host: string, range: string): Read<Bind> {
  const ends = /^(\d{1,6})-(\d{1,6})$/.exec(range)
  const address = parseHostPort(`${host}:1`)
  if (address?.port === undefined || !isHost(address.host)) return notAnAddress(`${host}:{${range}}`)
  if (ends === null)
    return { wrong: `{${shorten(range)}} is not a range of ports; write ${quote(`${host}:{20000-20099}`)}` }
  const [first, last] = [Number(ends[1]), Number(ends[2])]
  const fit = (port: number) => Math.min(Math.max(port, 1), 65535)
  const [from, to] = [fit(Math.min(first, last)), fit(Math.max(first, last))]
  const write = `write ${quote(`${host}:{${from}-${Math.min(to, from + mostPorts - 1)}}`)}`
  if (first > last) return { wrong: `has a range that runs backwards; ${write}` }
  if (first < 1 || last > 65535) return { wrong: `has ports that do not exist; ${write}` }
  if (last - first >= mostPorts) {
    return { wrong: `has ${last - first + 1} ports, more than ${mostPorts}; ${write}` }
  }
  return tcp(address.host, first, last)
}

function tcp(host: string, firstPort: number, lastPort: number): Read<Bind> {
  return { value: { kind: 'tcp', host, firstPort, lastPort } }
}

function isHost(host: string): boolean {
  if (host === '*') return true
  if (host.includes(':')) return isIPv6(host)
  return /^[\w.-]+$/.test(host) && !host.startsWith('-') && URL.canParse(`http://${formatHostPort(host, 80)}`)
}

function notAnAddress(text: string): Read<Bind> {
  return { wrong: `${quote(text)} is not an address; write ${bindExamples}` }
}

function cannotFillIn(placeholder: string, instead: string): Read<Bind> {
  return { wrong: `${shorten(placeholder)} cannot be filled in here; use ${instead}` }
}
