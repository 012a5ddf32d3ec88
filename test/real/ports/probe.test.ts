import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp, type IncomingMessage } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { Failure } from '../../../src/base/failure'
import { dialLocal, dialLocalTls } from '../../../src/ports/dialLocal'
import { judgeAnswer, probeLocalPort } from '../../../src/ports/probe'
import { Probes } from '../../../src/ports/probes'
import { FakeClock } from '../../support/fakeClock'
import { freePort } from '../../support/freePort'
import { Scope } from '../../support/scope'
import { createTestCa } from '../../support/testCa'

let scope: Scope
let certificate: { key: string; cert: string }

function ownScope(): void {
  before(async () => {
    const shared = new Scope()
    const issued = await (await createTestCa(shared)).issue({ names: ['localhost'] })
    certificate = { key: issued.keyPem, cert: issued.certPem }
    await shared.close()
  })
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())
}

/** Lets a server listen, and tells how often it was called and what it was told. */
async function listen(
  server: Server,
  host = '127.0.0.1',
  port = 0,
): Promise<{ port: number; calls: Socket[]; heard: () => string }> {
  const calls: Socket[] = []
  let heard = ''
  server.on('connection', (socket: Socket) => {
    calls.push(socket)
    socket.on('data', (chunk) => (heard += chunk.toString('latin1')))
    socket.on('error', () => undefined)
  })
  server.listen(port, host)
  await once(server, 'listening')
  scope.add(async () => {
    for (const socket of calls) socket.destroy()
    await once(server.close(), 'close')
  })
  return { port: (server.address() as AddressInfo).port, calls, heard: () => heard }
}

describe('probeLocalPort', function () {
  this.timeout(20_000)
  ownScope()

  it('knows HTTP by one harmless request that the app can answer in full', async () => {
    const requests: IncomingMessage[] = []
    const troubles: unknown[] = []
    const server = createHttp((request, response) => {
      requests.push(request)
      response.on('error', (error) => troubles.push(error))
      response.end('x'.repeat(20_000))
    }).on('clientError', (error) => troubles.push(error))
    const { port, calls } = await listen(server)
    const ended = once(server, 'connection').then(([socket]) => once(socket as Socket, 'close'))
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'http')
    assert.deepEqual(await ended, [false]) // closed without an error
    assert.deepEqual(troubles, [])
    assert.equal(calls.length, 1)
    assert.deepEqual(
      requests.map(({ method, url, headers }) => [method, url, headers.host]),
      [['OPTIONS', '/', `127.0.0.1:${port}`]],
    )
  })

  it('knows HTTPS', async () => {
    const { port, calls } = await listen(createHttps(certificate))
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'https')
    assert.equal(calls.length, 2)
  })

  it('finds a server that listens on IPv6 loopback only, under the name localhost', async () => {
    const http = await listen(
      createHttp((_request, response) => response.end()),
      '::1',
    )
    const https = await listen(createHttps(certificate), '::1')
    assert.equal(await probeLocalPort({ host: 'localhost', port: http.port }), 'http')
    assert.equal(await probeLocalPort({ host: 'localhost', port: https.port }), 'https')
  })

  it('knows HTTPS of a server without ALPN, and TLS that is something else', async () => {
    const web = createTls(certificate, (socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 404 Not Found\r\n\r\n'))
    })
    const mail = createTls(certificate, (socket) => {
      socket.on('error', () => undefined).write('220 mail.example.com ESMTP\r\n')
    })
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port: (await listen(web)).port }), 'https')
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port: (await listen(mail)).port }), 'tcp')
  })

  it('knows a TLS server that refuses our handshake', async () => {
    const server = createTls({ ...certificate, ALPNProtocols: ['h2'] }).on('tlsClientError', () => undefined)
    const { port } = await listen(server)
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'https')
  })

  it('stays with HTTP for an app that only mentions HTTPS', async () => {
    const answer =
      'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThe plain HTTP request was sent to HTTPS port'
    const app = await listen(createServer((socket) => void socket.once('data', () => socket.end(answer))))
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port: app.port }), 'http')
    assert.equal(app.calls.length, 2)
  })

  it('knows HTTPS of a server that answers plain HTTP with a hint, as nginx and Go do', async () => {
    const secure = createHttps(certificate)
    const front = createServer((socket) => {
      socket.once('data', (first) => {
        if (first[0] !== 22) {
          socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n')
          return
        }
        socket.pause().unshift(first)
        secure.emit('connection', socket)
      })
    }).listen(0, '127.0.0.1')
    await once(front, 'listening')
    scope.add(() => once(front.close(), 'close'))
    const { port } = front.address() as AddressInfo
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'https')
  })

  it('hears out who speaks first, and says nothing', async () => {
    for (const greeting of ['SSH-2.0-OpenSSH_9.9\r\n', '220 mail ESMTP\r\n', '\x4a\0\0\0\x0a8.0.36\0']) {
      const server = createServer((socket) => void setTimeout(() => socket.end(greeting), 10))
      const { port, calls, heard } = await listen(server)
      const ended = once(server, 'connection').then(([socket]) => once(socket as Socket, 'close'))
      assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'tcp')
      await ended
      assert.deepEqual([calls.length, heard()], [1, ''])
    }
  })

  it('takes silence for TCP', async () => {
    const { port, calls } = await listen(createServer())
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }, { limitMs: 300 }), 'tcp')
    assert.equal(calls.length, 1)
  })

  it('takes a server that hangs up on HTTP and on TLS for TCP', async () => {
    const { port } = await listen(createServer((socket) => void socket.once('data', () => socket.destroy())))
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'tcp')
  })

  it('takes another protocol that answers for TCP', async () => {
    const { port, calls } = await listen(
      createServer((socket) => void socket.once('data', () => socket.write('-ERR\r\n'))),
    )
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'tcp')
    assert.equal(calls.length, 1)
  })

  it('never has two connections to a server that serves one at a time', async () => {
    let open = 0
    let most = 0
    const server = createHttps(certificate)
    server.on('connection', (socket: Socket) => {
      most = Math.max(most, ++open)
      socket.once('close', () => open--)
    })
    const { port, calls } = await listen(server)
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'https')
    assert.deepEqual([calls.length, most], [2, 1])
  })

  it('settles for TCP when a server ends after its first connection', async () => {
    const server = createServer((socket) => {
      server.close()
      socket.once('data', () => socket.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }), 'tcp')
  })

  it('does not even connect to a program that ends after its first client', async () => {
    for (const [name, command] of [
      ['nc', 'nc -l 3000'],
      ['dlv', 'dlv debug --headless'],
    ] as const) {
      const { port, calls } = await listen(createServer())
      const process = { pid: 1, name, command }
      assert.equal(await probeLocalPort({ host: '127.0.0.1', port }, { process }), 'tcp')
      assert.equal(calls.length, 0)
    }
  })

  it('sends nothing to a program known not to speak HTTP', async () => {
    const { port, heard } = await listen(createServer())
    const process = { pid: 1, name: 'redis-server' }
    assert.equal(await probeLocalPort({ host: '127.0.0.1', port }, { process }), 'tcp')
    assert.equal(heard(), '')
  })

  it('says that nothing listens, at which hop', async () => {
    const port = await freePort()
    for (const host of ['127.0.0.1', 'localhost']) {
      await assert.rejects(probeLocalPort({ host, port }), (error) => {
        assert.ok(error instanceof Failure)
        assert.deepEqual([error.kind, error.hop], ['nothing-listens', 'local app'])
        assert.equal(error.message, `Nothing listens on ${host}:${port}.`)
        return true
      })
    }
  })

  it('stops when it is told to, and leaves no connection', async () => {
    const { port, calls } = await listen(createServer())
    const stop = new AbortController()
    const probe = probeLocalPort({ host: '127.0.0.1', port }, { signal: stop.signal, limitMs: 60_000 })
    while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = once(calls[0]!, 'close')
    calls[0]!.resume()
    stop.abort()
    await assert.rejects(probe, { name: 'AbortError' })
    await closed
    await assert.rejects(probeLocalPort({ host: '127.0.0.1', port }, { signal: stop.signal }), {
      name: 'AbortError',
    })
  })
})

