import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { Cancelled, Failure } from '../../../src/base/failure'
import type { Certificate, CertificatePair } from '../../../src/tls/certificate'
import { EndTls } from '../../../src/tls/endTls'
import { fileCertificate } from '../../../src/tls/fileCertificate'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { Scope } from '../../support/scope'
import { createTestCa, type IssuedCertificate, type TestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'

const hostName = 'bot.dev.test'
const day = 24 * 3_600_000
const never = new AbortController().signal

describe('a certificate from files', () => {
  let shared: Scope
  let ca: TestCa
  let good: IssuedCertificate
  let newer: IssuedCertificate

  before(async () => {
    shared = new Scope()
    ca = await createTestCa(shared)
    good = await ca.issue({ names: [hostName] })
    newer = await ca.issue({ names: [`*.dev.test`] })
  })
  after(() => shared.close())

  let scope: Scope
  let clock: FakeClock
  let log: CollectedLog
  let directory: string
  let keyPath: string
  let certPath: string
  let changes: CertificatePair[]

  beforeEach(() => {
    scope = new Scope()
    clock = new FakeClock(Date.now())
    log = new CollectedLog()
    directory = scope.tempDir('files')
    keyPath = join(directory, 'key.pem')
    certPath = join(directory, 'cert.pem')
    changes = []
    write(good)
  })
  afterEach(() => scope.close())

  function write({ keyPem, certPem }: CertificatePair): void {
    writeFileSync(keyPath, keyPem)
    writeFileSync(certPath, certPem)
  }

  function open(): Certificate {
    const certificate = fileCertificate({ keyPath, certPath, hostName, clock, log })
    certificate.onDidChange((pair) => changes.push(pair))
    scope.add(() => certificate.dispose())
    return certificate
  }

  async function opened(): Promise<Certificate> {
    const certificate = open()
    await certificate.ready(never)
    changes = []
    return certificate
  }

  /** Lets the seconds pass, with time for the disk in each. */
  async function secondsUntil(what: string, condition: () => boolean): Promise<void> {
    await waitUntil(what, async () => {
      await clock.advance(1000)
      return condition()
    })
  }

  async function failure(): Promise<Failure> {
    const error = await open()
      .ready(never)
      .catch((thrown: unknown) => thrown)
    assert.ok(error instanceof Failure, String(error))
    assert.equal(error.hop, 'certificate')
    return error
  }

  it('is read', async () => {
    const certificate = open()
    assert.ok(!certificate.current)
    await certificate.ready(never)
    assert.deepEqual(certificate.current, { keyPem: good.keyPem, certPem: good.certPem })
    assert.equal(certificate.challenge(hostName), undefined)
  })

  it('is replaced while a visitor’s stream runs on', async () => {
    const certificate = await opened()
    const end = new EndTls({ certificate, clock, log }, ({ stream }) => stream.pipe(stream))
    const server = createServer((stream) => end.accept({ stream, originator: { address: '', port: 0 } }))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    scope.add(async () => {
      end.dispose()
      await once(server.close(), 'close')
    })
    const visitor = async (): Promise<TLSSocket> => {
      const { port } = server.address() as { port: number }
      const socket = connect({ port, host: '127.0.0.1', servername: hostName, ca: ca.certPem })
      scope.add(() => socket.destroy())
      await once(socket, 'secureConnect')
      return socket
    }
    const early = await visitor()
    early.write('one')
    await once(early, 'data')

    write(newer)
    await secondsUntil('the change', () => changes.length > 0)

    const late = await visitor()
    assert.equal(late.getPeerX509Certificate()?.subjectAltName, 'DNS:*.dev.test')
    early.write('two')
    const [echo] = (await once(early, 'data')) as [Buffer]
    assert.equal(echo.toString(), 'two')
  })

  it('is seen when new files are renamed over the old ones', async () => {
    const certificate = await opened()
    writeFileSync(`${keyPath}.new`, newer.keyPem)
    writeFileSync(`${certPath}.new`, newer.certPem)
    renameSync(`${keyPath}.new`, keyPath)
    renameSync(`${certPath}.new`, certPath)
    await secondsUntil('the change', () => changes.length > 0)
    assert.equal(certificate.current?.certPem, newer.certPem)
  })

  it('is seen when links lead to new files, as certbot does it', async () => {
    const archive = join(directory, 'archive')
    mkdirSync(archive)
    const link = (pair: CertificatePair, version: number) => {
      for (const [path, pem] of [
        [keyPath, pair.keyPem],
        [certPath, pair.certPem],
      ] as const) {
        const file = join(archive, `${version}${path === keyPath ? 'key' : 'cert'}.pem`)
        writeFileSync(file, pem)
        rmSync(path, { force: true })
        symlinkSync(file, path)
      }
    }
    link(good, 1)
    const certificate = await opened()
    link(newer, 2)
    await secondsUntil('the change', () => changes.length > 0)
    assert.equal(certificate.current?.certPem, newer.certPem)
  })

  it('stays as it was while new files are being written', async () => {
    const certificate = await opened()
    const half = newer.certPem.slice(0, 500)
    writeFileSync(certPath, half)
    await secondsUntil('the complaint', () => log.text.includes('ends in the middle of a certificate'))
    writeFileSync(certPath, newer.certPem)
    await secondsUntil('the next one', () => log.text.includes('does not belong to the certificate'))
    assert.equal(certificate.current?.certPem, good.certPem)
    assert.equal(changes.length, 0)

    writeFileSync(keyPath, newer.keyPem)
    await secondsUntil('the change', () => changes.length > 0)
    assert.deepEqual(changes, [{ keyPem: newer.keyPem, certPem: newer.certPem }])
  })

  it('waits until a file that grows has settled', async () => {
    await opened()
    const [leaf = '', chain = ''] = newer.certPem.split(/(?<=-----END CERTIFICATE-----\n)/)
    writeFileSync(keyPath, newer.keyPem)
    writeFileSync(certPath, leaf)
    await waitUntil('the first look', async () => {
      const before = clock.pending[0] ?? 0
      await clock.advance(before)
      await waitUntil('the next timer', () => clock.pending.length > 0)
      return (clock.pending[0] ?? 0) < 5000
    })
    writeFileSync(certPath, leaf + chain)
    await secondsUntil('the change', () => changes.length > 0)
    assert.deepEqual(
      changes.map(({ certPem }) => certPem),
      [newer.certPem],
    )
  })

  it('stays as it was when the files vanish, and complains once', async () => {
    const certificate = await opened()
    rmSync(keyPath)
    await secondsUntil('the complaint', () => log.text.includes(`There is no file ${keyPath}.`))
    await clock.advance(60_000)
    assert.equal(log.lines.filter((line) => line.startsWith('warn')).length, 1)
    assert.equal(certificate.current?.certPem, good.certPem)
  })

  it('is seen when only the chain is another', async () => {
    const certificate = await opened()
    const other = await createTestCa(scope)
    const [leaf = ''] = good.certPem.split(/(?<=-----END CERTIFICATE-----\n)/)
    writeFileSync(certPath, leaf + other.certPem)
    await secondsUntil('the change', () => changes.length > 0)
    assert.equal(certificate.current?.certPem, leaf + other.certPem)
    assert.match(log.text, /warn .*the chain is not in order, or is of another certificate/)
  })

  it('is not replaced by one that is of no use', async () => {
    const certificate = await opened()
    for (const [names, notAfter, complaint] of [
      [['other.dev.test'], undefined, /is not for bot\.dev\.test but for other\.dev\.test/],
      [[hostName], new Date(Date.now() - day), /expired on/],
    ] as const) {
      write(await ca.issue({ names, ...(notAfter === undefined ? {} : { notAfter }) }))
      await secondsUntil('the complaint', () => complaint.test(log.text))
      assert.equal(certificate.current?.certPem, good.certPem)
    }
    assert.equal(changes.length, 0)
  })

  it('says which file is at fault, and opens it', async () => {
    const other = await ca.issue({ names: ['www.dev.test', '192.0.2.1'] })
    const expired = await ca.issue({ names: [hostName], notAfter: new Date(Date.now() - 10 * day) })
    const early = await ca.issue({ names: [hostName], notBefore: new Date(Date.now() + day) })
    const locked = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    })
    const cases: [string, Partial<CertificatePair>, 'key' | 'cert', RegExp][] = [
      ['certificate-not-pem', { certPem: 'MIIC' }, 'cert', /no certificate in PEM/],
      ['certificate-cut-off', { certPem: good.certPem.slice(0, 300) }, 'cert', /in the middle/],
      ['certificate-key-not-pem', { keyPem: good.certPem }, 'key', /no private key/],
      ['certificate-key-encrypted', { keyPem: locked.privateKey }, 'key', /locked with a passphrase/],
      ['certificate-key-mismatch', { keyPem: newer.keyPem }, 'cert', /does not belong/],
      ['certificate-wrong-order', { certPem: ca.certPem + good.certPem }, 'cert', /is not the first one/],
      ['certificate-wrong-name', other, 'cert', /for bot\.dev\.test but for www\.dev\.test, 192\.0\.2\.1/],
      ['certificate-expired', expired, 'cert', /expired on \d{4}-\d\d-\d\d/],
      ['certificate-not-yet-valid', early, 'cert', /valid only from/],
    ]
    for (const [kind, pair, file, message] of cases) {
      write({ ...good, ...pair })
      const found = await failure()
      assert.equal(found.kind, kind)
      assert.match(found.message, message)
      const path = file === 'key' ? keyPath : certPath
      assert.deepEqual(found.remedies[0], { do: 'open file', path }, kind)
      assert.equal(found.canHeal, false)
      assert.doesNotMatch(found.message + found.advice, /[A-Za-z0-9+/]{60}/, 'no key')
    }
  })

  it('says that a file is not there, or may not be read', async () => {
    rmSync(certPath)
    const missing = await failure()
    assert.equal(missing.kind, 'certificate-file-missing')
    assert.equal(missing.message, `There is no file ${certPath}.`)

    mkdirSync(certPath)
    assert.equal((await failure()).kind, 'certificate-file-unreadable')
  })

  it('works after the files were put right', async () => {
    copyFileSync(certPath, keyPath)
    const certificate = open()
    await assert.rejects(certificate.ready(never), Failure)
    assert.deepEqual(clock.pending, [], 'nobody looks at files that were never good')
    write(good)
    chmodSync(keyPath, 0o600)
    await certificate.ready(never)
    assert.equal(certificate.current?.certPem, good.certPem)
  })

  it('ends with its owner', async () => {
    const certificate = await opened()
    certificate.dispose()
    assert.deepEqual(clock.pending, [])
    await assert.rejects(open().ready(AbortSignal.abort()), Cancelled)
  })
})
