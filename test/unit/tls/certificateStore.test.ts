import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateStore } from '../../../src/tls/certificateStore'
import { CollectedLog } from '../../support/collectedLog'

describe('the certificate store', () => {
  const url = 'https://ca.example.com/directory'
  const account = { keyPem: 'one', agreedTo: null }
  const pair = { keyPem: 'key', certPem: 'cert' }
  let parent: string
  let directory: string
  let log: CollectedLog
  let store: CertificateStore

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'store-'))
    directory = join(parent, 'deep', 'acme')
    log = new CollectedLog()
    store = new CertificateStore(directory, log)
  })
  afterEach(() => rmSync(parent, { recursive: true }))

  const files = () => readdirSync(directory).map((file) => join(directory, file))

  it('is empty where there is nothing, and makes nothing by being asked', async () => {
    assert.equal(await store.account(url), undefined)
    assert.equal(await store.certificate(url, 'a.com'), undefined)
    assert.throws(files)
    assert.deepEqual(log.lines, [])
  })

  it('keeps accounts by directory, and certificates by directory and name', async () => {
    const other = `${url}/other`
    await store.addAccount(url, account)
    await store.putCertificate(url, 'a.com', pair)
    assert.deepEqual(await store.account(url), account)
    assert.deepEqual(await store.certificate(url, 'A.com'), pair)
    assert.equal(await store.account(other), undefined)
    assert.equal(await store.certificate(other, 'a.com'), undefined)
    assert.equal(await store.certificate(url, 'b.com'), undefined)
  })

  it('lets the first account stand, and the last certificate', async () => {
    assert.deepEqual(await store.addAccount(url, account), account)
    assert.deepEqual(await store.addAccount(url, { ...account, keyPem: 'two' }), account)
    await store.putCertificate(url, 'a.com', pair)
    await store.putCertificate(url, 'a.com', { ...pair, certPem: 'newer' })
    assert.equal((await store.certificate(url, 'a.com'))?.certPem, 'newer')
    assert.equal(files().length, 2)
  })

  it('gives one account to many windows at once', async () => {
    const windows = Array.from({ length: 20 }, (_, index) =>
      new CertificateStore(directory, log).addAccount(url, { keyPem: String(index), agreedTo: null }),
    )
    const standing = await Promise.all(windows)
    assert.equal(new Set(standing.map(({ keyPem }) => keyPem)).size, 1)
    assert.equal(files().length, 1)
  })

  it('replaces what is damaged, and quotes nothing of it', async () => {
    await store.addAccount(url, { keyPem: 'secretsecret', agreedTo: null })
    const [file = ''] = files()
    for (const damage of ['', '{"keyPem":"secretsec', '{"keyPem":5}', 'secretsecret']) {
      writeFileSync(file, damage)
      assert.equal(await store.account(url), undefined)
      assert.deepEqual(await store.addAccount(url, account), account)
      assert.deepEqual(await store.account(url), account)
    }
    assert.match(log.text, /is damaged\), and counts as absent/)
    assert.doesNotMatch(log.text, /secret/)
  })

  it('names no file outside of its folder', async () => {
    await store.putCertificate(url, '../../evil/../x', pair)
    assert.equal(files().length, 1)
    assert.deepEqual(readdirSync(join(parent, 'deep')), ['acme'])
  })

  it('is for its owner alone', async function () {
    if (process.platform === 'win32') return // the profile's folder has an access list
    await store.putCertificate(url, 'a.com', pair)
    assert.equal(statSync(directory).mode & 0o777, 0o700)
    assert.deepEqual(
      files().map((file) => statSync(file).mode & 0o777),
      [0o600],
    )
  })
})
