import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { Cancelled, Failure } from '../../../src/base/failure'
import { acmeCertificate, type AcmeOptions } from '../../../src/tls/acmeCertificate'
import { RateLimited } from '../../../src/tls/acmeFailures'
import type { Certificate } from '../../../src/tls/certificate'
import { CertificateStore } from '../../../src/tls/certificateStore'
import { EndTls } from '../../../src/tls/endTls'
import { problem, startAcmeFront } from '../../support/acmeFront'
import { CollectedLog } from '../../support/collectedLog'
import { freePort } from '../../support/freePort'
import { JumpClock } from '../../support/jumpClock'
import { startPebble, type Pebble } from '../../support/pebble'
import { Scope } from '../../support/scope'
import { createTestCa, type TestCa } from '../../support/testCa'
import { waitUntil } from '../../support/waitUntil'

const hour = 3_600_000
const year = 365 * 24 * hour
const name = 'bot.dev.test'
const never = new AbortController().signal

describe('a certificate by ACME', function () {
  this.timeout(60_000)

  let scope: Scope
  let ca: TestCa
  let pebble: Pebble
  let tlsPort: number
  let rootPem: string

  before(async () => {
    scope = new Scope()
    ca = await createTestCa(scope)
    tlsPort = await freePort()
    pebble = await startPebble(scope, { ca, tlsPort, names: [name, 'second.dev.test', 'silent.dev.test'] })
    rootPem = await pebble.rootPem()
  })
  after(() => scope.close())

  let test: Scope
  let clock: JumpClock
  let log: CollectedLog
  let storeDir: string
  let asked: (string | undefined)[]

  beforeEach(() => {
    test = new Scope()
    clock = new JumpClock()
    log = new CollectedLog()
    storeDir = join(test.tempDir('acme'), 'certificates')
    asked = []
  })
  afterEach(() => test.close())

  /** As after a restart of VS Code: nothing in memory, the same folder. */
  function certificateFor(hostName: string, options: Partial<AcmeOptions> = {}): Certificate {
    const certificate = acmeCertificate({
      hostName,
      directoryUrl: pebble.directoryUrl,
      caFile: pebble.caFile,
      store: new CertificateStore(storeDir, log),
      agreeToTerms: (terms) => {
        asked.push(terms)
        return Promise.resolve(true)
      },
      clock,
      log,
      ...options,
    })
    test.add(() => certificate.dispose())
    return certificate
  }

  /** Ends TLS where visitors and the authority come to; whoever comes through hears a word each 50 ms. */
  async function serve(certificate: Pick<Certificate, 'challenge' | 'current' | 'onDidChange'>) {
    const end = new EndTls(
      { certificate: certificate as Certificate, clock, log, protocols: [] },
      ({ stream }) => {
        const talking = setInterval(() => stream.write('word '), 50)
        stream.once('close', () => clearInterval(talking)).on('error', () => undefined)
      },
    )
    const server = createServer((stream) => {
      stream.on('error', () => undefined)
      end.accept({ stream, originator: { address: stream.remoteAddress ?? '', port: 0 } })
    })
    await once(server.listen(tlsPort, '127.0.0.1'), 'listening')
    const stop = async () => {
      if (!server.listening) return
      end.dispose()
      await once(server.close(), 'close')
    }
    test.add(stop)
    return stop
  }

  /** A visitor who trusts what pebble issues, and nothing else. */
  async function visitor(servername = name): Promise<TLSSocket> {
    const socket = connect({ host: '127.0.0.1', port: tlsPort, servername, ca: rootPem })
    test.add(() => socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }

  async function failureOf(certificate: Certificate): Promise<Failure> {
    const error = await certificate.ready(never).then(
      () => assert.fail('no failure came'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof Failure, String(error))
    return error
  }

  /** As the log has it. */
  function hoursToNextTry(): number {
    const [, time = ''] = /The next try is at (\S+)\.$/.exec(log.text) ?? assert.fail('there is none')
    return (Date.parse(time) - clock.now()) / hour
  }

  it('is issued through the listener that visitors come to', async () => {
    const certificate = certificateFor(name)
    await serve(certificate)
    const changes: string[] = []
    certificate.onDidChange(({ certPem }) => changes.push(certPem))
    assert.equal(certificate.current === undefined, true)

    await certificate.ready(never)

    const seen = (await visitor()).getPeerX509Certificate()
    assert.equal(seen?.subjectAltName, `DNS:${name}`)
    assert.equal(certificate.challenge(name), undefined, 'nothing is shown to anybody any more')
    assert.deepEqual(changes, [certificate.current?.certPem])
    assert.equal(asked.length, 1)
    assert.match(asked[0] ?? '', /^data:text\/plain/)
  })

  it('is shown as a challenge to the authority alone, and for this name alone', async () => {
    const certificate = certificateFor('silent.dev.test')
    let shown: unknown
    const server = createServer((stream) => {
      stream.on('error', () => undefined)
      shown = certificate.challenge('SILENT.dev.test')
      assert.equal(certificate.challenge('bot.dev.test'), undefined)
      stream.destroy()
    })
    await once(server.listen(tlsPort, '127.0.0.1'), 'listening')
    test.add(() => once(server.close(), 'close'))

    const failure = await failureOf(certificate)

    assert.equal(failure.hop, 'certificate')
    assert.ok(shown !== undefined)
    assert.equal(certificate.challenge('silent.dev.test'), undefined)
  })

  it('comes from the store after a restart, without a word to the authority', async () => {
    const first = certificateFor(name)
    await serve(first)
    await first.ready(never)
    first.dispose()
    const requests = pebble.signedRequests

    const second = certificateFor(name)
    await second.ready(never)

    assert.deepEqual(second.current, first.current)
    assert.equal(pebble.signedRequests, requests)
    assert.equal(asked.length, 1, 'the terms were agreed to before')
  })

  it('is renewed in time while a visitor’s stream runs on', async () => {
    const certificate = certificateFor(name)
    await serve(certificate)
    await certificate.ready(never)
    const old = new X509Certificate(certificate.current?.certPem ?? '')
    const stream = await visitor()
    let heard = 0
    stream.on('data', (chunk: Buffer) => (heard += chunk.length))

    await waitUntil('words', () => heard > 0)

    const [from, to] = [Date.parse(old.validFrom), Date.parse(old.validTo)]
    clock.jump((to - from) * 0.6)
    heard = 0
    await waitUntil('words', () => heard > 20)
    assert.equal(certificate.current?.certPem.startsWith(old.toString()), true, 'not before its time')

    const orders = pebble.orders
    clock.jump((to - from) * 0.07)
    await waitUntil('a renewal', () => !certificate.current?.certPem.startsWith(old.toString()))

    const renewed = (await visitor()).getPeerX509Certificate()
    assert.notEqual(renewed?.serialNumber, old.serialNumber)
    heard = 0
    await waitUntil('more words', () => heard > 20)
    assert.equal(stream.getPeerX509Certificate()?.serialNumber, old.serialNumber)
    assert.equal(pebble.orders, orders + 1)
    assert.equal(asked.length, 1)
  })

  it('stays in use when it cannot be renewed, and the next try is hours later', async () => {
    const certificate = certificateFor(name)
    await serve(certificate)
    await certificate.ready(never)
    const old = certificate.current
    const orders = pebble.orders
    pebble.dns.set(name, undefined)
    try {
      clock.jump(3.4 * year)
      await waitUntil(
        () => `the failure; the log:\n${log.text}`,
        () => /could not be renewed: .*in DNS/.test(log.text),
        40_000,
      )
    } finally {
      pebble.dns.set(name, '127.0.0.1')
    }
    assert.equal(certificate.current, old)
    assert.ok(hoursToNextTry() > 11.9 && hoursToNextTry() < 12.1)
    assert.equal(pebble.orders, orders + 1)
    await visitor()

    clock.jump(13 * hour)
    await waitUntil('a renewal', () => certificate.current !== old)
  })

  it('is taken from the store when another window has renewed it', async () => {
    const issue = (from: number, to: number) => {
      const at = (days: number) => new Date(Date.now() + days * 24 * hour)
      return ca.issue({ names: [name], notBefore: at(from), notAfter: at(to) })
    }
    const store = new CertificateStore(storeDir, log)
    const old = await issue(-50, 40)
    await store.putCertificate(pebble.directoryUrl, name, old)
    const certificate = certificateFor(name)
    await certificate.ready(never)
    assert.equal(certificate.current?.certPem, old.certPem)
    const orders = pebble.orders

    const renewed = await issue(0, 90)
    await store.putCertificate(pebble.directoryUrl, name, renewed)
    clock.jump(11 * 24 * hour)
    await waitUntil('the new one', () => certificate.current?.certPem === renewed.certPem)

    assert.equal(pebble.orders, orders)
  })

  it('a stored one that is due is used at once and renewed a minute later', async () => {
    const at = (days: number) => new Date(Date.now() + days * 24 * hour)
    const due = await ca.issue({ names: [name], notBefore: at(-80), notAfter: at(10) })
    await new CertificateStore(storeDir, log).putCertificate(pebble.directoryUrl, name, due)
    const certificate = certificateFor(name)
    await serve(certificate)
    const orders = pebble.orders

    await certificate.ready(never)

    assert.equal(certificate.current?.certPem, due.certPem)
    assert.equal(pebble.orders, orders)
    clock.jump(61_000)
    await waitUntil('a renewal', () => certificate.current?.certPem !== due.certPem)
    await visitor()
  })

  it('an expired one is not used', async () => {
    const store = new CertificateStore(storeDir, log)
    const expired = await ca.issue({ names: [name], notAfter: new Date(Date.now() - hour) })
    await store.putCertificate(pebble.directoryUrl, name, expired)
    const certificate = certificateFor(name)
    await serve(certificate)
    await certificate.ready(never)
    assert.notEqual(certificate.current?.certPem, expired.certPem)
    await visitor()
  })

  it('is ordered once for all who wait for it', async () => {
    const certificate = certificateFor(name)
    await serve(certificate)
    const orders = pebble.orders
    const gone = new AbortController()

    const waits = [certificate.ready(never), certificate.ready(gone.signal), certificate.ready(never)]
    gone.abort()
    const [first, second, third] = await Promise.allSettled(waits)

    assert.equal(first?.status, 'fulfilled')
    assert.ok(second?.status === 'rejected' && second.reason instanceof Cancelled)
    assert.equal(third?.status, 'fulfilled')
    assert.equal(pebble.orders, orders + 1)
  })

  it('two windows that begin at once share one account', async () => {
    const one = certificateFor(name)
    const two = certificateFor('second.dev.test')
    const challenge = (hostName: string) => one.challenge(hostName) ?? two.challenge(hostName)
    await serve({ onDidChange: one.onDidChange, current: undefined, challenge })

    await Promise.all([one.ready(never), two.ready(never)])

    const files = readdirSync(storeDir)
    assert.equal(files.filter((file) => file.startsWith('account-')).length, 1)
    assert.equal(files.filter((file) => file.startsWith('certificate-')).length, 2)
    assert.equal(files.length, 3, 'nothing is left over')
  })

  it('lies in a folder and in files that nobody else can read', async () => {
    mkdirSync(storeDir, { mode: 0o755 })
    chmodSync(storeDir, 0o755)
    const certificate = certificateFor(name)
    await serve(certificate)
    await certificate.ready(never)

    assert.equal(statSync(storeDir).mode & 0o777, 0o700)
    for (const file of readdirSync(storeDir)) {
      assert.equal(statSync(join(storeDir, file)).mode & 0o777, 0o600, file)
    }
  })

  it('is ordered anew when the store is damaged', async () => {
    const first = certificateFor(name)
    const stop = await serve(first)
    await first.ready(never)
    first.dispose()
    await stop()
    for (const file of readdirSync(storeDir)) {
      const path = join(storeDir, file)
      writeFileSync(path, readFileSync(path, 'utf8').slice(0, -20))
    }

    const second = certificateFor(name)
    await serve(second)
    await second.ready(never)

    assert.notDeepEqual(second.current, first.current)
    assert.match(log.text, /warn .*certificate-bot\.dev\.test-\w+\.json cannot be used/)
    assert.equal(asked.length, 2)
    const third = certificateFor(name)
    await third.ready(never)
    assert.deepEqual(third.current, second.current)
  })

  it('is not ordered when the terms are declined: nothing is sent, nothing stored', async () => {
    const requests = pebble.signedRequests
    const certificate = certificateFor(name, { agreeToTerms: () => Promise.resolve(false) })

    await assert.rejects(certificate.ready(never), Cancelled)

    assert.equal(pebble.signedRequests, requests)
    assert.throws(() => readdirSync(storeDir))
  })

  it('stops in the middle of an order when nobody wants it any more', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    front.answer = (request) => (request.startsWith('POST /chalZ/') ? 'nothing' : undefined)
    const certificate = certificateFor(name, { directoryUrl: front.directoryUrl })
    const user = new AbortController()
    const ready = certificate.ready(user.signal)
    await waitUntil('the challenge', () => front.requests.some((line) => line.startsWith('POST /chalZ/')))
    assert.ok(certificate.challenge(name) !== undefined)

    user.abort()
    await assert.rejects(ready, Cancelled)

    await waitUntil('its end', () => certificate.challenge(name) === undefined)
    const requests = front.requests.length
    front.answer = () => undefined
    clock.jump(hour)
    assert.equal(front.requests.length, requests)
  })

  it('says that DNS does not know the name', async () => {
    const failure = await failureOf(certificateFor('nowhere.dev.test'))
    assert.equal(failure.kind, 'acme-dns')
    assert.match(failure.message, /could not find the address of nowhere\.dev\.test in DNS/)
    assert.match(failure.advice, /A or AAAA record for nowhere\.dev\.test/)
    assert.match(failure.said ?? '', /resolve/)
  })

  it('says that DNS leads to where nothing listens', async () => {
    pebble.dns.set('astray.dev.test', '127.0.0.9')
    const certificate = certificateFor('astray.dev.test')
    await serve(certificate)
    const failure = await failureOf(certificate)
    assert.equal(failure.kind, 'acme-connection')
    assert.match(failure.message, /could not connect to port 443 of astray\.dev\.test/)
    assert.match(failure.advice, /DNS.*port 443 there leads to this tunnel/)
    assert.match(failure.said ?? '', /127\.0\.0\.9/)
  })

  it('says that something else answers there', async () => {
    const { keyPem, certPem } = await ca.issue({ names: [name] })
    const proxy = createTlsServer({ key: keyPem, cert: certPem, ALPNProtocols: ['acme-tls/1', 'http/1.1'] })
    proxy.on('secureConnection', (socket) => socket.on('error', () => undefined).end())
    await once(proxy.listen(tlsPort, '127.0.0.1'), 'listening')
    test.add(() => once(proxy.close(), 'close'))

    const failure = await failureOf(certificateFor(name))

    assert.equal(failure.kind, 'acme-wrong-answer')
    assert.match(failure.message, /something else than this tunnel answered/)
    assert.match(failure.advice, /no proxy that ends HTTPS/)
  })

  it('says why an order is refused, in the words of the authority', async () => {
    const failure = await failureOf(certificateFor('no_such.dev.test'))
    assert.equal(failure.kind, 'acme-order-refused')
    assert.match(failure.said ?? '', /malformed: .*illegal character: '_'/)
    assert.equal(failure.canHeal, false)
  })

  it('says when a rate limit ends, and does not ask before', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    const detail = 'too many new orders (300) from this account in the last 3h0m0s'
    front.answer = (request) =>
      request === 'POST /order-plz'
        ? problem(429, 'rateLimited', detail, { 'retry-after': '7200' })
        : undefined
    const store = new CertificateStore(storeDir, log)
    const options = { directoryUrl: front.directoryUrl, store }

    const failure = await failureOf(certificateFor(name, options))

    assert.ok(failure instanceof RateLimited)
    assert.equal(failure.said, detail)
    assert.equal(failure.canHeal, true)
    assert.match(failure.advice, /^Try again in 2 hours, after \d{4}-\d\d-\d\d \d\d:\d\d UTC\./)
    const requests = front.requests.length
    clock.jump(hour)
    const again = certificateFor(name, options)
    assert.equal(await failureOf(again), failure)
    assert.equal(front.requests.length, requests, 'it is not asked again')

    front.answer = () => undefined
    clock.jump(hour + 60_000)
    await serve(again)
    await again.ready(never)
  })

  it('a rate limit also holds a renewal off', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    const certificate = certificateFor(name, { directoryUrl: front.directoryUrl })
    await serve(certificate)
    await certificate.ready(never)
    const old = certificate.current
    front.answer = (request) =>
      request === 'POST /order-plz'
        ? problem(429, 'rateLimited', 'too many', { 'retry-after': `${20 * 3600}` })
        : undefined
    clock.jump(3.4 * year)
    await waitUntil('the limit', () => log.text.includes('could not be renewed'))
    assert.ok(hoursToNextTry() > 19.9)
    front.answer = () => undefined
    clock.jump(21 * hour)
    await waitUntil('a renewal', () => certificate.current !== old)
  })

  it('is issued although nonces are refused now and then', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    const refused = new Set<string>()
    front.answer = (request) => {
      if (!request.startsWith('POST ') || refused.has(request)) return undefined
      refused.add(request)
      return problem(400, 'badNonce', 'JWS has an invalid anti-replay nonce')
    }
    const certificate = certificateFor(name, { directoryUrl: front.directoryUrl })
    await serve(certificate)

    await certificate.ready(never)

    assert.ok(refused.size >= 5)
    await visitor()
  })

  it('is ordered by an account that the authority has forgotten', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    const first = certificateFor(name, { directoryUrl: front.directoryUrl })
    await serve(first)
    await first.ready(never)
    front.pebble = await startPebble(test, { ca, tlsPort, names: [name] })

    clock.jump(3.4 * year)
    await waitUntil('a renewal', () => front.pebble.log.includes('Issued certificate'))

    assert.equal(asked.length, 1)
  })

  it('does not trust a directory that nobody vouches for', async () => {
    const { caFile, ...options } = { caFile: undefined, directoryUrl: pebble.directoryUrl }
    assert.equal(caFile, undefined)
    const certificate = acmeCertificate({
      ...options,
      hostName: name,
      store: new CertificateStore(storeDir, log),
      agreeToTerms: () => assert.fail('not asked'),
      clock,
      log,
    })
    test.add(() => certificate.dispose())
    const failure = await failureOf(certificate)
    assert.equal(failure.kind, 'acme-directory-untrusted')
    assert.match(failure.message, /Nothing was sent to it/)
  })

  it('tells a directory that is none, or is not there, from one that is', async () => {
    const elsewhere = pebble.directoryUrl.replace('/dir', '/elsewhere')
    const page = await failureOf(certificateFor(name, { directoryUrl: elsewhere }))
    assert.equal(page.kind, 'acme-not-a-directory')

    const front = await startAcmeFront(test, ca, pebble)
    front.answer = () => ({ status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome' })
    const html = await failureOf(certificateFor(name, { directoryUrl: front.directoryUrl }))
    assert.equal(html.kind, 'acme-not-a-directory')
    assert.equal(html.said, '<html>Welcome')

    const nobody = `https://localhost:${await freePort()}/dir`
    const absent = await failureOf(certificateFor(name, { directoryUrl: nobody }))
    assert.equal(absent.kind, 'acme-directory-unreachable')
    assert.match(absent.said ?? '', /ECONNREFUSED/)
    assert.equal(absent.canHeal, true)
  })

  it('gives up on a directory that does not answer', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    front.answer = () => 'nothing'
    const failing = failureOf(certificateFor(name, { directoryUrl: front.directoryUrl }))
    await waitUntil('the request', () => front.requests.length > 0)
    clock.jump(61_000)
    const failure = await failing
    assert.equal(failure.kind, 'acme-directory-unreachable')
    assert.match(failure.said ?? '', /no answer within 60 s/)
  })

  it('stops a renewal, its timers and its requests when it is disposed', async () => {
    const front = await startAcmeFront(test, ca, pebble)
    const certificate = certificateFor(name, { directoryUrl: front.directoryUrl })
    await serve(certificate)
    await certificate.ready(never)
    front.answer = () => 'nothing'
    const before = front.requests.length
    clock.jump(3.4 * year)
    await waitUntil('a request', () => front.requests.length > before)

    certificate.dispose()

    await assert.rejects(certificate.ready(never), Cancelled)
    const requests = front.requests.length
    clock.jump(year)
    assert.equal(front.requests.length, requests)
    assert.doesNotMatch(log.text, /could not be renewed/)
  })

  it('keeps keys out of the log and out of failures', async () => {
    const certificate = certificateFor(name)
    await serve(certificate)
    await certificate.ready(never)
    pebble.dns.set(name, undefined)
    const failure = await failureOf(
      certificateFor(name, { store: new CertificateStore(test.tempDir('s'), log) }),
    )
    pebble.dns.set(name, '127.0.0.1')

    const secrets = readdirSync(storeDir).map((file) => {
      const { keyPem } = JSON.parse(readFileSync(join(storeDir, file), 'utf8')) as { keyPem: string }
      return keyPem.split('\n')[1] ?? assert.fail('no key')
    })
    const told = log.text + JSON.stringify(failure, Object.getOwnPropertyNames(failure))
    assert.equal(secrets.length, 2)
    for (const secret of secrets) assert.ok(!told.includes(secret))
    assert.doesNotMatch(told, /PRIVATE KEY|"payload"|"signature"/)
    assert.equal(failure.cause, undefined)
  })

  it('leaves the globals of the extension host as they were', async () => {
    const module = resolve(__dirname, '../../../src/tls/acmeClient.ts')
    const script = `
      const keys = () => Reflect.ownKeys(Reflect).map(String).join()
      const before = keys()
      import(${JSON.stringify(module)}).then(() => console.log(before === keys() ? 'untouched' : keys()))`
    const child = await test.spawn(process.execPath, ['--import', 'tsx', '-e', script])
    await child.exited()
    await waitUntil('its words', () => child.stdout !== '' || child.stderr !== '')
    assert.equal(child.stdout.trim(), 'untouched', child.stderr)
  })
})
