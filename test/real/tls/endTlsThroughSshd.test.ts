import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect as connectH2 } from 'node:http2'
import { Agent } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { Address } from '../../../src/base/address'
import { systemClock } from '../../../src/base/clock'
import type { Accept } from '../../../src/base/visitor'
import type { RemoteForward } from '../../../src/ssh/remoteForwards'
import { EndTls } from '../../../src/tls/endTls'
import { readProxyProtocol } from '../../../src/tls/proxyProtocol'
import { nonceHeader } from '../../../src/tunnels/nonce'
import { NonceStage } from '../../../src/tunnels/nonceStage'
import { toLocal } from '../../../src/tunnels/toLocal'
import { startEchoApp, type Echo, type EchoApp } from '../../support/apps'
import { CollectedLog } from '../../support/collectedLog'
import { freePort } from '../../support/freePort'
import { logIn } from '../../support/logIn'
import { startNginxStream } from '../../support/nginxStream'
import { openSse, openWebSocket, visit, type SseEvent } from '../../support/publicFetch'
import { startRecordingRelay, type RecordingRelay } from '../../support/recordingRelay'
import { Scope } from '../../support/scope'
import { startSshd, type Sshd } from '../../support/sshd'
import { StaticCertificate } from '../../support/staticCertificate'
import { createTestCa, type TestCa } from '../../support/testCa'
import { checkLargeBodies, checkRequests, curl, makeLargeFile } from '../../support/visitor'
import { waitUntil } from '../../support/waitUntil'
import { loginTo } from '../../support/world'
import { startForward } from '../http/edge'

