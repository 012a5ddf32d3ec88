import { formatBind, type Bind, type OwnProfile, type TcpBind, type TlsEnd } from '../profile'
import { isLoopback, isOpenToAll } from '../reach'
import { longestNameIn, shortestLongestName } from '../nameRoom'
import { readBind } from './bind'
import type { Fields } from './fields'
import { problemAt, type Problem } from './problem'
import { isAddress, readPublicUrl, type PublicUrl } from './publicUrl'

type Own = Pick<OwnProfile, 'bind' | 'publicUrl' | 'tls' | 'certificate' | 'proxyProtocol'>

/** The fields that say how a server of the user's own makes things public, or what is wrong with them. */
export function readOwn(fields: Fields & { bind: string; publicUrl: string }): Own | Problem[] {
  const bind = readBind(fields.bind)
  const url = readPublicUrl(fields.publicUrl)
  if ('wrong' in bind || 'wrong' in url) return [...problemAt('bind', bind), ...problemAt('publicUrl', url)]
  const tls = fields.tls ?? 'server'
  const way: Way = { fields, tls, bind: bind.value, url: url.value }
  const problems = [tlsProblem(way), namesProblem(way), ...hereProblems(way)].filter(
    (each) => each !== undefined,
  )
  if (problems.length > 0) return problems
  return {
    bind: way.bind,
    publicUrl: way.url.text,
    tls,
    ...(tls === 'here' ? { certificate: fields.certificate ?? 'acme' } : {}),
    proxyProtocol: fields.proxyProtocol ?? false,
  }
}

interface Way {
  readonly fields: Fields
  readonly tls: TlsEnd
  readonly bind: Bind
  readonly url: PublicUrl
}

/**
 * Where HTTPS ends must fit what visitors call and where sshd listens. Plain text on a public port is never the
 * outcome of something left out: it takes `tls: "none"` and a URL that says tcp:// or http://, which no browser and
 * no webhook form mistakes for https. With both written, it is what the user wants: `nc`, databases, game servers.
 */
function tlsProblem({ fields, tls, bind, url }: Way): Problem | undefined {
  const open = bind.kind === 'tcp' && isOpenToAll(bind.host) ? bind : undefined
  switch (tls) {
    case 'server':
      if (url.scheme !== 'https') {
        const why =
          fields.tls === undefined ? '"tls" is "server" unless you write another' : '"tls" is "server"'
        const plain = `if everybody may read what passes, write "tls": "none"`
        return { field: 'publicUrl', message: `must begin with https://, because ${why}; ${plain}` }
      }
      return open === undefined ? undefined : besideTheProxy(open)
    case 'here':
    case 'app':
      if (url.scheme === 'https') return undefined
      return { field: 'publicUrl', message: `must begin with https://, because "tls" is "${tls}"` }
    case 'none':
      if (url.scheme !== 'https') return undefined
      return {
        field: 'tls',
        message:
          open !== undefined
            ? `is "none", so nothing would end the HTTPS that "publicUrl" promises; write "here" (this extension ends it) or "app" (your app does), or begin "publicUrl" with tcp:// or http://`
            : `is "none", so nothing would end the HTTPS that "publicUrl" promises; write "server", "here" or "app"`,
      }
  }
}

function besideTheProxy(bind: TcpBind): Problem {
  const inside = formatBind({ ...bind, host: '127.0.0.1' })
  return {
    field: 'bind',
    message: `would be public without HTTPS beside the reverse proxy; write "${inside}", or where else HTTPS ends: "tls": "here", "app" or "none"`,
  }
}

/** Two tunnels must not get one address, nor may one get an address that leads nowhere. */
function namesProblem(way: Way): Problem | undefined {
  const { bind, url } = way
  const inUrl = url.host.includes('{name}')
  const inBind = bind.kind === 'unix' && bind.path.includes('{name}')
  const portInUrl = url.host.includes('{port}') || url.port === '{port}'
  if (url.scheme === 'tcp' && (inUrl || url.port === undefined)) return tcpProblem(inUrl)
  if (inUrl && !inBind) {
    return atUrl(
      '{name} needs a "bind" with {name}, such as "/run/expose/{name}.sock"; otherwise all names reach one port',
    )
  }
  if (inBind && !inUrl)
    return atUrl('must hold {name}, because "bind" does: "https://{name}.dev.example.com"')
  if (portInUrl && bind.kind === 'unix') {
    return atUrl('{port} needs a "bind" with ports, such as "127.0.0.1:{20000-20099}"')
  }
  if (bind.kind === 'tcp' && bind.lastPort > bind.firstPort && !portInUrl) {
    return atUrl(
      'must hold {port}, because "bind" has several: "https://p{port}.dev.example.com" or "https://dev.example.com:{port}"',
    )
  }
  return roomProblem(bind, url)
}

