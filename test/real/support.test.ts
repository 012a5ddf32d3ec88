import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deterministicBytes, deterministicSha256, startEchoApp, startTcpApp } from '../support/apps'
import type { Echo, EchoApp } from '../support/apps'
import { freePort, freePorts } from '../support/freePort'
import { leakCheck } from '../support/leakCheck'
import { startNginx, type Nginx } from '../support/nginx'
import { isRunning, processTree } from '../support/processTree.mjs'
import { openSse, openWebSocket, visit } from '../support/publicFetch'
import { Scope, type ScopedProcess } from '../support/scope'
import { startSshd, type ClientKey, type Sshd } from '../support/sshd'
import { createTestCa, type TestCa } from '../support/testCa'
import { findTool, missingTools } from '../support/tools'
import { waitUntil } from '../support/waitUntil'

const run = promisify(execFile)
const fiftyMegabytes = 50_000_000

/** OpenSSH's own client, forwarding until it is stopped. */
function sshForward(scope: Scope, sshd: Sshd, key: ClientKey, forwards: string[]): Promise<ScopedProcess> {
  const remote = forwards.flatMap((forward) => ['-R', forward])
  // -v says so when the last forward is up.
  const args = ['-v', '-N', '-o', 'ExitOnForwardFailure=yes', ...remote, ...sshd.clientArgs(key)]
  return scope.spawn(findTool('ssh'), args, { ready: /forwarding_success: all expected/ })
}

describe('support: a request through sshd and nginx', function () {
  this.timeout(60_000)

  const names = { port: 'dev.localhost', socket: 'bot.dev.localhost' }
  let scope: Scope
  let ca: TestCa
  let app: EchoApp
  let sshd: Sshd
  let nginx: Nginx
  let socketDirectory: string

  before(async () => {
    scope = new Scope()
    ca = await createTestCa(scope)
    app = await startEchoApp(scope)
    sshd = await startSshd(scope)
    const upstreamPort = await freePort()
    socketDirectory = scope.tempDir('sockets')
    nginx = await startNginx(scope, {
      ca,
      servers: [
        { kind: 'port', name: names.port, upstreamPort },
        { kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory },
      ],
    })
    const local = `127.0.0.1:${app.port}`
    await sshForward(scope, sshd, await sshd.newClientKey(), [
      `127.0.0.1:${upstreamPort}:${local}`,
      `${socketDirectory}/bot.sock:${local}`,
    ])
    assert.deepEqual((await sshd.listeners()).sort(), [
      `${socketDirectory}/bot.sock`,
      `127.0.0.1:${upstreamPort}`,
    ])
    assert.equal(sshd.sessionCount(), 1)
  })

  after(() => scope.close())

  for (const [kind, name] of Object.entries(names)) {
    it(`by a ${kind} reaches the app with its method, path, headers and body`, async () => {
      const answer = await visit(`${nginx.url(name)}/a?b=c`, {
        ca,
        method: 'PUT',
        headers: { 'x-sample': 'yes' },
        body: 'hello',
      })
      assert.equal(answer.status, 200)
      const echo = JSON.parse(answer.body.toString()) as Echo
      assert.deepEqual([echo.method, echo.url, echo.bytes], ['PUT', '/a?b=c', 5])
      assert.equal(echo.headers['x-sample'], 'yes')
      assert.equal(echo.headers['host'], `${name}:${nginx.httpsPort}`)
      assert.deepEqual(app.requests.at(-1), { method: 'PUT', url: '/a?b=c' })
    })

    it(`by a ${kind} carries a WebSocket both ways`, async () => {
      const webSocket = await openWebSocket(`${nginx.url(name)}/ws`, { ca })
      webSocket.send('one')
      webSocket.send('two')
      assert.equal(String(await webSocket.next()), 'one')
      assert.equal(String(await webSocket.next()), 'two')
      await webSocket.close()
      await assert.rejects(webSocket.next(), /closed/)
    })

    it(`by a ${kind} carries server-sent events live, and the visitor leaving`, async () => {
      const left = app.sse.left
      const events: string[] = []
      for await (const event of await openSse(`${nginx.url(name)}/sse`, { ca })) {
        events.push(event.data)
        if (events.length === 3) break
      }
      // The app never ends this response, so a buffering server would have kept all three.
      assert.deepEqual(events, ['event 1', 'event 2', 'event 3'])
      await waitUntil('the app to see the visitor leave', () => app.sse.left === left + 1)
      assert.equal(app.sse.open, 0)
    })

    for (const h2 of [false, true]) {
      it(`by a ${kind} carries 50 MB down and up by ${h2 ? 'h2' : 'HTTP/1.1'}`, async () => {
        const sha256 = deterministicSha256(fiftyMegabytes)
        const down = await visit(`${nginx.url(name)}/bytes?n=${fiftyMegabytes}`, { ca, h2 })
        assert.equal(down.body.length, fiftyMegabytes)
        assert.equal(createHash('sha256').update(down.body).digest('hex'), sha256)
        const sink = `/sink?from=${kind}`
        const up = await visit(nginx.url(name) + sink, {
          ca,
          h2,
          method: 'POST',
          body: deterministicBytes(fiftyMegabytes),
        })
        assert.deepEqual(JSON.parse(up.body.toString()), { bytes: fiftyMegabytes, sha256 })
        const logged = `POST ${sink} HTTP/${h2 ? '2.0' : '1.1'}" 200`
        await waitUntil(logged, () => nginx.log().includes(logged))
      })
    }
  }

  it('is a 502 of nginx for a name nobody serves', async () => {
    assert.equal((await visit(nginx.url('nobody.dev.localhost'), { ca })).status, 502)
  })

  it('is refused by a visitor who does not trust the CA', async () => {
    await assert.rejects(visit(nginx.url(names.port)), /unable to verify|self-signed/)
    await assert.rejects(visit(nginx.url(names.port), { h2: true }), /unable to verify|self-signed/)
    const other = new Scope()
    const otherCa = await createTestCa(other)
    await other.close()
    await assert.rejects(
      visit(nginx.url(names.port), { ca: otherCa }),
      /unable to verify|self-signed|signature/,
    )
  })
})

