import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { x509 as library } from './x509'

/** Issues certificates for names under `.localhost`, from a root that lives in memory only. */
export interface LocalAuthority {
  /** The root certificate, PEM. */
  readonly certPem: string
  /** What a TLS server shows for this name; made when the name is first asked for. */
  secureContext(name: string): Promise<SecureContext>
}

/**
 * Makes a root with a fresh key. The key is never written anywhere, and the root may vouch for nothing but names
 * under `.localhost` (RFC 5280 4.2.1.10), so trusting it costs little.
 */
export async function createLocalAuthority(): Promise<LocalAuthority> {
  const { x509 } = await import('./x509')
  const [rootKeys, serverKeys] = await Promise.all([newKeys(), newKeys()])
  const root = await issueRoot(x509, rootKeys)
  const keyPem = KeyObject.from(serverKeys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  const issued = new Map<string, Promise<SecureContext>>()
  const issue = async (name: string): Promise<SecureContext> => {
    const leaf = await issueLeaf(x509, { root, signingKey: rootKeys.privateKey, serverKeys, name })
    return createSecureContext({ key: keyPem, cert: leaf.toString('pem') })
  }
  return {
    certPem: `${root.toString('pem')}\n`,
    secureContext: (name) => {
      const context = issued.get(name) ?? issue(name)
      // Put last, so that the name asked for longest ago is the one that goes.
      issued.delete(name)
      issued.set(name, context)
      const [oldest] = issued.keys()
      if (issued.size > mostNames && oldest !== undefined) issued.delete(oldest)
      return context
    },
  }
}

/** Any page can make the browser ask for any name. */
const mostNames = 100

const hour = 3_600_000
const day = 24 * hour
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

type X509 = typeof library
type Certificate = library.X509Certificate

async function issueRoot(x509: X509, keys: webcrypto.CryptoKeyPair): Promise<Certificate> {
  return x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Expose Port on this machine',
    ...validity(),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension(nameConstraints, true, permitLocalhost),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
}

async function issueLeaf(
  x509: X509,
  issuer: {
    root: Certificate
    signingKey: webcrypto.CryptoKey
    serverKeys: webcrypto.CryptoKeyPair
    name: string
  },
): Promise<Certificate> {
  const { root, signingKey, serverKeys, name } = issuer
  return x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: root.subject,
    // The name stands below; a common name holds at most 64 characters (RFC 5280, ub-common-name).
    subject: 'CN=Expose Port tunnel',
    ...validity(),
    signingAlgorithm: algorithm,
    publicKey: serverKeys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(serverKeys.publicKey),
    ],
  })
}

const nameConstraints = '2.5.29.30'
/** SEQUENCE { permittedSubtrees [0] { SEQUENCE { dNSName [2] "localhost" } } } */
const permitLocalhost = Buffer.concat([Buffer.from('300fa00d300b8209', 'hex'), Buffer.from('localhost')])

/** Longer than VS Code stays open, shorter than the 398 days past which browsers refuse. */
function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 90 * day) }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

/** RFC 5280 4.1.2.2: positive, so the first bit is 0; at most 20 bytes. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}
