import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock, type Clock } from '../../../src/base/clock'
import { Cancelled, Failure } from '../../../src/base/failure'
import { factsScript, sectionsOf } from '../../../src/servers/look/script'
import { startEchoApp } from '../../support/apps'
import { freePort } from '../../support/freePort'
import { expose, startLookWorld, toApp, type LookWorld } from '../../support/lookWorld'
import { startNginx } from '../../support/nginx'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { startSshd } from '../../support/sshd'
import { findTool } from '../../support/tools'

const run = promisify(execFile)

/** Waits of seconds take milliseconds. */
const hurried: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms / 20, callback) }

describe('a look at a server', () => {
  let scope: Scope
  let world: LookWorld
  let directory: string

  beforeEach(async () => {
    scope = new Scope()
    world = await startLookWorld(scope)
    directory = scope.tempDir('looked-at')
  })
  afterEach(() => scope.close())

  it('leaves nothing behind: no file, no socket, no listener; and writes down what it saw', async () => {
    const [scratch, sockets] = ['scratch', 'sockets'].map((name) => join(directory, name))
    for (const path of [scratch!, sockets!]) mkdirSync(path)
    const sshd = await startSshd(scope, {
      config: ['GatewayPorts clientspecified', `SetEnv HOME=${directory} TMPDIR=${scratch}`],
    })
    const transport = await world.login(sshd)
    const { evidence } = await world.look(transport, { socketDirectory: sockets! })
    assert.equal(
      evidence.shell?.sshd?.get('gatewayports'),
      'clientspecified',
      'sshd -T needs a key of its own',
    )
    assert.equal(evidence.socketDirectories[0]?.isWritable, true)
    assert.deepEqual([readdirSync(scratch!), readdirSync(sockets!)], [[], []])
    assert.deepEqual(await sshd.listeners(), [])
    const seen = world.log.lines.filter((line) => line.startsWith(`info ${evidence.ssh}: `)).join('\n')
    assert.match(seen, /forwards: TCP yes, unix sockets yes; GatewayPorts clientspecified/)
    assert.match(seen, /in front: nobody/)
    assert.match(seen, /port \d+ can be listened on and is reached from here/)
  })

  it('where no command may be run, sockets are tried by SFTP and the proxy from outside', async () => {
    await startNginx(scope, {
      ca: world.ca,
      httpsPort: world.ports.https,
      servers: [{ kind: 'sockets', baseDomain: world.domain, socketDirectory: directory }],
    })
    const config = ['ForceCommand internal-sftp', 'StreamLocalBindUnlink yes']
    const sshd = await startSshd(scope, { config })
    const transport = await world.login(sshd)
    const { evidence, proposals } = await world.look(transport, { socketDirectory: directory })
    assert.equal(evidence.shell, undefined)
    assert.deepEqual(readdirSync(directory), [])
    const [first] = proposals
    assert.equal(first?.entry.bind, `${directory}/{name}.sock`)
    assert.deepEqual(first.missing, [])
    const app = await startEchoApp(scope)
    const { publicUrl } = await expose(transport, first, toApp(app.port))
    assert.equal((await visit(publicUrl, { ca: world.ca })).status, 200)
  })

  it('says of a server block why visitors would not get in: name, certificate, proxy, port', async () => {
    const upstreamPort = await freePort()
    const server = { kind: 'port', name: world.domain, upstreamPort } as const
    const nginx = await startNginx(scope, { ca: world.ca, servers: [server] })
    const transport = await world.login(await startSshd(scope))
    const missing = async (changes: Parameters<LookWorld['look']>[1] = {}) => {
      const { proposals } = await world.look(transport, changes)
      return proposals.find(({ entry }) => entry.bind === `127.0.0.1:${upstreamPort}`)?.missing ?? []
    }
    assert.deepEqual(await missing(), [])

    const [dns] = await missing({ resolver: () => Promise.resolve(['192.0.2.7']) })
    assert.deepEqual([dns?.where, dns?.lines], ['DNS', [`${world.domain}. A 127.0.0.1`]])
    const [untrusted] = await missing({ ca: (await startLookWorld(scope)).ca.certPem })
    assert.match(untrusted?.what ?? '', /not trusted/)

    for (const [issued, said] of [
      [{ names: ['other.localhost'] }, /for other names/],
      [{ names: [world.domain], notAfter: new Date(Date.now() - 86_400_000) }, /CERT_HAS_EXPIRED/],
    ] as const) {
      const { certPath, keyPath } = await world.ca.issue(issued)
      const place = `listen 127.0.0.1:${nginx.httpsPort} ssl; ssl_certificate ${certPath}; ssl_certificate_key ${keyPath};`
      const target = `location / { proxy_pass http://127.0.0.1:${upstreamPort}; }`
      mkdirSync(nginx.includeDirectory, { recursive: true })
      writeFileSync(
        join(nginx.includeDirectory, 'wrong.conf'),
        `server { ${place} server_name ${world.domain}; ${target} }`,
      )
      await nginx.reload([])
      const [step] = await missing()
      assert.match(step?.what ?? '', said)
      assert.match(step?.lines.join() ?? '', /certbot/)
    }

    writeFileSync(join(nginx.includeDirectory, 'wrong.conf'), '')
    await nginx.reload([server])
    const busy = await startEchoApp(scope, { port: upstreamPort })
    assert.match((await missing())[0]?.what ?? '', /Something listens on 127\.0\.0\.1:\d+ already/)
    await busy.close()
    assert.deepEqual(await missing(), [])
  })

  it('ends when the person has had enough, and when the connection is lost', async () => {
    const sshd = await startSshd(scope)
    const transport = await world.login(sshd)
    const enough = new AbortController()
    const steps: string[] = []
    const cancelled = world.look(transport, {
      signal: enough.signal,
      onProgress: (text) => {
        if (steps.push(text) === 2) enough.abort()
      },
    })
    await assert.rejects(cancelled, Cancelled)
    assert.equal(steps.length, 2)
    const lost = world.look(transport, {
      onProgress: (text) => {
        if (text.includes('from outside')) void sshd.stop()
      },
      resolver: () => new Promise(() => undefined),
    })
    await assert.rejects(lost, (error) => error instanceof Failure && error.hop === 'connection')
  })

  it('takes silence for evidence: DNS that does not answer, a shell that never ends, one that floods', async () => {
    for (const command of ['sleep 1000', 'yes']) {
      const sshd = await startSshd(scope, { config: [`ForceCommand ${command}`] })
      const transport = await world.login(sshd)
      const { evidence, proposals } = await world.look(transport, {
        resolver: () => new Promise(() => undefined),
        clock: hurried,
      })
      assert.equal(evidence.shell, undefined)
      assert.equal(evidence.domain?.leadsHere, 'unknown')
      assert.equal(proposals[0]?.way, 'named URLs')
    }
  })

  it('runs no command that belongs to the key', async () => {
    const sshd = await startSshd(scope)
    const key = await sshd.newClientKey({ options: `command="touch ${directory}/ran"` })
    const { evidence } = await world.look(await world.login(sshd, key))
    assert.equal(evidence.shell, undefined)
    assert.deepEqual(readdirSync(directory), [])
  })

  it('finds the domain in the configuration where only an address is known', async () => {
    await startNginx(scope, {
      ca: world.ca,
      servers: [{ kind: 'sockets', baseDomain: world.domain, socketDirectory: directory }],
    })
    const { evidence } = await world.look(await world.login(await startSshd(scope)), { domain: '' })
    assert.equal(evidence.domain?.name, world.domain)
  })

  it('reads nothing from an app that stands behind a port, and reaches no visitor', async () => {
    const app = await startEchoApp(scope)
    await world.look(await world.login(await startSshd(scope, { config: ['GatewayPorts yes'] })))
    assert.deepEqual(app.requests, [])
  })

  if (process.getuid?.() === 0) {
    it('sees that the proxy may not open sockets in a directory, and the lines for it are enough', async () => {
      chmodSync(directory, 0o711)
      const sockets = join(directory, 'run')
      mkdirSync(sockets, { mode: 0o700 })
      await startNginx(scope, {
        ca: world.ca,
        workerUser: 'nobody',
        servers: [{ kind: 'sockets', baseDomain: world.domain, socketDirectory: sockets }],
      })
      const config = ['StreamLocalBindUnlink yes', 'StreamLocalBindMask 0117']
      const transport = await world.login(await startSshd(scope, { config }))
      const [before] = (await world.look(transport)).proposals.filter(({ way }) => way === 'named URLs')
      const [step] = before?.missing ?? []
      assert.deepEqual(
        before?.missing.map(({ where }) => where),
        ['shell'],
        JSON.stringify(before?.missing),
      )
      await run('sh', ['-e', '-c', `sudo() { "$@"; }\n${step!.lines.join('\n')}`])
      assert.equal(statSync(sockets).mode & 0o7777, 0o2750)
      const { proposals } = await world.look(transport)
      assert.deepEqual([proposals[0]?.way, proposals[0]?.missing], ['named URLs', []])
      const app = await startEchoApp(scope)
      const { publicUrl } = await expose(transport, proposals[0]!, toApp(app.port))
      assert.equal((await visit(publicUrl, { ca: world.ca })).status, 200)
    })

    it('reads sshd’s settings as a user who may read no host key', async () => {
      const { uid, home } = { uid: 65_534, home: '/nonexistent' }
      const sh = spawn('sh', [], {
        uid,
        gid: uid,
        env: { PATH: '/usr/bin:/bin', HOME: home, SSH_CONNECTION: '192.0.2.1 4321 192.0.2.2 22' },
      })
      const chunks: Buffer[] = []
      sh.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      sh.stdin.end(factsScript)
      await once(sh, 'close')
      const sections = sectionsOf(Buffer.concat(chunks).toString())
      assert.match(sections.find(({ name }) => name === 'sshd')?.text ?? '', /^gatewayports no$/m)
      assert.equal(sections.find(({ name }) => name === 'uid')?.text.trim(), String(uid))
      assert.equal(sections.at(-1)?.name, 'end')
      assert.ok(findTool('sshd'))
    })
  }
})