describe('support: nginx', function () {
  this.timeout(60_000)

  it('with a lone proxy_pass breaks WebSocket and large uploads; after a reload with the rest it does not', async () => {
    const scope = new Scope()
    try {
      const ca = await createTestCa(scope)
      const app = await startEchoApp(scope)
      const server = { kind: 'port', name: 'dev.localhost', upstreamPort: app.port } as const
      const nginx = await startNginx(scope, { ca, servers: [{ ...server, bare: true }] })
      const url = nginx.url('dev.localhost')
      const upload = () => visit(`${url}/sink`, { ca, body: Buffer.alloc(2_000_000) })
      await assert.rejects(openWebSocket(`${url}/ws`, { ca }), /Unexpected server response: 200/)
      assert.equal((await upload()).status, 413)

      await nginx.reload([server])
      await (await openWebSocket(`${url}/ws`, { ca })).close()
      assert.equal((await upload()).status, 200)
      assert.match(nginx.log(), /GET \/ws HTTP\/1\.1" 101/)

      await nginx.stop()
      await assert.rejects(visit(url, { ca }), /ECONNREFUSED/)
      await nginx.start()
      assert.equal((await visit(url, { ca })).status, 200)
    } finally {
      await scope.close()
    }
  })
})

describe('support: nginx as another user', function () {
  this.timeout(60_000)

  it('cannot reach a socket in a private directory; only root can ask for that', async () => {
    const scope = new Scope()
    try {
      const ca = await createTestCa(scope)
      const socketDirectory = scope.tempDir('sockets')
      const app = createServer((socket) => socket.resume().end('HTTP/1.0 200 OK\r\n\r\n'))
      scope.add(() => once(app.close(), 'close'))
      await once(app.listen(join(socketDirectory, 'bot.sock')), 'listening')
      const servers = [{ kind: 'sockets', baseDomain: 'dev.localhost', socketDirectory } as const]
      const asOneself = await startNginx(scope, { ca, servers })
      assert.equal((await visit(asOneself.url('bot.dev.localhost'), { ca })).status, 200)

      const starting = startNginx(scope, { ca, servers, workerUser: 'nobody' })
      if (process.getuid?.() !== 0) return await assert.rejects(starting, /only root/)
      const nginx = await starting
      assert.equal((await visit(nginx.url('bot.dev.localhost'), { ca })).status, 502)
      assert.match(nginx.log(), /bot\.sock failed \(13: Permission denied\)/)
    } finally {
      await scope.close()
    }
  })
})

describe('support: sshd', function () {
  this.timeout(60_000)

  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  const ssh = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    run(findTool('ssh'), args, { env: { ...process.env, ...env } })

  it('lets in authorized keys of each type, and no other key', async () => {
    const sshd = await startSshd(scope)
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) {
      const key = await sshd.newClientKey({ type })
      assert.equal((await ssh([...sshd.clientArgs(key), 'echo in'])).stdout, 'in\n')
      sshd.revoke(key.publicKey)
      await assert.rejects(ssh([...sshd.clientArgs(key), 'echo in']), /Permission denied/)
    }
    const stranger = await sshd.newClientKey({ authorized: false })
    await assert.rejects(ssh([...sshd.clientArgs(stranger), 'echo in']), /Permission denied/)
    await sshd.waitForLog(/Connection closed by authenticating user/)
  })

  it('starts with the keys and on the port it is given', async () => {
    const key = await (await startSshd(scope)).newClientKey()
    const port = await freePort()
    const sshd = await startSshd(scope, { port, authorizedKeys: [`command="echo given" ${key.publicKey}`] })
    assert.equal(sshd.port, port)
    assert.equal((await ssh([...sshd.clientArgs(key), 'echo in'])).stdout, 'given\n')
  })

  it('obeys options of a key and lines of the configuration before its own', async () => {
    const sshd = await startSshd(scope, {
      config: ['LogLevel ERROR', `Match User ${process.env['USER'] ?? '*'}`, 'ForceCommand echo forced'],
    })
    const key = await sshd.newClientKey({ options: 'restrict' })
    assert.equal((await ssh([...sshd.clientArgs(key), 'echo free'])).stdout, 'forced\n')
    await assert.rejects(
      sshForward(scope, sshd, key, ['127.0.0.1:0:127.0.0.1:9']),
      /remote port forwarding failed/,
    )
  })

  it('encrypts a client key with its passphrase', async () => {
    const sshd = await startSshd(scope)
    const key = await sshd.newClientKey({ passphrase: 'open sesame' })
    const args = [...sshd.clientArgs(key), 'echo in']
    await assert.rejects(ssh(['-o', 'BatchMode=yes', ...args]), /Permission denied/)
    assert.equal((await ssh(args, askpass(scope, 'open sesame'))).stdout, 'in\n')
  })

  it('has the host keys it says, and others on the same port after a change', async () => {
    const sshd = await startSshd(scope, { hostKeyTypes: ['ed25519', 'rsa'] })
    const key = await sshd.newClientKey()
    const known = sshd.clientArgs(key)
    for (const type of ['ed25519', 'rsa'] as const) {
      const scan = await run(findTool('ssh-keyscan'), ['-p', `${sshd.port}`, '-t', type, sshd.host])
      assert.ok(sshd.knownHostsLine.includes(scan.stdout.trim()))
    }
    const before = sshd.hostKeyFingerprint()
    const seen = await ssh(['-v', ...known, 'true'])
    assert.ok(seen.stderr.includes(`Server host key: ssh-ed25519 ${before}`))

    const oldKnownHosts = sshd.knownHostsLine
    await sshd.changeHostKey()
    assert.notEqual(sshd.hostKeyFingerprint(), before)
    assert.notEqual(sshd.knownHostsLine, oldKnownHosts)
    writeFileSync(known.find((arg) => arg.startsWith('UserKnownHostsFile='))!.slice(19), oldKnownHosts)
    await assert.rejects(ssh([...known, 'true']), /REMOTE HOST IDENTIFICATION HAS CHANGED/)
    assert.equal((await ssh([...sshd.clientArgs(key), 'echo in'])).stdout, 'in\n')
  })

  it('freezes and thaws, and takes its sessions with it when it stops', async () => {
    const sshd = await startSshd(scope)
    const client = await sshForward(scope, sshd, await sshd.newClientKey(), ['127.0.0.1:0:127.0.0.1:9'])
    const [listener] = await sshd.listeners()
    assert.match(listener ?? '', /^127\.0\.0\.1:\d+$/)

    sshd.freeze()
    const socket = connect(sshd.port, sshd.host)
    let greeting = ''
    socket.on('data', (chunk: Buffer) => (greeting += chunk.toString('latin1')))
    await once(socket, 'connect')
    await sleep(300)
    assert.deepEqual([greeting, client.hasExited], ['', false])
    sshd.thaw()
    await once(socket, 'data')
    assert.match(greeting, /^SSH-2\.0-OpenSSH/)
    socket.destroy()

    await sshd.stop()
    assert.equal(await client.exited(), 255)
    assert.deepEqual([await sshd.listeners(), sshd.sessionCount()], [[], 0])
    await sshd.restart()
    await waitUntil('the port to be open again', async () => {
      const again = connect(sshd.port, sshd.host)
      return once(again, 'connect').then(
        () => Boolean(again.destroy()),
        () => false,
      )
    })
  })

  for (const ask of ['password', 'keyboard-interactive'] as const) {
    it(`lets a user in by ${ask}, and not with a wrong one`, async () => {
      const sshd = await startSshd(scope, { passwordUser: { name: 'visitor', password: 'correct', ask } })
      const args = [...sshd.clientArgs(), 'id -un']
      assert.equal((await ssh(args, askpass(scope, 'correct'))).stdout, 'visitor\n')
      await assert.rejects(ssh(args, askpass(scope, 'wrong')), /Permission denied/)
      const { stderr } = await ssh(['-v', ...args], askpass(scope, 'correct'))
      assert.match(stderr, new RegExp(`Authenticated to .* using "${ask}"`))
      // The machine itself knows nobody of that name.
      await assert.rejects(run('id', ['visitor']), /no such user/)
    })
  }

  it('says what is wrong when it cannot start', async () => {
    await assert.rejects(startSshd(scope, { config: ['NoSuchOption yes'] }), /Bad configuration option/)
  })
})

