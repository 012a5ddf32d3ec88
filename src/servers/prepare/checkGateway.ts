import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { request as requestHttps } from 'node:https'
import type { Clock } from '../../base/clock'
import { Cancelled, Failure } from '../../base/failure'
import type { Accept } from '../../base/visitor'
import { within } from '../../base/within'
import type { Transport } from '../../ssh/transport'
import { readGatewayBanner } from '../gateway'
import { dnsRecords } from './describe'

export interface GatewayCheckOptions {
  /** What the server was prepared for. */
  readonly domain: string
  /** Logs in as the locked user. */
  readonly openTransport: (signal: AbortSignal) => Promise<Transport>
  /** The addresses of a name; as this machine resolves it unless given. */
  readonly resolve?: (name: string) => Promise<readonly string[]>
  /** PEM. Whom to trust, besides nobody; the usual authorities unless given. */
  readonly ca?: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Uses a prepared server as a tunnel would: logs in as the locked user, reads the banner, listens on a socket, and
 * fetches its public URL, which makes Caddy get a certificate for that one name.
 * @throws Failure with the first of these that did not work; Cancelled.
 */
export async function checkGateway(options: GatewayCheckOptions): Promise<void> {
  const { domain, signal } = options
  const transport = await options.openTransport(signal)
  try {
    const gateway = readGatewayBanner(transport.banner)
    if (gateway?.base !== domain) throw otherBanner(domain, transport.banner)
    const nonce = randomBytes(16).toString('hex')
    const bind = { kind: 'unix', path: `${gateway.directory}/${checkName}.sock` } as const
    const forward = await transport.forward(bind, answerWith(nonce))
    try {
      await fetchNonce(options, { nonce, serverAddress: transport.peerAddress })
    } finally {
      await forward.cancel()
    }
  } finally {
    transport.dispose()
  }
}

/** Always the same, so that checking again needs no further certificate. */
const checkName = 'expose-check'

/** In milliseconds: a certificate authority may take its time. */
const fetchLimitMs = 90_000

/** Answers every visitor with the nonce, whatever was asked. */
function answerWith(nonce: string): Accept {
  return ({ stream }) => {
    stream.on('error', () => undefined)
    stream.once('data', () => {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${nonce.length}\r\nConnection: close\r\n\r\n`
      stream.end(head + nonce)
    })
  }
}

async function fetchNonce(
  { domain, resolve = resolveHere, ca, clock, signal }: GatewayCheckOptions,
  { nonce, serverAddress }: { nonce: string; serverAddress: string | undefined },
): Promise<void> {
  const name = `${checkName}.${domain}`
  const [address] = await resolve(name).catch(() => [])
  if (address === undefined) throw notResolved(domain, serverAddress)
  const timedOut = new AbortController()
  const fetched = fetchText({ name, address, ca, signal: AbortSignal.any([signal, timedOut.signal]) })
  try {
    const { status, text } = await within(clock, fetchLimitMs, fetched)
    if (text !== nonce) throw new Error(`it answered with ${status} ${text.slice(0, 200)}`)
  } catch (error) {
    timedOut.abort()
    await fetched.catch(() => undefined)
    if (signal.aborted) throw new Cancelled()
    throw notPublic({ name, address, serverAddress, error })
  }
}

async function resolveHere(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

interface FetchOptions {
  readonly name: string
  readonly address: string
  readonly ca: string | undefined
  readonly signal: AbortSignal
}

function fetchText({ name, address, ca, signal }: FetchOptions): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = requestHttps({
      ...{ host: address, servername: name, headers: { host: name }, agent: false, signal },
      ...(ca === undefined ? {} : { ca }),
    })
    request.once('error', reject).once('response', (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text = (text + chunk).slice(0, 4096)))
        .once('error', reject)
        .once('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.end()
  })
}

function otherBanner(domain: string, banner: string): Failure {
  return new Failure({
    kind: 'gateway-banner-missing',
    hop: 'authentication',
    message: `The server does not announce itself as the gateway of ${domain}.`,
    ...(banner === '' ? {} : { said: banner.trim().slice(0, 500) }),
    advice:
      'Prepare it again. If that does not help, another Match block of its sshd applies to the user "expose".',
    remedies: [{ do: 'retry' }, { do: 'show log' }],
    canHeal: false,
  })
}

function notResolved(domain: string, serverAddress: string | undefined): Failure {
  const records = dnsRecords(domain, serverAddress ?? 'ADDRESS-OF-THE-SERVER').join(' and ')
  return new Failure({
    kind: 'gateway-dns-missing',
    hop: 'DNS',
    message: `The server is prepared, but names below ${domain} do not resolve yet.`,
    advice: `Make this DNS record where ${domain} is managed: ${records}`,
    remedies: [{ do: 'retry' }],
    canHeal: false,
  })
}

interface NotPublic {
  readonly name: string
  readonly address: string
  readonly serverAddress: string | undefined
  readonly error: unknown
}

function notPublic({ name, address, serverAddress, error }: NotPublic): Failure {
  const isElsewhere = serverAddress !== undefined && address !== serverAddress
  const code = (error as { code?: unknown }).code
  const isCertificate = typeof code === 'string' && /CERT|SSL|TLS|SELF_SIGNED|EPROTO/.test(code)
  const advice = isElsewhere
    ? `${name} leads to ${address}, while the SSH connection goes to ${serverAddress}. Unless both are the same server, correct the DNS record.`
    : isCertificate
      ? 'Caddy may not have got a certificate. What it says on the server: journalctl -u caddy'
      : 'See that the firewall of the server, and of its provider, lets in the ports 80 and 443.'
  return new Failure({
    kind: 'gateway-not-public',
    hop: isCertificate ? 'certificate' : 'public URL',
    message: `The server is prepared, but https://${name} could not be fetched.`,
    said: error instanceof Error ? error.message : String(error),
    advice,
    remedies: [{ do: 'retry' }, { do: 'show log' }],
    canHeal: false,
    cause: error,
  })
}
