import { isIP } from 'node:net'
import { formatAddress } from '../base/address'
import { Failure } from '../base/failure'
import type { PublicWay, TlsEnd } from '../servers/profile'
import { isLoopback } from '../servers/reach'
import { publicLimitMs, type PublicAnswer } from './publicProbe'

export interface PublicFacts {
  readonly way: PublicWay
  readonly nonce: string
  /** Whether the tunnel has seen the nonce. */
  readonly arrived: boolean
  /** Where the name leads and where the SSH server is, if these are known to differ. */
  readonly elsewhere?: { readonly addresses: readonly string[]; readonly server: string } | undefined
}

/** Says whether the nonce came through, else which hop failed and how to cure it; undefined when all is well. */
export function judgePublicAnswer(answer: PublicAnswer, facts: PublicFacts): Failure | undefined {
  if (hasPassed(answer, facts)) return undefined
  const { way, elsewhere } = facts
  const isFromProxy = answer.kind === 'answered' && [502, 503, 504].includes(answer.status)
  if (elsewhere !== undefined && !facts.arrived && !isFromProxy)
    return pointsElsewhere(answer, way, elsewhere)
  switch (answer.kind) {
    case 'answered':
      return judgeAnswer(answer.status, way)
    case 'reached':
      return answersElsewhere(way, undefined)
    case 'error':
      return judgeError(answer, facts)
  }
}

function hasPassed(answer: PublicAnswer, { arrived, nonce }: PublicFacts): boolean {
  if (answer.kind === 'reached') return arrived
  // Either half alone proves nothing: a page may echo headers, and a proxy may answer in place of the tunnel.
  return answer.kind === 'answered' && arrived && answer.nonce === nonce
}

function judgeAnswer(status: number, way: PublicWay): Failure {
  const { host } = new URL(way.publicUrl)
  const said = `HTTP ${status}`
  if (isBehindProxy(way) && [502, 503, 504].includes(status)) {
    const address = formatAddress(way.bind)
    return publicFailure({
      kind: 'proxy-cannot-reach-forward',
      message: `The reverse proxy at ${host} answers, but it does not reach ${address}.`,
      said,
      advice:
        way.bind.kind === 'unix'
          ? `It must pass this name to unix:${address} and be allowed to open that socket ("StreamLocalBindMask 0117" in sshd_config and a directory of its group).`
          : `Let it pass this name to http://${address}.`,
    })
  }
  if (status < 300 || status >= 400) return answersElsewhere(way, status === 0 ? undefined : said)
  return publicFailure({
    kind: 'public-url-redirects',
    message: `${host} redirects instead of passing the request on.`,
    said,
    advice: leadHere(way),
  })
}

function answersElsewhere(way: PublicWay, said: string | undefined): Failure {
  return publicFailure({
    kind: 'public-url-elsewhere',
    message: `${new URL(way.publicUrl).host} answers, but not from this tunnel: something else is served there.`,
    said,
    advice: leadHere(way),
  })
}

function leadHere(way: PublicWay): string {
  const { bind, publicUrl } = way
  const address = formatAddress(bind)
  if (isBehindProxy(way)) {
    return `Let the reverse proxy pass this name to ${bind.kind === 'unix' ? 'unix:' : 'http://'}${address}.`
  }
  if (bind.kind === 'unix') {
    return `Let the server pass TLS for this name through to unix:${address}, undecrypted (nginx: stream with ssl_preread).`
  }
  return `Port ${portOf(publicUrl)} of that name must lead to port ${bind.port} of the server: correct "publicUrl", or stop what answers there.`
}

/** Where nothing ends HTTPS, a reverse proxy may still pass on what it gets in the clear. */
function isBehindProxy({ bind, tls }: PublicWay): boolean {
  return tls === 'server' || (tls === 'none' && (bind.kind === 'unix' || isLoopback(bind.host)))
}