describe('support: the test CA', function () {
  this.timeout(60_000)

  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  it('issues what openssl accepts, for those names and that time only', async () => {
    const ca = await createTestCa(scope)
    const openssl = (...args: string[]) =>
      run(findTool('openssl'), ['verify', '-x509_strict', '-CAfile', ca.certPath, ...args])
    const good = await ca.issue({ names: ['dev.localhost', '*.dev.localhost', '127.0.0.1'] })
    for (const name of ['dev.localhost', 'bot.dev.localhost']) {
      await openssl('-verify_hostname', name, good.certPath)
    }
    await openssl('-verify_ip', '127.0.0.1', good.certPath)
    await assert.rejects(openssl('-verify_hostname', 'other.localhost', good.certPath), /mismatch/i)
    const expired = await ca.issue({ names: ['dev.localhost'], notAfter: new Date('2020-01-01') })
    await assert.rejects(openssl(expired.certPath), /expired/)
  })

  it('is accepted by Chromium when its public key is allowed', async () => {
    const ca = await createTestCa(scope)
    const certificate = await ca.issue({ names: ['*.dev.localhost'] })
    const app = await startEchoApp(scope, { tls: certificate })
    const load = async (...flags: string[]) => {
      const profile = scope.tempDir('chromium')
      const args = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${profile}`, ...flags]
      const env = { ...process.env, HOME: profile, TMPDIR: profile }
      const url = `https://bot.dev.localhost:${app.port}/from-chromium`
      const chromium = await scope.spawn(findTool('chromium'), [...args, '--dump-dom', url], { env })
      await chromium.exited()
      return chromium.stdout
    }
    assert.doesNotMatch(await load(), /from-chromium"/)
    assert.match(
      await load(`--ignore-certificate-errors-spki-list=${ca.spkiHash}`),
      /"url":"\/from-chromium"/,
    )
  })
})

describe('support: scope', function () {
  this.timeout(60_000)

  it('closes what it owns in reverse order, and processes with their descendants', async () => {
    const scope = new Scope()
    const order: string[] = []
    const directory = scope.tempDir('scope')
    scope.add(() => order.push(`first, directory ${existsSync(directory) ? 'there' : 'gone'}`))
    scope.add(() => order.push('second'))
    // A descendant with a process group of its own, as sshd's sessions have.
    const script = 'setsid sleep 1000 & echo up; wait'
    const shell = await scope.spawn('sh', ['-c', script], { ready: /up/ })
    await waitUntil('the descendant', () => processTree(shell.pid).length === 2)
    const tree = processTree(shell.pid)
    await scope.close()
    assert.deepEqual(order, ['second', 'first, directory there'])
    assert.ok(!existsSync(directory))
    await waitUntil('all of them to be gone', () => tree.every((pid) => !isRunning(pid)))
    await assert.rejects(scope.spawn('true', []), /closed/)
  })

  it('tells what a program wrote when it ends before it is ready', async () => {
    const scope = new Scope()
    const spawned = scope.spawn('sh', ['-c', 'echo oh no >&2; exit 3'], { ready: /never/ })
    await assert.rejects(spawned, /ended with 3 before it was ready[^]*oh no/)
    await assert.rejects(scope.spawn('/no/such/program', []), /cannot start \/no\/such\/program/)
    await scope.close()
  })

  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
    it(`leaves no process and no directory when its own process ends by ${signal}`, async () => {
      const scope = new Scope()
      const file = join(scope.tempDir('victim'), 'victim.ts')
      const support = join(__dirname, '../support')
      writeFileSync(
        file,
        `import { Scope } from '${support}/scope'
         import { startSshd } from '${support}/sshd'
         import { processTree } from '${support}/processTree.mjs'
         async function main() {
           const scope = new Scope()
           const directory = scope.tempDir('orphan')
           const sshd = await startSshd(scope)
           const key = await sshd.newClientKey()
           await scope.spawn('ssh', ['-v', '-N', '-R', '127.0.0.1:0:127.0.0.1:9', ...sshd.clientArgs(key)], { ready: /Allocated port/ })
           console.log(JSON.stringify({ directory, processes: processTree(process.pid) }))
         }
         void main()`,
      )
      const root = join(__dirname, '../..')
      const victim = spawn(process.execPath, ['--import', 'tsx', file], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(victim.stdout, 'data')) as [Buffer]
      const { directory, processes } = JSON.parse(line.toString()) as {
        directory: string
        processes: number[]
      }
      assert.ok(processes.length >= 5, 'itself, the watchdog, sshd, its session, ssh')
      assert.ok(processes.every(isRunning))
      assert.ok(existsSync(directory))
      victim.kill(signal)
      await once(victim, 'exit')
      await waitUntil('its processes to be gone', () => !processes.some(isRunning))
      assert.ok(!existsSync(directory))
      await scope.close()
    })
  }
})

