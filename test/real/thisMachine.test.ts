import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { BaseAgent, Client, ParsedKey } from 'ssh2'
import { systemClock } from '../../src/base/clock'
import { silentLog, type Log } from '../../src/base/log'
import { startThisMachine, type ThisMachine } from '../../src/servers/thisMachine'
import { agentOf } from '../../src/ssh/identities'
import type { SshSettings } from '../../src/ssh/settings'
import { loadSsh2 } from '../../src/ssh/ssh2Library'
import type { LocalApp } from '../../src/tunnels/localApp'
import type { Tunnel } from '../../src/tunnels/tunnel'
import { Tunnels } from '../../src/tunnels/tunnels'
import {
  deterministicBytes,
  deterministicSha256,
  startEchoApp,
  startTcpApp,
  type Echo,
} from '../support/apps'
import { leakCheck } from '../support/leakCheck'
import { openSse, openWebSocket, visit } from '../support/publicFetch'
import { Scope } from '../support/scope'
import { scriptedPrompts } from '../support/scriptedPrompts'
import { waitUntil } from '../support/waitUntil'

describe('this machine: a server with an HTTPS front inside this process', function () {
  this.timeout(30_000)

  let scope: Scope
  let log: RecordedLog
  let tunnels: Tunnels
  let thisMachine: ThisMachine
  let ca: { certPem: string }

  beforeEach(async () => {
    scope = new Scope()
    log = recordedLog()
    tunnels = new Tunnels({ prompts: scriptedPrompts(), clock: systemClock, log })
    thisMachine = await startThisMachine({ log })
    scope.add(() => thisMachine.dispose())
    scope.add(async () => {
      await tunnels.stopAll()
      tunnels.dispose()
    })
    ca = { certPem: thisMachine.server.ca! }
  })
  afterEach(() => scope.close())

  const expose = (port: number, name: string, protocol: LocalApp['protocol'] = 'http'): Promise<Tunnel> => {
    const app: LocalApp = { host: 'localhost', port, protocol }
    return tunnels.open({ app, server: thisMachine.server, name, signal: new AbortController().signal })
  }

  it('exposes a port: the check passes, and a visitor reaches the app', async () => {
    const app = await startEchoApp(scope)
    const tunnel = await expose(app.port, 'bot')
    assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
    assert.equal(tunnel.publicUrl, `https://bot.localhost:${thisMachine.httpsPort}`)

    const answer = await visit(`${tunnel.publicUrl}/hook?x=1`, { ca, body: '{"object":"page"}' })
    const echo = JSON.parse(String(answer.body)) as Echo
    assert.deepEqual([answer.status, echo.method, echo.url, echo.bytes], [200, 'POST', '/hook?x=1', 17])
    assert.equal(echo.headers['host'], `localhost:${app.port}`)
  })

  it('passes WebSockets, server-sent events and large bodies both ways', async () => {
    const app = await startEchoApp(scope)
    const { publicUrl } = await expose(app.port, 'bot')

    const webSocket = await openWebSocket(`${publicUrl}/ws`, { ca })
    webSocket.send('hello')
    assert.equal(String(await webSocket.next()), 'hello')
    await webSocket.close()

    const events = await openSse(`${publicUrl}/sse`, { ca })
    for await (const event of events) {
      assert.equal(event.data, 'event 1')
      break
    }
    await waitUntil('the app to see that the visitor left', () => app.sse.left === 1)

    const size = 20_000_000
    const [download, upload] = await Promise.all([
      visit(`${publicUrl}/bytes?n=${size}`, { ca }),
      visit(`${publicUrl}/sink`, { ca, body: deterministicBytes(size) }),
    ])
    assert.equal(download.body.length, size)
    assert.deepEqual(JSON.parse(String(upload.body)), { bytes: size, sha256: deterministicSha256(size) })
  })

  it('passes half-close: who ends their side still gets the answer', async () => {
    const app = await startTcpApp(scope)
    const tunnel = await expose(app.port, 'tcp', 'tcp')
    const visitor = await connectTo(tunnel.publicUrl!, ca)
    const size = 5_000_000
    deterministicBytes(size).pipe(visitor)
    let answer = ''
    for await (const chunk of visitor as AsyncIterable<Buffer>) answer += chunk.toString()
    assert.equal(answer, deterministicSha256(size))
  })

  it('holds back who sends faster than the app takes', async () => {
    const stalled = await stalledApp(scope)
    const tunnel = await expose(stalled.port, 'slow', 'tcp')
    const visitor = await connectTo(tunnel.publicUrl!, ca)
    scope.add(() => visitor.destroy())
    const chunk = Buffer.alloc(1_000_000)
    let taken = 0
    const send = () => {
      while (taken < 100 && visitor.write(chunk, () => (taken += 1)));
    }
    visitor.on('drain', send)
    send()
    let before = -1
    await waitUntil('the flow to stop', async () => {
      before = taken
      await new Promise((resolve) => setTimeout(resolve, 300))
      return taken === before
    })
    assert.ok(taken < 40, `${taken} MB went somewhere`)
  })

  it('serves several names over one connection, each with a certificate for that very name', async () => {
    const [one, two] = [await startEchoApp(scope), await startEchoApp(scope)]
    const [first, second] = await Promise.all([expose(one.port, 'one'), expose(two.port, 'two')])
    for (const [tunnel, app] of [
      [first, one],
      [second, two],
    ] as const) {
      assert.equal((await visit(tunnel.publicUrl!, { ca })).status, 200)
      assert.ok(app.requests.length > 0)
      const visitor = await connectTo(tunnel.publicUrl!, ca)
      assert.equal(visitor.getPeerCertificate().subjectaltname, `DNS:${new URL(tunnel.publicUrl!).hostname}`)
      assert.equal(visitor.alpnProtocol, 'http/1.1')
      visitor.destroy()
    }
    await assert.rejects(visit(`https://a.b.localhost:${thisMachine.httpsPort}/`, { ca }))
  })

  it('answers 502 before, and after, the tunnel: a page, or JSON for who asks', async () => {
    const app = await startEchoApp(scope)
    const url = `https://bot.localhost:${thisMachine.httpsPort}/`
    const before = await visit(url, { ca })
    assert.equal(before.status, 502)
    assert.match(String(before.headers['content-type']), /text\/html/)
    assert.match(String(before.body), /Nothing is exposed here/)

    const tunnel = await expose(app.port, 'bot')
    assert.equal((await visit(url, { ca })).status, 200)
    await tunnel.stop()
    const after = await visit(url, { ca, headers: { accept: 'application/json' }, body: 'x'.repeat(100_000) })
    assert.equal(after.status, 502)
    assert.equal((JSON.parse(String(after.body)) as { reason: string }).reason, 'no tunnel')
    assert.deepEqual((await visit(url, { ca, method: 'HEAD' })).body, Buffer.alloc(0))
  })

  it('answers 502 while the app is down, and works again when it is back', async () => {
    const app = await startEchoApp(scope)
    const { port } = app
    const publicUrl = (await expose(port, 'bot')).publicUrl!
    await app.close()
    const down = await visit(publicUrl, { ca, headers: { accept: 'application/json' } })
    assert.equal(down.status, 502)
    assert.equal((JSON.parse(String(down.body)) as { reason: string }).reason, 'no answer')
    await startEchoApp(scope, { port })
    assert.equal((await visit(publicUrl, { ca })).status, 200)
  })

  it('gives a name to who asked first only, and to nobody outside its folder', async () => {
    const settings = await thisMachine.server.settings()
    const first = await logIn(scope, settings)
    const second = await logIn(scope, settings)
    await forward(first, '/run/expose-port/bot.sock')
    await assert.rejects(forward(second, '/run/expose-port/bot.sock'))
    await assert.rejects(forward(second, '/tmp/bot.sock'))
    await assert.rejects(forward(second, '/run/expose-port/../bot.sock'))
    first.end()
    await once(first, 'close')
    await forward(second, '/run/expose-port/bot.sock')
  })

  it('refuses shells, files, other forwards and other keys', async () => {
    const settings = await thisMachine.server.settings()
    const client = await logIn(scope, settings)
    for (const attempt of [
      (done: Done) => client.exec('id', done),
      (done: Done) => client.shell(done),
      (done: Done) => client.sftp(done),
      (done: Done) => client.forwardOut('127.0.0.1', 1, '127.0.0.1', 22, done),
      (done: Done) => client.openssh_forwardOutStreamLocal('/run/x.sock', done),
      (done: Done) => client.forwardIn('127.0.0.1', 0, done),
    ]) {
      const error = await new Promise<unknown>((resolve) => attempt(resolve))
      assert.ok(error instanceof Error, attempt.toString())
    }
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const otherKey = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    await assert.rejects(logIn(scope, { ...settings, fixedIdentity: otherKey }), /authentication/i)
    await assert.rejects(logIn(scope, { ...settings, user: 'root' }), /authentication/i)
    await assert.rejects(logIn(scope, settings, await forger(settings)), /authentication/i)
  })

  it('listens on loopback only, and on another port when the preferred one is taken', async () => {
    const other = await startThisMachine({ preferredPort: thisMachine.httpsPort, log })
    scope.add(() => other.dispose())
    assert.notEqual(other.httpsPort, thisMachine.httpsPort)
    assert.ok(other.server.profile.publicUrl.endsWith(`:${other.httpsPort}`))
    const { profile } = thisMachine.server
    assert.equal(profile.destination.host, '127.0.0.1')
    for (const port of [profile.destination.port!, thisMachine.httpsPort]) {
      await assert.rejects(once(connectTcp(port, '127.0.0.2'), 'connect'), /ECONNREFUSED/)
    }
  })

  it('leaves nothing when disposed, with visitors under way, and no secret in the log', async () => {
    await Promise.resolve() // mocha sets its own timer when the test has returned its promise
    const leaks = leakCheck()
    const own = await startThisMachine({ log })
    const { fixedIdentity = '' } = await own.server.settings()
    const ownTunnels = new Tunnels({ prompts: scriptedPrompts(), clock: systemClock, log })
    const app = await startEchoApp(scope)
    const tunnel = await ownTunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: own.server,
      name: 'bot',
      signal: new AbortController().signal,
    })
    const webSocket = await openWebSocket(`${tunnel.publicUrl}/ws`, { ca: { certPem: own.server.ca! } })
    const silent = connectTcp(own.httpsPort, '127.0.0.1')
    await once(silent, 'connect')
    const gone = Promise.all([once(silent, 'close'), once(webSocket.socket, 'close')])
    own.dispose()
    await gone
    await waitUntil('the tunnel to notice', () => tunnel.state.kind === 'waiting')
    await ownTunnels.stopAll()
    ownTunnels.dispose()
    await app.close()
    await leaks.assertClean()
    assert.doesNotMatch(log.text(), /PRIVATE KEY/)
    assert.ok(fixedIdentity.length > 100 && !log.text().includes(fixedIdentity.split('\n')[2]!))
  })
})