function pointsElsewhere(
  answer: PublicAnswer,
  { publicUrl }: PublicWay,
  { addresses, server }: NonNullable<PublicFacts['elsewhere']>,
): Failure {
  const { hostname } = new URL(publicUrl)
  const said = answer.kind === 'error' ? answer.message : undefined
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) {
    return publicFailure({
      kind: 'dns-elsewhere',
      message: `${hostname} is not the address of the server, which was reached at ${server}.`,
      said,
      advice: 'Correct "publicUrl".',
    })
  }
  return publicFailure({
    kind: 'dns-elsewhere',
    message: `${hostname} points to ${addresses.join(', ')}, not to the server at ${server}.`,
    said,
    advice: `Let its A or AAAA record in DNS point to ${server}. A change may take until the old record's time to live is over.`,
  })
}

function judgeError({ code, message: said }: { code: string; message: string }, facts: PublicFacts): Failure {
  const { way, arrived } = facts
  const { hostname, host } = new URL(way.publicUrl)
  if (untrusted.has(code)) {
    return publicFailure({
      kind: 'certificate-untrusted',
      message: `The certificate of ${hostname} is not trusted by this machine.`,
      said,
      advice: 'Use one from a public authority such as Let’s Encrypt, with its whole chain.',
    })
  }
  const throughToApp = way.tls === 'app' && arrived
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return publicFailure({
        kind: 'public-name-not-found',
        message: `The name ${hostname} does not exist in DNS.`,
        said,
        advice: `Add an A or AAAA record (or a wildcard) for ${hostname} that points to the server.`,
      })
    case 'ECONNREFUSED':
      return publicFailure({
        kind: 'proxy-down',
        message: `Nothing listens at ${host}.`,
        said,
        advice:
          isBehindProxy(way) || way.bind.kind === 'unix'
            ? 'Start the reverse proxy on the server and let it listen on that port.'
            : `The server was asked to listen on ${formatAddress(way.bind)}: compare that with "publicUrl", and check "GatewayPorts" in its sshd_config and its firewall.`,
      })
    case 'CERT_HAS_EXPIRED':
      return publicFailure({
        kind: 'certificate-expired',
        message: `The certificate of ${hostname} has expired.`,
        said,
        advice: way.tls === 'here' && way.certificate === 'acme' ? renewalByAcme : renewal[way.tls],
      })
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return publicFailure({
        kind: 'certificate-wrong-name',
        message: `The certificate at ${host} is for another name.`,
        said,
        advice: `Get one that covers ${hostname}.`,
      })
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return throughToApp ? appSpeaksNoTls(way, said) : unreachable(`${host} does not speak HTTPS.`, said)
    case 'ABORT_ERR':
      return unreachable(`${host} did not answer within ${publicLimitMs / 1000} s.`, said)
    default:
      // An app that makes nothing of a ClientHello may as well close without a word.
      if (throughToApp) return appSpeaksNoTls(way, said)
      return unreachable(`${host} could not be reached from here.`, said)
  }
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
])

const renewal: Record<TlsEnd, string> = {
  server: 'Renew it on the server.',
  here: 'Renew it; a changed file is read at once.',
  app: 'The app shows it: give the app a new one.',
  none: 'Renew it.',
}

const renewalByAcme = 'It could not be renewed in time, which is tried again by itself; the log says why.'

function appSpeaksNoTls({ publicUrl }: PublicWay, said: string): Failure {
  return publicFailure({
    kind: 'app-speaks-no-https',
    message: `Visitors of ${publicUrl} come through, but the app does not answer them with HTTPS.`,
    said,
    advice: 'With "tls": "app" the app itself must. Let it, or end HTTPS here with "tls": "here".',
  })
}

function unreachable(message: string, said: string): Failure {
  return publicFailure({
    kind: 'public-url-unreachable',
    message,
    said,
    advice: 'Check the firewall before the server; from another network it may work.',
  })
}

function portOf(publicUrl: string): string {
  const { port, protocol } = new URL(publicUrl)
  return port !== '' ? port : protocol === 'http:' ? '80' : '443'
}

function publicFailure(details: {
  kind: string
  message: string
  said: string | undefined
  advice: string
}): Failure {
  const { said, ...rest } = details
  return new Failure({
    ...rest,
    ...(said === undefined ? {} : { said }),
    hop: 'public URL',
    remedies: [{ do: 'retry' }, { do: 'show log' }],
    canHeal: true,
  })
}