describe('Probes', function () {
  this.timeout(20_000)
  ownScope()

  const app = (pid: number) => ({ process: { pid, name: 'app' } })

  it('ask a process that answered HTTP again at once, and hear out another', async () => {
    const probes = new Probes()
    const web = await listen(createHttp((_request, response) => response.end()))
    const address = { host: '127.0.0.1', port: web.port }
    assert.equal(await probes.probe(address, app(1)), 'http')
    // Its hands stand still: nothing may be waited for.
    assert.equal(await probes.probe(address, { ...app(1), clock: new FakeClock() }), 'http')

    await scope.close()
    scope = new Scope()
    const mail = await listen(
      createServer((socket) => socket.write('220 hello')),
      '127.0.0.1',
      web.port,
    )
    assert.equal(await probes.probe(address, app(2)), 'tcp')
    assert.equal(mail.heard(), '')
  })
})

describe('judgeAnswer', () => {
  const cases: [string, boolean, string][] = [
    ['HTTP/1.1 200 OK\r\n', false, 'http'],
    ['HTTP/1.1 501 Unsupported method\r\n', true, 'http'],
    [
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.',
      true,
      'https or http',
    ],
    ['HTTP/1.1 400 Bad Request\r\n\r\nInvalid Host header', true, 'http'],
    ['\x15\x03\x01\x00\x02\x02\x46', true, 'https or tcp'],
    ['', true, 'https or tcp'],
    ['', false, 'tcp'],
    ['SSH-2.0-x', false, 'tcp'],
    ['\0\0\x12\x04\0\0', false, 'tcp'],
  ]
  for (const [said, ended, verdict] of cases) {
    it(`takes ${JSON.stringify(said)} for ${verdict}`, () =>
      assert.equal(judgeAnswer({ said: Buffer.from(said, 'latin1'), ended }), verdict))
  }
})

describe('dialLocal', () => {
  ownScope()

  it('reaches a server on either loopback as localhost, with half-close', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const server = createServer({ allowHalfOpen: true }, (socket) => socket.end('first'))
      const { port, calls } = await listen(server, host)
      const socket = dialLocal({ host: 'localhost', port })
      socket.resume()
      await once(socket, 'end')
      assert.equal(socket.remoteAddress, host)
      const both = Promise.all([once(calls[0]!, 'data'), once(socket, 'close')])
      socket.end('later')
      assert.equal(String((await both)[0][0]), 'later')
    }
  })

  it('says ECONNREFUSED when neither loopback listens', async () => {
    const [error] = (await once(dialLocal({ host: 'localhost', port: await freePort() }), 'error').catch(
      (reason: unknown) => [reason],
    )) as [NodeJS.ErrnoException]
    assert.equal(error.code, 'ECONNREFUSED')
  })

  it('reaches a TLS server on either loopback as localhost', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const { port } = await listen(createHttps(certificate), host)
      const socket = dialLocalTls({ host: 'localhost', port })
      await once(socket, 'secureConnect')
      assert.equal(socket.alpnProtocol, 'http/1.1')
      socket.destroy()
      await once(socket, 'close')
    }
  })
})