type Done = (error?: unknown) => void

interface RecordedLog extends Log {
  text(): string
}

function recordedLog(): RecordedLog {
  const lines: string[] = []
  const keep = (line: string) => void lines.push(line)
  return {
    ...silentLog,
    trace: keep,
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    isVerbose: true,
    text: () => lines.join('\n'),
  }
}

/** A server of our own gives no reason to ask a person anything. */

async function connectTo(publicUrl: string, ca: { certPem: string }): Promise<TLSSocket> {
  const { hostname, port } = new URL(publicUrl)
  const socket = connectTls({
    socket: connectTcp({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true }),
    servername: hostname,
    ca: ca.certPem,
    ALPNProtocols: ['http/1.1'],
  })
  await once(socket, 'secureConnect')
  return socket
}

async function stalledApp(scope: Scope): Promise<{ port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).pause())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.add(async () => {
    for (const socket of sockets) socket.destroy()
    await once(server.close(), 'close')
  })
  return { port: (server.address() as AddressInfo).port }
}

/** As any SSH client might come, without what our own side checks. */
async function logIn(scope: Scope, settings: SshSettings, agent?: BaseAgent): Promise<Client> {
  const ssh2 = await loadSsh2()
  const client = new ssh2.Client()
  scope.add(() => client.destroy())
  const { hostName, port, user, fixedIdentity = '' } = settings
  const proof = agent === undefined ? { privateKey: fixedIdentity } : { agent }
  client.connect({ host: hostName, port, username: user, readyTimeout: 0, ...proof })
  client.on('error', () => undefined)
  await once(client, 'ready')
  return client
}

/** Shows the right public key, and signs with another of the same kind. */
async function forger(settings: SshSettings): Promise<BaseAgent> {
  const ssh2 = await loadSsh2()
  const [right, wrong] = [settings.fixedIdentity!, (await otherSettings()).fixedIdentity!].map(
    (text) => [ssh2.utils.parseKey(text)].flat()[0] as ParsedKey,
  )
  const sign = (data: Buffer) => Promise.resolve(wrong!.sign(data))
  return agentOf(ssh2, { label: 'forger', publicKey: () => Promise.resolve(right!), sign }, right!)
}

/** Of another server of the same kind, with keys of its own. */
async function otherSettings(): Promise<SshSettings> {
  const other = await startThisMachine({ log: silentLog })
  other.dispose()
  return other.server.settings()
}

function forward(client: Client, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardInStreamLocal(path, (error) => {
      if (error) reject(error)
      else resolve()
    })
  })
}