/** The stages that end HTTPS on this machine, behind a real sshd, and nginx where TLS is passed through by name. */
describe('HTTPS that ends on this machine, through sshd', function () {
  this.timeout(120_000)
  let shared: Scope
  let scope: Scope
  let ca: TestCa
  let sshd: Sshd
  let forward: (bind: Address, accept: Accept) => Promise<RemoteForward>
  let large: string

  before(async () => {
    shared = new Scope()
    ca = await createTestCa(shared)
    sshd = await startSshd(shared, { config: ['GatewayPorts clientspecified', 'StreamLocalBindUnlink yes'] })
    large = await makeLargeFile(shared)
    const knownHostsFile = join(shared.tempDir('ssh'), 'known_hosts')
    writeFileSync(knownHostsFile, `${sshd.knownHostsLine}\n`)
    const transport = await logIn(
      shared,
      loginTo(sshd, { key: await sshd.newClientKey(), knownHostsFile }),
      new CollectedLog(),
    )
    forward = (bind, accept) => transport.forward(bind, accept)
  })
  after(() => shared.close())
  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  interface Way {
    url: string
    app: EchoApp
    certificate: StaticCertificate
    nonce: NonceStage
    relay: RecordingRelay | undefined
    log: CollectedLog
    heard: string[]
    /** Visitors whose TLS has ended here, now. */
    visitors: () => number
  }
  const ways: Record<
    string,
    (
      accept: Accept,
      record: boolean,
    ) => Promise<{ port: number; host: string; relay: RecordingRelay | undefined }>
  > = {
    'a raw port': async (accept, record) => {
      const port = await freePort()
      await open({ kind: 'tcp', host: '127.0.0.1', port }, accept)
      const relay = record ? await startRecordingRelay(scope, { from: 0, to: port }) : undefined
      return { port: relay?.port ?? port, host: 'bot.localhost', relay }
    },
    'TLS passed through by name': async (accept, record) => {
      const directory = scope.tempDir('run')
      const [behind, front] = [join(directory, 'behind'), join(directory, 'front')]
      mkdirSync(behind)
      mkdirSync(front)
      const socketDirectory = record ? front : behind
      const log = new CollectedLog()
      await open(
        { kind: 'unix', path: join(behind, 'bot.sock') },
        readProxyProtocol(accept, { log, clock: systemClock }),
      )
      const relay = record
        ? await startRecordingRelay(scope, { from: join(front, 'bot.sock'), to: join(behind, 'bot.sock') })
        : undefined
      const { port } = await startNginxStream(scope, { baseDomain: 'localhost', socketDirectory })
      return { port, host: 'bot.localhost', relay }
    },
  }
  async function open(bind: Address, accept: Accept): Promise<void> {
    const opened = await forward(bind, accept)
    scope.add(() => opened.cancel())
  }

  async function expose(
    way: string,
    options: { record?: boolean; sseIntervalMs?: number; port?: number } = {},
  ): Promise<Way> {
    const app = await startEchoApp(scope, options)
    const forwarded = startForward(scope, app)
    const nonce = new NonceStage(forwarded.accept, systemClock)
    const certificate = new StaticCertificate(await ca.issue({ names: ['bot.localhost'] }))
    let visitors = 0
    const ended = new EndTls({ certificate, clock: systemClock, log: forwarded.log }, (visitor) => {
      visitors++
      visitor.stream.once('close', () => visitors--)
      if (visitor.protocol === 'h2') forwarded.accept(visitor)
      else nonce.accept(visitor)
    })
    scope.add(() => ended.dispose())
    const { port, host, relay } = await ways[way]!(ended.accept, options.record === true)
    const url = `https://${host}:${port}`
    return {
      url,
      app,
      certificate,
      nonce,
      relay,
      log: forwarded.log,
      heard: forwarded.heard,
      visitors: () => visitors,
    }
  }
  const nobodyIsLeft = ({ visitors, app }: Way) =>
    waitUntil(
      () => `nobody to be left: ${visitors()} visitors, ${app.openConnections()} connections to the app`,
      () => visitors() === 0 && app.openConnections() === 0,
    )

  for (const way of Object.keys(ways)) {
    describe(way, () => {
      it('carries requests, WebSocket, events and 300 MB by h2 and by HTTP/1.1', async () => {
        const exposed = await expose(way)
        const { url } = exposed
        await checkRequests({ url, ca, h2: true })
        const webSocket = await openWebSocket(`${url}/ws`, { ca })
        webSocket.send('hello')
        assert.equal(String(await webSocket.next()), 'hello')
        await webSocket.close()
        for (const h2 of [true, false]) await checkLargeBodies({ url, ca, h2 }, large)
        await nobodyIsLeft(exposed)
        assert.doesNotMatch(exposed.log.text, /^(warn|error) /m)
      })

      it('shows the server nothing of what is said', async () => {
        const exposed = await expose(way, { record: true })
        const { url, relay } = exposed
        const secret = 'a-secret-that-nobody-else-may-read'
        for (const version of ['--http2', '--http1.1']) {
          const answer = await curl({ url: `${url}/${secret}-path`, ca }, [
            version,
            '-H',
            `X-S: ${secret}-field`,
            '-d',
            `${secret}-body`,
          ])
          assert.match(answer, new RegExp(`${secret}-path[^]*${secret}-field`))
        }
        assert.ok(relay!.byteCount > 2000, 'it did pass there')
        assert.equal(relay!.hasSeen(secret), false)
        assert.equal(relay!.hasSeen('bot.localhost'), true, 'but for the name, which TLS tells everybody')
      })

      it('tells the app who calls', async () => {
        const { url, app } = await expose(way)
        for (const version of ['--http2', '--http1.1']) {
          const asked = ['--interface', '127.0.0.2', version, '-H', 'X-Forwarded-For: 6.6.6.6']
          const { headers } = JSON.parse(await curl({ url, ca }, asked)) as Echo
          assert.equal(headers['x-forwarded-for'], '127.0.0.2')
          assert.equal(headers['x-forwarded-proto'], 'https')
          assert.equal(headers['x-forwarded-host'], new URL(url).host)
          assert.equal(headers['x-forwarded-port'], new URL(url).port)
          assert.equal(headers['host'], new URL(url).host)
        }
        assert.equal(app.requests.length, 2)
      })

      it('shows a new certificate while events run on', async () => {
        const exposed = await expose(way, { sseIntervalMs: 300 })
        const { url, certificate } = exposed
        const events = await openSse(`${url}/sse`, { ca })
        const reader = events[Symbol.asyncIterator]() as AsyncIterator<SseEvent, undefined>
        const before = certificate.current?.certPem
        assert.match((await reader.next()).value?.data ?? '', /event 1/)
        const { host, hostname, port } = new URL(url)
        const renewed = await ca.issue({ names: ['bot.localhost'] })
        certificate.replace(renewed)
        const socket = connectTls({
          host: '127.0.0.1',
          port: Number(port),
          servername: hostname,
          ca: ca.certPem,
        })
        await once(socket, 'secureConnect')
        const shown = socket.getPeerX509Certificate()?.toString()
        assert.ok(renewed.certPem.startsWith(shown ?? 'none'), host)
        assert.notEqual(before, renewed.certPem)
        socket.destroy()
        for (const number of [2, 3])
          assert.match((await reader.next()).value?.data ?? '', new RegExp(`event ${number}`))
        events.close()
        await waitUntil('the app to see the listener leave', () => exposed.app.sse.left === 1)
        await nobodyIsLeft(exposed)
      })

      it('answers 502 while the app is down, and the app when it is back', async () => {
        const exposed = await expose(way)
        const { url, app, heard } = exposed
        const { port } = app
        assert.equal((await visit(url, { ca })).status, 200)
        await app.close()
        for (const h2 of [true, false]) assert.equal((await visit(url, { ca, h2 })).status, 502)
        assert.deepEqual(heard.slice(-1), ['no answer: ECONNREFUSED'])
        await startEchoApp(scope, { port })
        for (const h2 of [true, false]) assert.equal((await visit(url, { ca, h2 })).status, 200)
        assert.deepEqual(heard.slice(-1), ['answers'])
      })

      it('leaves nothing of visitors who go in the middle', async () => {
        const exposed = await expose(way)
        const { url } = exposed
        const { port } = new URL(url)
        for (const version of ['--http2', '--http1.1']) {
          for (const path of ['/bytes?n=500000000', '/sse', '/slow?ms=60000']) {
            await assert.rejects(
              curl({ url: url + path, ca }, [version, '--max-time', '0.5', '-o', '/dev/null']),
            )
          }
          await assert.rejects(
            curl({ url: `${url}/sink`, ca }, [
              version,
              '--max-time',
              '0.5',
              '--limit-rate',
              '1M',
              '-T',
              large,
              '-X',
              'POST',
            ]),
          )
        }
        const midHandshake = connectTcp(Number(port), '127.0.0.1')
        midHandshake.write(Buffer.from([22, 3, 1, 0]))
        const webSocket = await openWebSocket(`${url}/ws`, { ca })
        webSocket.socket.terminate()
        const session = connectH2(url, {
          createConnection: () =>
            connectTls({
              ...{ host: '127.0.0.1', port: Number(port), servername: 'bot.localhost' },
              ...{ ca: ca.certPem, ALPNProtocols: ['h2'] },
            }),
        })
        session.on('error', () => undefined)
        await once(session, 'connect')
        const stream = session.request({ ':path': '/sse' })
        stream.on('error', () => undefined)
        await once(stream, 'response')
        session.destroy()
        midHandshake.destroy()
        await nobodyIsLeft(exposed)
      })

      it('serves 200 visitors at once', async () => {
        const exposed = await expose(way)
        const { url } = exposed
        const answers = await Promise.all(
          Array.from({ length: 200 }, async (_, index) => {
            const { body } = await visit(`${url}/${index}`, {
              ca,
              h2: index % 2 === 0,
              body: `body ${index}`,
            })
            return JSON.parse(String(body)) as Echo
          }),
        )
        for (const [index, { url: path, bytes }] of answers.entries()) {
          assert.deepEqual([path, bytes], [`/${index}`, `body ${index}`.length])
        }
        await nobodyIsLeft(exposed)
      })

      it('answers the check of the public URL, while visitors come and go', async () => {
        const { url, nonce, app } = await expose(way)
        const agent = new Agent({ keepAlive: true, ca: ca.certPem })
        scope.add(() => agent.destroy())
        const body = Buffer.alloc(2_000_000, 'abc')
        // Several, for what may go wrong with the first bytes of a visitor who is looked at goes wrong now and then.
        for (let round = 0; round < 10; round++) {
          const expected = nonce.expect()
          const [answer, ...echoes] = await Promise.all([
            visit(`${url}/.well-known/expose-port`, { ca, headers: { [nonceHeader]: expected.nonce } }),
            ...[1, 2, 3].map(() => visit(`${url}/other`, { ca, body })),
            visit(`${url}/other`, { ca, agent, body }),
          ])
          assert.deepEqual([answer.status, answer.headers[nonceHeader]], [204, expected.nonce])
          assert.equal(expected.arrived(), true)
          for (const echo of echoes) assert.equal((JSON.parse(String(echo.body)) as Echo).bytes, body.length)
          expected.done()
        }
        assert.equal((await visit(`${url}/again`, { ca, agent })).status, 200)
        assert.deepEqual([...new Set(app.requests.map(({ url: path }) => path))], ['/other', '/again'])
        assert.equal(app.requests.length, 41)
      })
    })
  }

  it('reads version 2 of the PROXY protocol, and turns away who comes past the proxy', async () => {
    const app = await startEchoApp(scope)
    const forwarded = startForward(scope, app)
    const port = await freePort()
    await open(
      { kind: 'tcp', host: '127.0.0.1', port },
      readProxyProtocol(forwarded.accept, { log: forwarded.log, clock: systemClock }),
    )
    const header = Buffer.concat([
      Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
      Buffer.from([203, 0, 113, 7, 192, 0, 2, 1, 0xc8, 0x22, 0x01, 0xbb]),
    ])
    const request = Buffer.from('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const ask = async (...parts: Buffer[]) => {
      const socket = connectTcp(port, '127.0.0.1')
      socket.on('error', () => undefined)
      for (const part of parts) socket.write(part)
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += String(chunk)))
      await once(socket, 'close')
      return text
    }
    assert.match(
      await ask(header.subarray(0, 5), header.subarray(5), request),
      /"x-forwarded-for":"203\.0\.113\.7"/,
    )
    assert.equal(await ask(request), '')
    assert.equal(app.requests.length, 1)
  })

  it('brings a long answer whole to who reads slowly and whose connection ends with it', async () => {
    const app = await startEchoApp(scope)
    const port = await freePort()
    await open({ kind: 'tcp', host: '127.0.0.1', port }, startForward(scope, app).accept)
    const socket = connectTcp(port, '127.0.0.1')
    scope.add(() => socket.destroy())
    const size = 30_000_000
    socket.write(`GET /bytes?n=${size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    let bytes = 0
    for await (const chunk of socket) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 500))
      bytes += (chunk as Buffer).length
    }
    assert.ok(bytes > size, `${bytes} bytes of ${size} came`)
    await waitUntil('nothing to be left', () => app.openConnections() === 0)
    const confused = connectTcp(port, '127.0.0.1')
    confused.write('nonsense\r\n\r\n')
    let answer = ''
    for await (const chunk of confused) answer += String(chunk)
    assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\nConnection: close\r\n\r\n$/)
  })

  it('sees a check in TLS that the app ends, and shows the app’s own certificate', async () => {
    const tls = await ca.issue({ names: ['bot.localhost'] })
    const app = await startEchoApp(scope, { tls })
    const report = { onAnswer: () => undefined, onNoAnswer: assert.ifError }
    const nonce = new NonceStage(
      toLocal({ host: 'localhost', port: app.port, protocol: 'tcp' }, report),
      systemClock,
    )
    const port = await freePort()
    await open({ kind: 'tcp', host: '127.0.0.1', port }, nonce.accept)
    const expected = nonce.expect()
    const socket = connectTls({
      ...{ host: '127.0.0.1', port, servername: 'bot.localhost', ca: ca.certPem },
      ALPNProtocols: ['h2', 'http/1.1', `expose-port-${expected.nonce}`],
    })
    await once(socket, 'secureConnect')
    assert.equal(expected.arrived(), true)
    assert.equal(socket.authorized, true)
    assert.ok(tls.certPem.startsWith(socket.getPeerX509Certificate()?.toString() ?? 'none'))
    socket.destroy()
    assert.equal((await visit(`https://bot.localhost:${port}/x`, { ca })).status, 200)
    expected.done()
  })
})
