import assert from 'node:assert/strict'
import { KeyObject, webcrypto } from 'node:crypto'
import type { CertificatePair } from '../../../src/tls/certificate'
import { examinePair } from '../../../src/tls/examinePair'
import { x509 } from '../../../src/tls/x509'

const day = 24 * 3_600_000
const now = Date.UTC(2026, 0, 1)

describe('a key and a certificate', () => {
  it('whose key is too short are refused by TLS', async () => {
    const pair = await selfSigned({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 512 })
    const examined = examinePair(pair, 'bot.dev.test', now)
    assert.ok(examined.kind === 'refused by TLS', examined.kind)
    assert.match(examined.said, /too small/)
  })

  const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  for (const [hostName, kind] of [
    ['bot.dev.test', 'good'],
    ['BOT.dev.test', 'good'],
    ['a.wild.test', 'good'],
    ['a.b.wild.test', 'other name'],
    ['wild.test', 'other name'],
    ['only-in-cn.test', 'other name'],
    ['192.0.2.7', 'good'],
    ['192.0.2.8', 'other name'],
  ] as const) {
    it(`are ${kind} for ${hostName}`, async () => {
      assert.equal(examinePair(await selfSigned(ecdsa), hostName, now).kind, kind)
    })
  }

  for (const [when, kind] of [
    [-2, 'not yet valid'],
    [0, 'good'],
    [31, 'expired'],
  ] as const) {
    it(`are ${kind} at day ${when}`, async () => {
      const examined = examinePair(await selfSigned(ecdsa), 'bot.dev.test', now + when * day)
      assert.equal(examined.kind, kind)
      assert.deepEqual('life' in examined && examined.life, {
        notBefore: now - day,
        notAfter: now + 30 * day,
      })
    })
  }

  it('may have other things around them in the file', async () => {
    const { keyPem, certPem } = await selfSigned(ecdsa)
    const text = `subject=CN = bot\r\n${certPem.replaceAll('\n', '\r\n')}\r\n${keyPem}`
    assert.equal(examinePair({ keyPem, certPem: text }, 'bot.dev.test', now).kind, 'good')
  })

  async function selfSigned(algorithm: object): Promise<CertificatePair> {
    const exponent = { publicExponent: new Uint8Array([1, 0, 1]) }
    const signing = { ...exponent, ...algorithm } as webcrypto.RsaHashedKeyGenParams
    const keys = await webcrypto.subtle.generateKey(signing, true, ['sign', 'verify'])
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=only-in-cn.test',
      notBefore: new Date(now - day),
      notAfter: new Date(now + 30 * day),
      signingAlgorithm: signing,
      keys,
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'bot.dev.test' },
          { type: 'dns', value: '*.wild.test' },
          { type: 'ip', value: '192.0.2.7' },
        ]),
      ],
    })
    const keyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
    return { keyPem, certPem: certificate.toString('pem') }
  }
})
