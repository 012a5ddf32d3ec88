import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { CertificatePair } from './certificate'

/** What a key and a certificate turn out to be, for one host name. Dates are milliseconds since the epoch. */
export type Examined =
  | { readonly kind: 'good'; readonly life: Life; readonly chain: Chain }
  | { readonly kind: 'no certificate' | 'certificate cut off' | 'no key' | 'key encrypted' | 'not a pair' }
  /** The key belongs to a certificate that stands further down. */
  | { readonly kind: 'wrong order' }
  /** A key too short, for one. */
  | { readonly kind: 'refused by TLS'; readonly said: string }
  | { readonly kind: 'other name'; readonly names: readonly string[] }
  | { readonly kind: 'expired' | 'not yet valid'; readonly life: Life; readonly chain: Chain }

export interface Life {
  readonly notBefore: number
  readonly notAfter: number
}

/** Whether each certificate is issued by the one below it; visitors may refuse one that is not. */
export type Chain = 'whole' | 'alone' | 'broken'

/** Judges a pair as a visitor of `hostName` would at `now`, except for who issued it. */
export function examinePair(pair: CertificatePair, hostName: string, now: number): Examined {
  const certificates = readCertificates(pair.certPem)
  if (typeof certificates === 'string') return { kind: certificates }
  const [leaf] = certificates
  if (leaf === undefined) return { kind: 'no certificate' }
  const key = readKey(pair.keyPem)
  if (typeof key === 'string') return { kind: key }
  if (!leaf.checkPrivateKey(key)) {
    const below = certificates.some((certificate) => certificate.checkPrivateKey(key))
    return { kind: below ? 'wrong order' : 'not a pair' }
  }
  const said = refusal(pair)
  if (said !== undefined) return { kind: 'refused by TLS', said }
  if (!covers(leaf, hostName)) return { kind: 'other name', names: namesIn(leaf) }
  const life = { notBefore: Date.parse(leaf.validFrom), notAfter: Date.parse(leaf.validTo) }
  const chain = chainOf(certificates)
  if (now >= life.notAfter) return { kind: 'expired', life, chain }
  return { kind: now < life.notBefore ? 'not yet valid' : 'good', life, chain }
}

/** The certificates of a PEM text, in its order; other blocks and text between them are passed over (RFC 7468). */
export function readCertificates(pem: string): X509Certificate[] | 'no certificate' | 'certificate cut off' {
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (blocks.length < begun) return 'certificate cut off'
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return 'no certificate'
  }
}

function readKey(pem: string): KeyObject | 'no key' | 'key encrypted' {
  // RFC 5958, and RFC 1421 as OpenSSL used it before.
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem)) return 'key encrypted'
  try {
    return createPrivateKey(pem)
  } catch {
    return 'no key'
  }
}

function refusal({ keyPem, certPem }: CertificatePair): string | undefined {
  try {
    createSecureContext({ key: keyPem, cert: certPem })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function covers(leaf: X509Certificate, hostName: string): boolean {
  if (isIP(hostName) !== 0) return leaf.checkIP(hostName) !== undefined
  // Browsers look at the alternative names only (RFC 9110 4.3.4), never at the common name.
  return leaf.checkHost(hostName, { subject: 'never' }) !== undefined
}

/** As a person would write them, without "DNS:". */
function namesIn({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''))
    .filter((name) => name !== '')
}

function chainOf(certificates: readonly X509Certificate[]): Chain {
  const [leaf] = certificates
  if (leaf === undefined || (certificates.length === 1 && leaf.issuer !== leaf.subject)) return 'alone'
  const links = certificates.slice(1)
  return links.every((issuer, index) => certificates[index]?.checkIssued(issuer)) ? 'whole' : 'broken'
}
