import { createHash, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { x509 } from '../../src/tls/x509'
import type { Scope } from './scope'

export interface TestCa {
  readonly certPem: string
  readonly certPath: string
  /**
   * For Chromium's --ignore-certificate-errors-spki-list: base64 of the SHA-256 of the CA's public key. It
   * covers every certificate of this CA, since servers send the CA's own along.
   */
  readonly spkiHash: string
  issue(options: IssueOptions): Promise<IssuedCertificate>
}

export interface IssueOptions {
  /** DNS names (`*.dev.localhost` too) and IP addresses; the first is also the common name. */
  readonly names: readonly string[]
  /** In 90 days unless given. */
  readonly notAfter?: Date
  /** An hour ago, or a day before `notAfter` if that is earlier. */
  readonly notBefore?: Date
}

export interface IssuedCertificate {
  readonly keyPem: string
  readonly keyPath: string
  /** The certificate, then the CA's. */
  readonly certPem: string
  readonly certPath: string
}

const hour = 3_600_000
const day = 24 * hour
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate authority that lives as long as the scope. */
export async function createTestCa(scope: Scope): Promise<TestCa> {
  const directory = scope.tempDir('test-ca')
  const keys = await newKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=Expose Port test CA',
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + 365 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const certPem = pemOf(root)
  const certPath = join(directory, 'ca.pem')
  writeFileSync(certPath, certPem)

  const spki = new X509Certificate(certPem).publicKey.export({ type: 'spki', format: 'der' })

  let issued = 0
  return {
    certPem,
    certPath,
    spkiHash: createHash('sha256').update(spki).digest('base64'),
    async issue(options) {
      const leaf = await signLeaf(root, keys, options)
      issued += 1
      const keyPath = join(directory, `${issued}.key.pem`)
      const leafPath = join(directory, `${issued}.cert.pem`)
      writeFileSync(keyPath, leaf.keyPem, { mode: 0o600 })
      writeFileSync(leafPath, leaf.certPem)
      return { ...leaf, keyPath, certPath: leafPath }
    },
  }
}

async function signLeaf(
  root: x509.X509Certificate,
  rootKeys: webcrypto.CryptoKeyPair,
  options: IssueOptions,
): Promise<Pick<IssuedCertificate, 'keyPem' | 'certPem'>> {
  const keys = await newKeys()
  const notAfter = options.notAfter ?? new Date(Date.now() + 90 * day)
  const notBefore = options.notBefore ?? new Date(Math.min(Date.now() - hour, notAfter.getTime() - day))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    issuer: root.subject,
    subject: `CN=${options.names[0] ?? ''}`,
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        options.names.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    certPem: pemOf(certificate) + pemOf(root),
    keyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

/** RFC 5280 4.1.2.2: positive, so the first bit is 0; at most 20 bytes. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`
}
