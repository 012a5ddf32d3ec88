import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import type { LookupFunction } from 'node:net'
import { lookup } from 'node:dns'
import { rootCertificates } from 'node:tls'
import type { IncomingMessage } from 'node:http'
import { formatAddress, type Address } from '../base/address'
import { Failure } from '../base/failure'
import { nonceHeader } from './nonceStage'

/** What came back for the nonce: an answer, or the error that ended the request. */
export type PublicAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly nonce: string | undefined }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

/**
 * Fetches the public URL as an outside visitor would, with the nonce in a header.
 * `ca`, in PEM, is trusted beside the usual roots.
 */
export function fetchPublicUrl(options: {
  publicUrl: string
  nonce: string
  signal: AbortSignal
  ca?: string | undefined
}): Promise<PublicAnswer> {
  const { publicUrl, nonce, signal, ca } = options
  const url = new URL('.well-known/expose-port', publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`)
  return new Promise((resolve) => {
    const onError = (error: Error & { code?: string }) =>
      resolve({ kind: 'error', code: error.code ?? error.name, message: error.message })
    const onResponse = (response: IncomingMessage) => {
      response.resume()
      const header = response.headers[nonceHeader]
      resolve({
        kind: 'answered',
        status: response.statusCode ?? 0,
        nonce: typeof header === 'string' ? header : undefined,
      })
      response.once('error', () => undefined).destroy()
    }
    request(url, {
      headers: { [nonceHeader]: nonce, 'user-agent': 'Expose Port' },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
      lookup: lookupPublic,
      ca: [...rootCertificates, ...extraRoots(), ...(ca === undefined ? [] : [ca])],
    })
      .once('error', onError)
      .once('response', onResponse)
      .end()
  })
}

/** Says whether the nonce came through, else which hop failed and how to cure it; undefined when all is well. */
export function judgePublicAnswer(
  answer: PublicAnswer,
  facts: { publicUrl: string; bind: Address; nonce: string; arrived: boolean },
): Failure | undefined {
  const { publicUrl, bind } = facts
  const { hostname, host } = new URL(publicUrl)
  const address = formatAddress(bind)
  if (answer.kind === 'answered') {
    if (facts.arrived && answer.nonce === facts.nonce) return undefined
    if ([502, 503, 504].includes(answer.status)) {
      return publicFailure({
        kind: 'proxy-cannot-reach-forward',
        message: `The reverse proxy at ${host} answers, but it does not reach ${address}.`,
        said: `HTTP ${answer.status}`,
        advice:
          bind.kind === 'unix'
            ? `It must pass this name to unix:${address} and be allowed to open that socket ("StreamLocalBindMask 0117" in sshd_config and a directory of its group).`
            : `Let it pass this name to http://${address}.`,
      })
    }
    const redirected = answer.status >= 300 && answer.status < 400
    return publicFailure({
      kind: redirected ? 'public-url-redirects' : 'public-url-elsewhere',
      message: redirected
        ? `${host} redirects instead of passing the request on.`
        : `${host} answers, but not from this tunnel: something else is served there.`,
      said: `HTTP ${answer.status}`,
      advice: `Let the reverse proxy pass this name to ${bind.kind === 'unix' ? 'unix:' : 'http://'}${address}.`,
    })
  }
  const said = answer.message
  switch (answer.code) {
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
        advice: 'Start the reverse proxy on the server and let it listen on that port.',
      })
    case 'CERT_HAS_EXPIRED':
      return publicFailure({
        kind: 'certificate-expired',
        message: `The certificate of ${hostname} has expired.`,
        said,
        advice: 'Renew it on the server.',
      })
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return publicFailure({
        kind: 'certificate-wrong-name',
        message: `The certificate at ${host} is for another name.`,
        said,
        advice: `Get one that covers ${hostname}.`,
      })
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return publicFailure({
        kind: 'certificate-untrusted',
        message: `The certificate of ${hostname} is not trusted by this machine.`,
        said,
        advice: 'Use one from a public authority such as Let’s Encrypt, with its whole chain.',
      })
    case 'ABORT_ERR':
      return publicFailure({
        kind: 'public-url-unreachable',
        message: `${host} did not answer within ${limitMs / 1000} s.`,
        said,
        advice: 'Check the firewall before the server; from another network it may work.',
      })
    default:
      return publicFailure({
        kind: 'public-url-unreachable',
        message: `${host} could not be reached from here.`,
        said,
        advice: 'Check the firewall before the server; from another network it may work.',
      })
  }
}

const limitMs = 10_000

/** Node reads NODE_EXTRA_CA_CERTS itself, but VS Code's own handling of certificates takes that away again. */
function extraRoots(): readonly string[] {
  const file = process.env['NODE_EXTRA_CA_CERTS']
  try {
    return file === undefined ? [] : [readFileSync(file, 'utf8')]
  } catch {
    return []
  }
}

function publicFailure(details: { kind: string; message: string; said: string; advice: string }): Failure {
  return new Failure({
    ...details,
    hop: 'public URL',
    remedies: [{ do: 'retry' }, { do: 'show log' }],
    canHeal: true,
  })
}

/** RFC 6761 6.3: names below localhost are loopback, which many resolvers do not know. */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  if (!/(^|\.)localhost\.?$/i.test(hostname)) return lookup(hostname, options, callback)
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}
