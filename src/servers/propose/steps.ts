import { isIPv6 } from 'node:net'
import { dirname } from 'node:path/posix'
import { socketDirectoryLines } from '../lines/shellLines'
import type { DirectoryEvidence, ProxyEvidence, ServerEvidence, Shown } from '../look/evidence'
import { describeShown } from '../look/describe'
import type { Step } from './proposal'

/** An address to write where none is known (RFC 5737). */
const someAddress = '192.0.2.1'

/** The entry that lets a name, or `*.name`, lead to the server. */
export function dnsStep(name: string, { address = someAddress }: ServerEvidence): Step {
  return {
    what: `Let ${name.startsWith('*.') ? `every name below ${name.slice(2)}` : name} lead to this server, where the domain is managed.`,
    where: 'DNS',
    lines: [`${name}. ${isIPv6(address) ? 'AAAA' : 'A'} ${address}`],
  }
}

/** What keeps the user from making sockets, or the proxy from opening them; undefined where nothing does. */
export function directoryStep(
  evidence: ServerEvidence,
  socketPath: string,
  proxy: ProxyEvidence | undefined,
): Step | undefined {
  const path = dirname(socketPath)
  const directory = evidence.socketDirectories.find((each) => each.path === path)
  if (directory?.isWritable === true && mayEnter(directory, proxy)) return undefined
  const group = proxy?.userGroups[0] ?? (proxy?.kind === 'nginx' ? 'www-data' : 'caddy')
  return {
    what: `Make ${path} for the sockets: ${evidence.user} makes them, the group ${group} opens them.`,
    where: 'shell',
    lines: socketDirectoryLines(path, evidence.user, group),
  }
}

/** Whether the proxy gets at a socket there, whose group is handed down by the directory (its setgid bit). */
function mayEnter({ mode, owner, group }: DirectoryEvidence, proxy: ProxyEvidence | undefined): boolean {
  if (proxy?.user === undefined || proxy.user === 'root' || mode === undefined || group === undefined)
    return true
  if (proxy.user === owner) return true
  return (mode & 0o2010) === 0o2010 && proxy.userGroups.includes(group)
}

/** What is wrong with what HTTPS shows for a name; undefined where visitors get in. */
export function certificateStep(
  shown: Shown,
  { name, port }: { name: string; port: number },
  proxy: string,
): Step | undefined {
  const is = `HTTPS for ${name} at port ${port}: ${describeShown(shown)}.`
  switch (shown.kind) {
    case 'unknown':
      return undefined
    case 'nobody':
      return {
        what: `${is} Start ${proxy}, and open the port in the firewall.`,
        where: 'shell',
        lines: [`sudo ss -ltnp 'sport = :${port}'`, `sudo systemctl status ${proxy}`],
      }
    case 'no certificate':
      return certificateWanted(is, name, proxy)
    case 'certificate':
      return shown.coversName && shown.distrust === undefined ? undefined : certificateWanted(is, name, proxy)
  }
}

function certificateWanted(is: string, name: string, proxy: string): Step {
  if (proxy === 'caddy') {
    return {
      what: `${is} Caddy's log says why it has none.`,
      where: 'shell',
      lines: ['sudo journalctl -u caddy -n 50'],
    }
  }
  return { what: `${is} Get one for it.`, where: 'shell', lines: certbotLines(name) }
}

/** By certbot's questions: a wildcard needs an entry in DNS, and its questions say which. */
export function certbotLines(name: string): string[] {
  return [
    'sudo apt-get install -y certbot',
    name.startsWith('*.')
      ? `sudo certbot certonly --manual --preferred-challenges dns -d '${name}'`
      : `sudo certbot certonly --webroot -w /var/www/html -d ${name}`,
  ]
}

export function firewallStep(port: number, last = port): Step {
  const ports = port === last ? String(port) : `${port}:${last}`
  return {
    what: `Open ${port === last ? `port ${port}` : `the ports ${port} to ${last}`} in the firewall: the server's own, or its provider's. From here nobody gets in.`,
    where: 'shell',
    lines: [`sudo ufw allow ${ports}/tcp`],
  }
}
