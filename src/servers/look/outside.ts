import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls'
import { dial } from '../../ssh/dial'
import { bounded, type Bounds } from './bounded'
import type { Answer, CertificateShown, FrontEvidence, Shown } from './evidence'

/** The addresses of a name; none where it has none. @throws Error where DNS does not answer. */
export type Resolver = (name: string) => Promise<readonly string[]>

export const systemResolver: Resolver = async (name) => {
  // RFC 6761 6.3: names below localhost are loopback, which many resolvers do not know.
  if (/(^|\.)localhost$/i.test(name)) return ['127.0.0.1']
  try {
    return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') return []
    throw error
  }
}

/** What a visitor would see of a server. */
export class Outside {
  private readonly asked = new Map<string, Promise<readonly string[] | undefined>>()
  private readonly shown = new Map<string, Promise<Shown>>()

  constructor(
    private readonly options: {
      readonly resolver: Resolver
      /** Certificate authorities (PEM) in place of the usual ones. */
      readonly ca: string | undefined
      /** By which the server is known. */
      readonly addresses: readonly string[]
      readonly bounds: Bounds
    },
  ) {}

  /** The addresses of a name; undefined where DNS gave no answer. */
  addressesOf(name: string): Promise<readonly string[] | undefined> {
    const { resolver, bounds } = this.options
    if (isIP(name) !== 0) return Promise.resolve([name])
    const known = this.asked.get(name) ?? bounded(bounds, dnsLimitMs, () => resolver(name))
    this.asked.set(name, known)
    return known
  }

  /** Whether a name leads to the server. */
  async leadsHere(name: string): Promise<Answer> {
    const found = await this.addressesOf(name)
    if (found === undefined || this.options.addresses.length === 0) return 'unknown'
    return found.some((address) => this.options.addresses.includes(address)) ? 'yes' : 'no'
  }

  /** Whether names below it lead to the server: one that nobody can have made an entry for. */
  belowLeadsHere(name: string): Promise<Answer> {
    return this.leadsHere(`x${this.random}.${name}`)
  }

  /** The certificate that the server shows for a name, whatever DNS says. */
  certificateFor(name: string, port: number): Promise<Shown> {
    const key = `${name}:${port}`
    const known = this.shown.get(key) ?? this.lookAtCertificate(name, port)
    this.shown.set(key, known)
    return known
  }

  /** Which program answers plain HTTP; undefined where nobody does. */
  async answersHttp(port: number): Promise<FrontEvidence['kind']> {
    const [host] = this.options.addresses
    if (host === undefined) return 'unknown'
    const answer = await bounded(this.options.bounds, lookLimitMs, async (signal) => {
      const socket = await this.dial(host, port, signal)
      if (socket === 'refused') return { server: 'nobody' }
      return head(socket, host, signal)
    })
    if (answer?.server === 'nobody') return 'nobody'
    return answer === undefined ? 'unknown' : programOf(answer.server)
  }

  private readonly random = randomBytes(6).toString('hex')

  private async lookAtCertificate(name: string, port: number): Promise<Shown> {
    const { addresses, bounds } = this.options
    const [host] = addresses
    if (host === undefined) return { kind: 'unknown' }
    const shown = await bounded(bounds, lookLimitMs, async (signal): Promise<Shown> => {
      const socket = await this.dial(host, port, signal)
      return socket === 'refused' ? { kind: 'nobody' } : this.shake(socket, name, signal)
    })
    return shown ?? { kind: 'unknown' }
  }

  private async shake(socket: Socket, name: string, signal: AbortSignal): Promise<Shown> {
    const { ca } = this.options
    const secure = connectTls({
      socket,
      // RFC 6066 3: a server name is no address.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      ...(ca === undefined ? {} : { ca }),
    })
    try {
      await once(secure, 'secureConnect', { signal })
    } catch (error) {
      signal.throwIfAborted()
      socket.destroy()
      return { kind: 'no certificate', said: (error as Error).message }
    }
    secure.on('error', () => undefined)
    const shown = certificateOf(secure, name)
    if (shown === undefined) return { kind: 'no certificate', said: 'none was shown' }
    const answer = await head(secure, name, signal).catch(() => undefined)
    signal.throwIfAborted()
    return { ...shown, status: answer?.status, server: answer?.server }
  }

  private async dial(host: string, port: number, signal: AbortSignal): Promise<Socket | 'refused'> {
    try {
      const socket = await dial({ host, port }, { signal, onHop: () => undefined })
      socket.on('error', () => undefined)
      signal.addEventListener('abort', () => socket.destroy(), { once: true })
      return socket
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return 'refused'
      throw error
    }
  }
}

const dnsLimitMs = 5000
const lookLimitMs = 6000

/** By its header `Server`. */
export function programOf(server: string | undefined): FrontEvidence['kind'] {
  const found = /^(nginx|openresty|caddy|apache)/i.exec(server ?? '')?.[1]?.toLowerCase()
  if (found === 'openresty') return 'nginx'
  return found === 'nginx' || found === 'caddy' || found === 'apache' ? found : 'other'
}

function certificateOf(secure: TLSSocket, name: string): CertificateShown | undefined {
  const certificate = secure.getPeerCertificate()
  const validTo = Date.parse(certificate.valid_to)
  if (Number.isNaN(validTo)) return undefined
  // Of the chain alone: the name is compared below. OpenSSL's code, or an Error that has it.
  const reason: unknown = secure.authorizationError
  return {
    kind: 'certificate',
    distrust: secure.authorized ? undefined : reason instanceof Error ? reason.message : String(reason),
    coversName: checkServerIdentity(name, certificate) === undefined,
    validTo,
    names: (certificate.subjectaltname ?? '')
      .split(', ')
      .map((each) => each.replace(/^(DNS|IP Address):/, '')),
    status: undefined,
    server: undefined,
  }
}

/** The answer to a HEAD request on a connection that then ends. */
async function head(
  socket: Socket,
  host: string,
  signal: AbortSignal,
): Promise<{ status: number | undefined; server: string | undefined }> {
  const asked = request({
    createConnection: () => socket,
    method: 'HEAD',
    headers: { host, connection: 'close' },
    signal,
  })
  asked.on('error', () => undefined).end()
  const [response] = (await once(asked, 'response', { signal })) as [IncomingMessage]
  response.resume()
  socket.destroy()
  const { server } = response.headers as { server?: string }
  return { status: response.statusCode, server }
}
