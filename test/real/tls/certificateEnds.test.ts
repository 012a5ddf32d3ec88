import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Failure } from '../../../src/base/failure'
import { fileCertificate } from '../../../src/tls/fileCertificate'
import { CollectedLog } from '../../support/collectedLog'
import { FakeClock } from '../../support/fakeClock'
import { Scope } from '../../support/scope'
import { createTestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'

const hostName = 'bot.dev.test'
const hour = 3_600_000

describe('a certificate from files that stay as they are', () => {
  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  async function use(notAfter: Date) {
    const clock = new FakeClock(Date.now())
    const directory = scope.tempDir('ends')
    const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const { keyPem, certPem } = await (await createTestCa(scope)).issue({ names: [hostName], notAfter })
    writeFileSync(keyPath, keyPem)
    writeFileSync(certPath, certPem)
    const certificate = fileCertificate({ keyPath, certPath, hostName, clock, log: new CollectedLog() })
    scope.add(() => certificate.dispose())
    const told: string[] = []
    certificate.onDidFail?.((failure: Failure) => told.push(failure.kind))
    certificate.onDidChange(() => told.push('good'))
    await certificate.ready(new AbortController().signal)
    const look = async () => {
      await clock.advance(clock.pending[0] ?? assert.fail('it does not look'))
      await waitUntil('it to have looked', () => clock.pending.length > 0)
    }
    return { clock, keyPath, keyPem, told, look }
  }

  it('is told of once when it runs out', async () => {
    const { clock, told, look } = await use(new Date(Date.now() + hour))
    await look()
    assert.deepEqual(told, ['good'])
    await clock.advance(hour)
    await waitUntil('it to be told', () => told.length > 1)
    for (let count = 0; count < 3; count++) await look()
    assert.deepEqual(told, ['good', 'certificate-expired'])
  })

  it('is good again when what was wrong is taken back', async () => {
    const { keyPath, keyPem, told, look } = await use(new Date(Date.now() + hour))
    writeFileSync(keyPath, 'nothing')
    for (let count = 0; count < 3; count++) await look()
    assert.deepEqual(told, ['good', 'certificate-key-not-pem'])
    writeFileSync(keyPath, keyPem)
    for (let count = 0; count < 4; count++) await look()
    assert.deepEqual(told, ['good', 'certificate-key-not-pem', 'good'])
  })
})