function tcpProblem(hasName: boolean): Problem {
  return hasName
    ? atUrl(
        '{name} cannot work with tcp://, which tells no server which host was called; write "tcp://dev.example.com:{port}", and a range in "bind"',
      )
    : atUrl('needs a port; write "tcp://dev.example.com:{port}"')
}

function atUrl(message: string): Problem {
  return { field: 'publicUrl', message }
}

/** A name is made to fit; but where next to nothing of it would be left, it says nothing any more. */
function roomProblem(bind: Bind, url: PublicUrl): Problem | undefined {
  const room = longestNameIn({ bind, publicUrl: url.text })
  if (room >= shortestLongestName) return undefined
  const inSocket = longestNameIn({ bind, publicUrl: '' }) === room
  return {
    field: inSocket ? 'bind' : 'publicUrl',
    message: `leaves ${room} characters for {name}, and it takes ${shortestLongestName}; ${
      inSocket
        ? 'a socket’s path has at most 107 bytes: use a shorter directory'
        : 'a label has at most 63: write less beside {name}'
    }`,
  }
}

/** What matters only where HTTPS ends on this machine. */
function hereProblems({ fields, tls, bind, url }: Way): Problem[] {
  const { certificate, proxyProtocol } = fields
  if (tls !== 'here') {
    const message = `works with "tls": "here" only; remove it`
    return [
      ...(certificate === undefined ? [] : [{ field: 'certificate', message }]),
      ...(proxyProtocol === true ? [{ field: 'proxyProtocol', message }] : []),
    ]
  }
  const problems: Problem[] = []
  // RFC 8555 7.1.3 has names; addresses are another kind (RFC 8738). Which names it certifies, the authority says.
  if ((certificate ?? 'acme') === 'acme' && isAddress(url.host)) {
    problems.push({
      field: 'certificate',
      message: `cannot come by ACME, because "publicUrl" has an address instead of a name; write the name, or the files: { "key": "~/certs/dev.key", "cert": "~/certs/dev.pem" }`,
    })
  }
  // Whoever reaches the port could write any address into the header.
  if (proxyProtocol === true && bind.kind === 'tcp' && isOpenToAll(bind.host)) {
    problems.push({
      field: 'proxyProtocol',
      message: `needs a proxy in front, but visitors reach "bind" themselves; remove it, or bind where the proxy passes them to, such as "/run/expose/{name}.sock"`,
    })
  }
  return problems
}

/** What works but may surprise. */
export function notesOn({ bind, publicUrl, tls, certificate }: Own): Problem[] {
  const notes: Problem[] = []
  const url = readPublicUrl(publicUrl)
  if ('wrong' in url) return notes
  const { scheme, port } = url.value
  const called = port ?? (scheme === 'http' ? 80 : 443)
  if (bind.kind === 'tcp' && bind.firstPort < 1024) {
    notes.push({
      field: 'bind',
      message: `only root may listen on port ${bind.firstPort}, unless the server says otherwise (sysctl net.ipv4.ip_unprivileged_port_start=${bind.firstPort})`,
    })
  }
  if (bind.kind === 'tcp' && !isLoopback(bind.host) && tls !== 'server' && called !== '{port}') {
    if (bind.firstPort !== called) {
      notes.push({
        field: 'publicUrl',
        message: `is called at port ${called}, and sshd listens on ${bind.firstPort}; something on the server must pass one on to the other`,
      })
    }
  }
  if (certificate === 'acme' && called !== 443) {
    notes.push({
      field: 'certificate',
      message:
        'a public authority checks the name at port 443 (RFC 8737), which must lead to the same tunnel',
    })
  }
  return notes
}
