import { lookup as lookupInDns } from 'node:dns'
import { readFileSync } from 'node:fs'
import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps, type RequestOptions } from 'node:https'
import { connect, isIP, type LookupFunction } from 'node:net'
import { connect as connectTls, rootCertificates } from 'node:tls'
import { lyingFields } from '../http/access/toldAddress'
import type { TlsEnd } from '../servers/profile'
import { alpnNonce, nonceHeader, nonceLine } from './nonce'

/** What came back for the nonce: an answer, a connection without one, or the error that ended it. */
export type PublicAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly nonce: string | undefined }
  /** Where HTTP cannot be seen: it was reached, and whether by this tunnel only the tunnel can tell. */
  | { readonly kind: 'reached' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

export interface PublicProbe {
  readonly publicUrl: string
  readonly tls: TlsEnd
  readonly nonce: string
  readonly signal: AbortSignal
  /** In PEM, trusted beside the usual roots. */
  readonly ca?: string | undefined
  /** Resolves names; the machine's own resolver unless given. */
  readonly lookup?: LookupFunction | undefined
}

/** Calls the public URL as an outside visitor would, with a nonce that the tunnel recognises. Never rejects. */
export async function askPublicUrl(probe: PublicProbe): Promise<PublicAnswer> {
  const { protocol } = new URL(probe.publicUrl)
  const signal = AbortSignal.any([probe.signal, AbortSignal.timeout(publicLimitMs)])
  try {
    if (protocol === 'tcp:') return await askByTcp({ ...probe, signal })
    if (probe.tls === 'app') return await askByTls({ ...probe, signal })
    return await askByHttp({ ...probe, signal })
  } catch (error) {
    const { code, name, message } = error as Error & { code?: string }
    return { kind: 'error', code: code ?? name, message }
  }
}

/** The addresses of a host name, as visitors on this machine see them; empty where there are none. */
export function addressesOf(hostName: string, lookup: LookupFunction = lookupPublic): Promise<string[]> {
  if (isIP(hostName) !== 0) return Promise.resolve([hostName])
  return new Promise((resolve) => {
    lookup(hostName, { all: true }, (error, addresses) => {
      if (error || typeof addresses === 'string') resolve([])
      else resolve(addresses.map(({ address }) => address))
    })
  })
}

export const publicLimitMs = 10_000

function askByHttp({ publicUrl, nonce, signal, ca, lookup }: PublicProbe): Promise<PublicAnswer> {
  const url = new URL('.well-known/expose-port', publicUrl.endsWith('/') ? publicUrl : `${publicUrl}/`)
  const options: RequestOptions = {
    // The lie shows whether the proxy in front lets visitors say who they are.
    headers: { [nonceHeader]: nonce, 'user-agent': 'Expose Port', ...lyingFields },
    agent: false,
    signal,
    lookup: lookup ?? lookupPublic,
  }
  return new Promise((resolve, reject) => {
    const asked: ClientRequest =
      url.protocol === 'http:' ? requestHttp(url, options) : requestHttps(url, { ...options, ca: roots(ca) })
    asked
      .once('error', reject)
      .once('response', (response: IncomingMessage) => {
        response.resume()
        const header = response.headers[nonceHeader]
        resolve({
          kind: 'answered',
          status: response.statusCode ?? 0,
          nonce: typeof header === 'string' ? header : undefined,
        })
        response.once('error', () => undefined).destroy()
      })
      .end()
  })
}

/** The app ends TLS, so only the ClientHello can be read on the way: the nonce stands among the protocols. */
function askByTls({ publicUrl, nonce, signal, ca, lookup }: PublicProbe): Promise<PublicAnswer> {
  const { hostname, port } = new URL(publicUrl)
  const host = withoutBrackets(hostname)
  return new Promise((resolve, reject) => {
    const socket = connectTls({
      host,
      port: port === '' ? 443 : Number(port),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['h2', 'http/1.1', alpnNonce(nonce)],
      ca: roots(ca),
      lookup: lookup ?? lookupPublic,
    })
    const stop = endOnAbort(signal, (reason) => socket.destroy(reason))
    socket.once('close', () => {
      stop()
      reject(new Error('the connection was closed'))
    })
    socket.on('error', reject)
    socket.once('secureConnect', () => {
      resolve({ kind: 'reached' })
      socket.destroy()
    })
  })
}

function askByTcp({ publicUrl, nonce, signal, lookup }: PublicProbe): Promise<PublicAnswer> {
  const { hostname, port } = new URL(publicUrl)
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: withoutBrackets(hostname),
      port: Number(port),
      lookup: lookup ?? lookupPublic,
    })
    const stop = endOnAbort(signal, (reason) => socket.destroy(reason))
    const { ask, answer } = nonceLine(nonce)
    let said = ''
    socket.once('connect', () => socket.write(ask))
    socket.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('latin1')).slice(0, 1000)
      if (said.length < answer.length) return
      resolve({ kind: 'answered', status: 0, nonce: said.startsWith(answer) ? nonce : undefined })
      socket.destroy()
    })
    socket.on('error', reject)
    socket.once('close', () => {
      stop()
      resolve({ kind: 'answered', status: 0, nonce: undefined })
    })
  })
}

function endOnAbort(signal: AbortSignal, end: (reason: Error) => void): () => void {
  const onAbort = () => end(Object.assign(new Error('The operation was aborted'), { code: 'ABORT_ERR' }))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  return () => signal.removeEventListener('abort', onAbort)
}

function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function roots(ca: string | undefined): string[] {
  return [...trustedRoots(), ...(ca === undefined ? [] : [ca])]
}

/** Whom a visitor on this machine trusts, in PEM. */
export function trustedRoots(): string[] {
  return [...rootCertificates, ...extraRoots()]
}

/** Node reads NODE_EXTRA_CA_CERTS itself, but VS Code's own handling of certificates takes that away again. */
function extraRoots(): readonly string[] {
  const file = process.env['NODE_EXTRA_CA_CERTS']
  try {
    return file === undefined ? [] : [readFileSync(file, 'utf8')]
  } catch {
    return []
  }
}

/** RFC 6761 6.3: names below localhost are loopback, which many resolvers do not know. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  if (!/(^|\.)localhost\.?$/i.test(hostname)) return lookupInDns(hostname, options, callback)
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}
