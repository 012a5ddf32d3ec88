import { caddySite } from '../lines/caddyLines'
import { nginxServer } from '../lines/nginxLines'
import { publicHostOf, type Way } from '../lines/publicHost'
import { reloadCaddy, reloadNginx } from '../lines/shellLines'
import type { CertificateFiles, ServerEvidence, Shown } from '../look/evidence'
import { proxyOf } from './existing'
import type { Step } from './proposal'
import { certbotLines } from './steps'

/** The lines that let a reverse proxy lead a profile's visitors, and let it read them. */
export function proxySteps(
  evidence: ServerEvidence,
  kind: 'nginx' | 'caddy',
  way: Way,
  shown: Shown,
): Step[] {
  return kind === 'nginx' ? nginxSteps(evidence, way, shown) : caddySteps(evidence, way)
}

function nginxSteps(evidence: ServerEvidence, way: Way, shown: Shown): Step[] {
  const { host, port, after, varies } = publicHostOf(way.publicUrl)
  const name = varies === undefined ? host : `*${after.slice(after.indexOf('.'))}`
  const isShown = shown.kind === 'certificate' && shown.coversName && shown.distrust === undefined
  const known = isShown ? filesFor(evidence, name) : undefined
  const live = `/etc/letsencrypt/live/${name.replace('*.', '')}`
  const certificate = known ?? { cert: `${live}/fullchain.pem`, key: `${live}/privkey.pem` }
  const configFile = proxyOf(evidence, 'nginx')?.configFile ?? '/etc/nginx/nginx.conf'
  const directory = `${configFile.replace(/\/[^/]*$/, '')}/conf.d`
  return [
    ...(isShown
      ? []
      : [{ what: `Get a certificate for ${name}.`, where: 'shell' as const, lines: certbotLines(name) }]),
    {
      what: `A new file, ${directory}/expose.conf, that leads visitors to the tunnels.`,
      where: 'nginx',
      lines: nginxServer(way, { certificate, listen: listenOn(evidence, port) }),
    },
    { what: 'Check it, and let nginx read it.', where: 'shell', lines: reloadNginx },
  ]
}

/** The files of the server block that shows this certificate, as far as names tell. */
function filesFor(evidence: ServerEvidence, name: string): CertificateFiles | undefined {
  const files = proxyOf(evidence, 'nginx')?.certificates ?? []
  const base = name.replace('*.', '')
  const wanted = [name, `.${base}`, base]
  return (
    wanted
      .map((each) => files.find(({ names }) => names.includes(each)))
      .find((each) => each !== undefined) ?? files[0]
  )
}

/** As other server blocks do at this port; else on every address, of IPv6 too where the name has one. */
function listenOn(evidence: ServerEvidence, port: number): readonly string[] {
  const present = (proxyOf(evidence, 'nginx')?.tlsListens ?? []).filter(
    (each) => /\d+$/.exec(each)?.[0] === String(port),
  )
  if (present.length > 0) return present
  const { domain } = evidence
  const hasIpv6 = domain?.leadsHere === 'yes' && domain.addresses.some((address) => address.includes(':'))
  return [String(port), ...(hasIpv6 ? [`[::]:${port}`] : [])]
}

function caddySteps(evidence: ServerEvidence, way: Way): Step[] {
  const caddy = proxyOf(evidence, 'caddy')
  const configFile = caddy?.configFile ?? '/etc/caddy/Caddyfile'
  const { globalOptions, sites } = caddySite(way, { askPort: freePort(evidence) })
  return [
    ...(globalOptions.length === 0
      ? []
      : [globalStep(globalOptions, caddy?.hasGlobalOptions === true, configFile)]),
    { what: `At the end of ${configFile}.`, where: 'Caddyfile', lines: sites },
    { what: 'Check it, and let Caddy read it.', where: 'shell', lines: reloadCaddy(configFile) },
  ]
}

/** Comes before all that names its user and group. */
export function installSteps(evidence: ServerEvidence, kind: 'nginx' | 'caddy'): Step[] {
  const isThere =
    kind === 'nginx' || evidence.front.kind === 'caddy' || proxyOf(evidence, 'caddy') !== undefined
  return isThere ? [] : [installCaddy]
}

const installCaddy: Step = {
  what: 'Install Caddy. It gets and renews certificates by itself.',
  where: 'shell',
  lines: ['sudo apt-get install -y caddy'],
}

function globalStep(options: readonly string[], isThere: boolean, configFile: string): Step {
  return isThere
    ? { what: `Inside the braces at the top of ${configFile}.`, where: 'Caddyfile', lines: options }
    : {
        what: `At the very top of ${configFile}.`,
        where: 'Caddyfile',
        lines: ['{', ...options.map((line) => `\t${line}`), '}'],
      }
}

/** For Caddy's question to itself. */
function freePort({ shell }: ServerEvidence): number {
  let port = 9123
  while (shell?.listeners?.some((listener) => listener.port === port) === true) port++
  return port
}