describe('support: the leak check', function () {
  this.timeout(60_000)

  const leaks: Record<string, { expected: RegExp; leak: () => Promise<() => unknown> }> = {
    'a timer': {
      expected: /Timeout/,
      leak: async () => {
        const timer = setTimeout(() => undefined, 1e6)
        return Promise.resolve(() => clearTimeout(timer))
      },
    },
    'a listening socket': {
      expected: /TCPServerWrap[^]*socket descriptor: socket:\[/,
      leak: async () => {
        const server = createServer().listen(0, '127.0.0.1')
        await once(server, 'listening')
        return () => server.close()
      },
    },
    'a socket that keeps nobody alive': {
      expected: /socket descriptor/,
      leak: async () => {
        const scope = new Scope()
        const app = await startTcpApp(scope)
        const socket = connect(app.port, app.host).unref()
        await once(socket, 'connect')
        return async () => {
          socket.destroy()
          await scope.close()
        }
      },
    },
    'a child process': {
      expected: /child process: \d+ sleep 1000/,
      leak: async () => {
        const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
        await once(child, 'spawn')
        return () => child.kill()
      },
    },
    'a directory of a scope': {
      expected: /temporary directory: \/tmp\/left/,
      leak: () => {
        const scope = new Scope()
        scope.tempDir('left')
        return Promise.resolve(() => scope.close())
      },
    },
  }

  for (const [what, { expected, leak }] of Object.entries(leaks)) {
    it(`finds ${what}, and is content once it is gone`, async () => {
      await Promise.resolve()
      const check = leakCheck()
      const end = await leak()
      await assert.rejects(check.assertClean(200), expected)
      await end()
      await check.assertClean()
    })
  }

  it('as a mocha plugin fails the test, or the file, that left something', async () => {
    const scope = new Scope()
    const directory = scope.tempDir('leaky')
    const root = join(__dirname, '../..')
    const plugin = join(directory, 'hooks.ts')
    const file = join(directory, 'leaky.test.cjs')
    writeFileSync(
      plugin,
      `import { createLeakHooks } from '${root}/test/support/leakHooks'
       export const mochaHooks = createLeakHooks(300)`,
    )
    writeFileSync(
      file,
      `const net = require('node:net')
       describe('leaky file', () => {
         before((done) => { net.createServer().listen(0, done) })
         it('is clean', () => undefined)
       })
       describe('leaky test', () => { it('leaks', () => { setTimeout(() => undefined, 1e6) }) })
       describe('clean', () => { it('passes', (done) => { setTimeout(done, 1) }) })`,
    )
    const mocha = [join(root, 'node_modules/mocha/bin/mocha.js'), '--exit', '--reporter', 'json']
    const args = ['--import', 'tsx', ...mocha, '--require', plugin, file]
    const failed = (await run(process.execPath, args, { cwd: root }).catch((error: unknown) => error)) as {
      stdout: string
    }
    interface Report {
      readonly passes: { readonly fullTitle: string }[]
      readonly failures: { readonly fullTitle: string; readonly err: { readonly message: string } }[]
    }
    const report = JSON.parse(failed.stdout) as Report
    assert.deepEqual(
      report.failures.map(({ fullTitle, err }) => `${fullTitle}: ${err.message.split('\n')[1]?.trim()}`),
      [
        'leaky file "after all" hook: leak check of the file for "is clean": TCPServerWrap',
        'leaky test "after each" hook: leak check of the test for "leaks": Timeout',
        'leaky test "after all" hook: leak check of the file for "leaks": Timeout',
      ],
    )
    assert.deepEqual(
      report.passes.map(({ fullTitle }) => fullTitle),
      ['leaky file is clean', 'leaky test leaks', 'clean passes'],
    )
    await scope.close()
  })
})

describe('support: the sample apps', function () {
  this.timeout(60_000)

  let scope: Scope
  beforeEach(() => (scope = new Scope()))
  afterEach(() => scope.close())

  it('HTTP: answers late, counts its visitors, and takes them along when it closes', async () => {
    const app = await startEchoApp(scope)
    const page = await visit(`${app.url}/slow?ms=1`)
    assert.deepEqual(JSON.parse(page.body.toString()), { slow: true })
    const sse = await openSse(`${app.url}/sse`)
    sse.close()
    await waitUntil('the app to see the visitor leave', () => app.sse.left === 1)
    const late = visit(`${app.url}/slow?ms=1000000`)
    await waitUntil('the visitor', () => app.requests.length === 3)
    await waitUntil('the first visitors to be gone', () => app.openConnections() === 1)
    await Promise.all([assert.rejects(late, /socket hang up|ECONNRESET/), app.close()])
    assert.equal(app.openConnections(), 0)
  })

  it('TCP: answers the visitor who half-closes, with the hash of what came', async () => {
    const app = await startTcpApp(scope)
    const socket = connect({ port: app.port, host: app.host, allowHalfOpen: true })
    deterministicBytes(1_000_000).pipe(socket)
    let answer = ''
    for await (const chunk of socket as AsyncIterable<Buffer>) answer += chunk.toString()
    assert.equal(answer, deterministicSha256(1_000_000))
    assert.deepEqual(app.received, { bytes: 1_000_000, connections: 1 })
  })

  it('bot: verifies a webhook, takes events in, and echoes', async () => {
    const port = await freePort()
    const file = join(__dirname, '../support/sampleBot.mjs')
    const bot = await scope.spawn(process.execPath, [file], {
      env: { ...process.env, PORT: `${port}`, VERIFY_TOKEN: 'secret' },
      ready: /Sample bot: http/,
    })
    const url = `http://localhost:${port}`
    const challenge = '/webhook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token='
    assert.equal(String((await visit(`${url}${challenge}secret`)).body), '1158201444')
    assert.equal((await visit(`${url}${challenge}wrong`)).status, 403)
    assert.equal(
      String((await visit(`${url}/webhook`, { body: '{"object":"page"}' })).body),
      'EVENT_RECEIVED',
    )
    await waitUntil('the event in its log', () => bot.stdout.includes('event 1: {"object":"page"}'))
    const page = await visit(url)
    assert.match(String(page.headers['content-type']), /text\/html/)
    assert.match(String(page.body), /The sample bot is up/)
    const echo = JSON.parse(String((await visit(`${url}/api/echo?x=1`, { body: 'hi' })).body)) as Echo
    assert.deepEqual([echo.method, echo.url], ['POST', '/api/echo?x=1'])
    const webSocket = await openWebSocket(`${url}/ws`)
    webSocket.send('hello')
    assert.equal(String(await webSocket.next()), 'hello')
    await webSocket.close()
    const sse = await openSse(`${url}/sse`)
    for await (const event of sse) {
      assert.match(event.data, /^\d{4}-/)
      break
    }
  })
})

describe('support: tools and ports', () => {
  it('finds programs outside PATH, and says how to install the others', () => {
    const path = process.env['PATH']
    try {
      process.env['PATH'] = '/usr/bin'
      assert.equal(findTool('sshd'), '/usr/sbin/sshd')
      assert.deepEqual(missingTools(['sshd', 'nginx', 'ssh']), [])
    } finally {
      process.env['PATH'] = path
    }
  })

  it('gives different ports that can be listened on', async () => {
    const ports = await freePorts(20)
    assert.equal(new Set(ports).size, 20)
    const server = createServer().listen(ports[0], '127.0.0.1')
    await once(server, 'listening')
    await once(server.close(), 'close')
  })
})

/** What makes ssh take a password from a program instead of a terminal. */
function askpass(scope: Scope, answer: string): NodeJS.ProcessEnv {
  const path = join(scope.tempDir('askpass'), 'askpass')
  writeFileSync(path, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o700 })
  return { SSH_ASKPASS: path, SSH_ASKPASS_REQUIRE: 'force' }
}
