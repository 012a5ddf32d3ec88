import assert from 'node:assert/strict'
import { Agent } from 'node:https'
import { connect, type LookupFunction } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BrowserContext } from 'playwright-core'
import { writeFileSync } from 'node:fs'
import { systemClock } from '../../../src/base/clock'
import type { Failure } from '../../../src/base/failure'
import type { GatewayProfile } from '../../../src/servers/profile'
import { checkGateway, type GatewayCheckOptions } from '../../../src/servers/prepare/checkGateway'
import type { GatewayRun } from '../../../src/servers/prepare/gatewayScript'
import type { ScriptLine } from '../../../src/servers/prepare/output'
import type { GatewayRequest } from '../../../src/servers/prepare/request'
import type { Transport } from '../../../src/ssh/transport'
import { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp } from '../../support/apps'
import {
  startAuthority,
  startGatewayWorld,
  type Authority,
  type GatewayWorld,
} from '../../support/gatewayWorld'
import { visit, type VisitOptions } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import type { ClientKey } from '../../support/sshd'
import { findTool } from '../../support/tools'
import { checkAll, makeLargeFile } from '../../support/visitor'
import { launchChromium } from '../../support/vscode/chromium'
import { waitUntil } from '../../support/waitUntil'

/** The life of one gateway, in the order in which a person goes through it. */
describe('Prepare a Server: a bare Debian server becomes a gateway, and is put back', function () {
  this.timeout(120_000)

  const domain = 'dev.example.com'
  const never = new AbortController().signal
  let scope: Scope
  let browser: BrowserContext
  /** A file. */
  let large: string
  /** For sockets of this machine. */
  let directory: string
  let world: GatewayWorld
  let authority: Authority
  let request: GatewayRequest
  let tunnelKey: ClientKey
  let secondKey: ClientKey
  /** Logged in before anything is done, and until the end. */
  let admin: Transport
  let bare: string[]
  let bareSettings: Record<string, string>
  /** What planning and preparing it showed; done before the tests, which look at what came of it. */
  const seen = { lines: [] as ScriptLine[], asked: [] as unknown[], afterPlan: [] as string[] }
  let planned: GatewayRun
  let prepared: GatewayRun

  before(async function () {
    this.timeout(300_000)
    scope = new Scope()
    directory = scope.tempDir('sockets')
    world = await startGatewayWorld(scope)
    authority = await startAuthority(scope, world)
    browser = await launchChromium(scope, { hostRules: [`MAP *.dev.example.com ${world.server.address}`] })
    large = await makeLargeFile(scope)
    tunnelKey = await world.newKey("somebody's laptop")
    secondKey = await world.newKey('the second one')
    request = {
      domain,
      publicKeys: [tunnelKey.publicKey],
      email: 'somebody@example.com',
      acmeDirectory: authority.directoryUrl,
      acmeCa: authority.caFileOnServer,
    }
    admin = await world.login('admin')
    bare = world.server.etc({ times: true })
    bareSettings = await settingsOfOthers()
    planned = await world.script(admin).plan(request, never)
    seen.afterPlan = world.server.etc({ times: true })
    const ask = (question: unknown) => {
      seen.asked.push(question)
      return Promise.resolve(seen.asked.length === 1 ? 'not the password' : world.password)
    }
    const onLine = (line: ScriptLine) => seen.lines.push(line)
    prepared = await world.script(admin, { ask, onLine }).install(request, never)
  })
  after(() => scope.close())

  /** What sshd says holds for users that are none of our business. */
  async function settingsOfOthers(): Promise<Record<string, string>> {
    const of = (user: string) =>
      world.server.sh(`sshd -T -C user=${user},host=x,addr=192.0.2.1,laddr=192.0.2.2,lport=22`)
    return { root: await of('root'), admin: await of('admin'), guest: await of('guest') }
  }

  const lookup: LookupFunction = (name, options, callback) => {
    authority.resolve(name).then(
      ([address = '']) => {
        if (options.all === true) callback(null, [{ address, family: 4 }])
        else callback(null, address, 4)
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 4),
    )
  }

  /** Calls a name as a visitor, with the name server that leads there. */
  function call(url: string, options: Pick<VisitOptions, 'method' | 'body'> = {}) {
    const agent = new Agent({ lookup, ca: authority.issuer.certPem })
    return visit(url, { ...options, agent })
  }

  /** Opens a tunnel as a user does who has configured nothing but `ssh`. */
  async function expose(name: string, key: ClientKey) {
    const app = await startEchoApp(scope)
    const profile: GatewayProfile = {
      kind: 'gateway',
      id: 'gateway',
      ssh: `expose@${world.server.address}`,
      destination: { user: 'expose', host: world.server.address },
    }
    const tunnels = new Tunnels({ prompts: scriptedPrompts(), clock: systemClock, log: world.log, lookup })
    const close = async () => {
      await tunnels.stopAll()
      tunnels.dispose()
      await app.close()
    }
    scope.add(close)
    const tunnel = await tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server: {
        profile,
        settings: () => Promise.resolve(world.settings('expose', key)),
        ca: authority.issuer.certPem,
      },
      name,
      signal: never,
    })
    return { tunnel, close }
  }

  it('shows what it would do, and changes nothing', () => {
    const { text, summary } = planned
    assert.equal(summary, 'nothing was changed')
    assert.match(text, /install caddy ca-certificates/)
    assert.match(text, /useradd: system user "expose" without a password, a shell or a home/)
    assert.match(text, /write \/etc\/ssh\/sshd_config\.d\/00-expose\.conf.*\n\s+# For the user "expose" only/)
    assert.match(text, /write \/etc\/caddy\/Caddyfile[^]*acme_ca https:[^]*\*\.dev\.example\.com \{/)
    assert.ok(text.includes(`restrict,port-forwarding ${tunnelKey.publicKey}`))
    assert.deepEqual(seen.afterPlan, bare)
  })

  it('asks for the password of sudo until it is right, and says each step', () => {
    const { summary, warnings } = prepared
    assert.match(summary, /^https:\/\/NAME\.dev\.example\.com leads to tunnels of the user "expose"/)
    assert.deepEqual(warnings, [])
    const host = world.server.address
    assert.deepEqual(seen.asked, [
      { user: 'admin', host, isRetry: false },
      { user: 'admin', host, isRetry: true },
    ])
    const steps = seen.lines.flatMap((line) => (line.kind === 'step' ? [`${line.number}/${line.of}`] : []))
    assert.deepEqual(steps, ['1/9', '2/9', '3/9', '4/9', '5/9', '6/9', '7/9', '8/9', '9/9'])
    assert.ok(seen.lines.some((line) => line.kind === 'detail' && line.text.includes('Setting up caddy')))
    assert.ok(!world.log.text.includes(world.password))
  })

  it('keeps the connection that prepared it, and says what the server is now', async () => {
    assert.ok(admin.isOpen)
    assert.equal((await admin.run('echo still here')).trim(), 'still here')
    const { keys, ...status } = await world.script(admin).status(never)
    assert.deepEqual(status, {
      ...{ isPrepared: true, domain, directory: '/run/expose' },
      ...{ isCaddyRunning: true, isSshdSetUp: true },
    })
    assert.equal(keys.length, 1)
    assert.match(keys[0] ?? '', /^256 SHA256:\S+ somebody's laptop \(ED25519\)$/)
  })

  it('is checked from end to end as the locked user', async () => {
    const check = (changes: Partial<GatewayCheckOptions> = {}) =>
      checkGateway({
        domain,
        openTransport: () => world.login('expose', tunnelKey),
        resolve: (name) => authority.resolve(name),
        ca: authority.issuer.certPem,
        clock: systemClock,
        signal: never,
        ...changes,
      })
    await check()
    await assert.rejects(check({ domain: 'other.example.com' }), { kind: 'gateway-banner-missing' })
    await assert.rejects(check({ resolve: () => Promise.resolve([]) }), (error: Failure) => {
      assert.equal(error.kind, 'gateway-dns-missing')
      assert.match(error.advice, new RegExp(`\\*\\.dev\\.example\\.com\\. A ${world.server.address}$`))
      return true
    })
    // Somebody else's web server: nobody is there.
    await assert.rejects(check({ resolve: () => Promise.resolve(['127.0.0.1']) }), (error: Failure) => {
      assert.equal(error.kind, 'gateway-not-public')
      assert.match(error.advice, /leads to 127\.0\.0\.1, while the SSH connection goes to 198\.1[89]\./)
      return true
    })
    await assert.rejects(check({ ca: 'nobody' }), { kind: 'gateway-not-public', hop: 'certificate' })
  })

  it('makes a tunnel public with nothing configured but the destination', async () => {
    const { tunnel, close } = await expose('my-app', tunnelKey)
    assert.equal(tunnel.publicUrl, 'https://my-app.dev.example.com')
    await waitUntil('the check of the public URL to pass', () => {
      return tunnel.state.kind === 'open' && tunnel.state.check === 'passed'
    })
    const { status, body } = await call(`${tunnel.publicUrl}/hello?x=1`)
    assert.equal(status, 200)
    const echo = JSON.parse(body.toString()) as { url: string; headers: Record<string, string> }
    assert.equal(echo.url, '/hello?x=1')
    assert.equal(echo.headers['x-forwarded-for'], world.server.hostAddress)
    const certPath = join(directory, 'issuer.pem')
    writeFileSync(certPath, authority.issuer.certPem)
    const { address } = world.server
    const ca = { certPem: authority.issuer.certPem, certPath }
    const outsider = { url: 'https://my-app.dev.example.com', h2: true, ca, address }
    await checkAll(outsider, { browser, large })

    await close()
    const gone = await call('https://my-app.dev.example.com/')
    assert.equal(gone.status, 502)
    assert.match(gone.body.toString(), /No tunnel is open under this name/)
  })

  it('gets no certificate for a name without a tunnel', async () => {
    const orders = authority.orders()
    assert.ok(orders > 0)
    for (const name of ['nobody', 'x', 'expose-check.my-app', '..']) {
      await assert.rejects(call(`https://${name}.dev.example.com/`), Error, name)
    }
    await assert.rejects(call('https://dev.example.com/'))
    assert.equal(authority.orders(), orders)
    // Nor does anybody outside learn from Caddy's question which names have one.
    const asked = await visit(
      `http://${world.server.address}/expose-gateway/ask?domain=my-app.dev.example.com`,
      {
        headers: { host: '127.0.0.1' },
      },
    )
    assert.equal(asked.status, 404)
  })

  it('lets the locked user do nothing else', async () => {
    const { address } = world.server
    const refused = async (args: readonly string[], text: RegExp, command?: string) => {
      const run = await world.ssh('expose', tunnelKey, args, command)
      assert.notEqual(run.code, 0, `ssh ${args.join(' ')} ${command ?? ''} was let through`)
      assert.match(run.output, text)
    }
    const remotely = (bind: string) => ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', `${bind}:127.0.0.1:9`]
    await refused([], /administratively prohibited|open failed/i, 'id')
    await refused(['-tt'], /administratively prohibited|open failed/i)
    await refused(['-s'], /administratively prohibited|open failed/i, 'sftp')
    await refused(['-W', '127.0.0.1:22'], /administratively prohibited/i)
    await refused(['-W', `${address}:80`], /administratively prohibited/i)
    await refused(remotely('127.0.0.1:8080'), /remote port forwarding failed/i)
    await refused(remotely('0.0.0.0:8080'), /remote port forwarding failed/i)
    await refused(remotely('0'), /remote port forwarding failed/i)
    for (const place of ['/run', '/etc', '/etc/expose', '/var/lib/caddy', '/home/admin', '/root', '/']) {
      await refused(remotely(join(place, 'x.sock')), /remote port forwarding failed/i)
    }
    await refused(['-N', '-w', '0:0', '-o', 'ExitOnForwardFailure=yes'], /tunnel|tun/i)
    await refused(['-o', 'PubkeyAuthentication=no'], /Permission denied \(publickey\)/, 'id')
    const other = await world.ssh('expose', world.key, [], 'id')
    assert.match(other.output, /Permission denied \(publickey\)/)
    await noSocketIsReached()
  })

  /** direct-streamlocal, to a socket that its user could open: the one of a tunnel. */
  async function noSocketIsReached() {
    const transport = await world.login('expose', tunnelKey)
    let visitors = 0
    const path = '/run/expose/private.sock'
    await transport.forward({ kind: 'unix', path }, ({ stream }) => {
      visitors++
      stream.destroy()
    })
    const local = join(directory, 'local.sock')
    const client = await scope.spawn(
      findTool('ssh'),
      [
        ...world.sshOptions(tunnelKey),
        ...['-v', '-N', '-L', `${local}:${path}`, `expose@${world.server.address}`],
      ],
      { ready: /Entering interactive session/ },
    )
    const socket = connect(local)
    socket.on('error', () => undefined)
    await once(socket, 'close')
    assert.match(client.stderr, /channel 1: open failed/)
    await client.stop()
    assert.equal(await transport.answersOn(path), false)
    assert.equal(visitors, 0)
    await assert.rejects(transport.openDirect('127.0.0.1', 22))
    transport.dispose()
  }

  it('leaves other users as they were', async () => {
    assert.deepEqual(await settingsOfOthers(), bareSettings)
    const run = await world.ssh(
      'guest',
      world.key,
      ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9'],
      'id -un',
    )
    assert.equal(run.code, 0)
    assert.match(run.output, /^guest$/m)
    assert.doesNotMatch(run.output, /expose-gateway/)
    // Nor can they reach, or take, what belongs to the tunnels.
    for (const command of [
      'ls /run/expose',
      'touch /run/expose/x.sock',
      'cat /var/lib/expose-gateway/journal',
    ]) {
      assert.match((await world.ssh('guest', world.key, [], command)).output, /Permission denied/)
    }
    const orders =
      'perl -MIO::Socket::UNIX -e "IO::Socket::UNIX->new(q(/var/lib/caddy/admin.sock)) or die $!"'
    assert.match((await world.ssh('guest', world.key, [], orders)).output, /Permission denied/)
  })

  it('changes nothing and restarts nothing when it is run again, by sudo without a password', async () => {
    const processes = () => world.server.sh('pidof caddy; cat /run/sshd.pid')
    const [etc, running] = [world.server.etc({ times: true }), await processes()]
    const ask = () => Promise.reject(new Error('nobody has to be asked'))
    const nopass = await world.login('nopass')
    const { text } = await world.script(nopass, { ask }).install(request, never)
    nopass.dispose()
    assert.deepEqual(world.server.etc({ times: true }), etc)
    assert.equal(await processes(), running)
    assert.doesNotMatch(text, /wrote|Caddy is started$|has read/m)

    // Nor when only the domain is said again: what was said of the authority holds.
    const root = await world.login('root')
    await world.script(root).install({ domain, publicKeys: [] }, never)
    root.dispose()
    assert.deepEqual(world.server.etc({ times: true }), etc)
  })

  it('lets a second key in, and out again', async () => {
    const root = await world.login('root')
    const script = world.script(root)
    await assert.rejects(world.login('expose', secondKey), { kind: 'authentication-refused' })
    await script.addKey(secondKey.publicKey, never)
    await script.addKey(secondKey.publicKey, never)
    assert.equal((await script.status(never)).keys.length, 2)
    const { tunnel, close } = await expose('second', secondKey)
    assert.equal(tunnel.publicUrl, 'https://second.dev.example.com')
    assert.equal((await call(tunnel.publicUrl)).status, 200)
    await close()
    await script.removeKey(secondKey.publicKey, never)
    await assert.rejects(world.login('expose', secondKey), { kind: 'authentication-refused' })
    const first = await world.login('expose', tunnelKey)
    first.dispose()
    root.dispose()
  })

  it('moves to another domain without being put back first', async () => {
    const script = world.script(admin)
    const { text } = await script.install({ ...request, domain: 'other.example.com' }, never)
    assert.match(text, /Caddy has read its settings again/)
    assert.doesNotMatch(text, /sshd has read/)
    const { tunnel, close } = await expose('moved', tunnelKey)
    assert.equal(tunnel.publicUrl, 'https://moved.other.example.com')
    assert.equal((await call(tunnel.publicUrl)).status, 200)
    await close()
  })

  it('is put back to what was there before, whoever has a tunnel open', async () => {
    const open = await world.login('expose', tunnelKey)
    await open.forward({ kind: 'unix', path: '/run/expose/last.sock' }, ({ stream }) => stream.destroy())
    const { summary, warnings } = await world.script(admin).uninstall(never)
    assert.equal(summary, 'the server is as it was before')
    assert.deepEqual(warnings, [])
    const timeless = (rows: readonly string[]) => rows.map((row) => row.replace(/ [\d.]+ [\d.]+ /, ' '))
    assert.deepEqual(world.server.etc(), timeless(bare))
    assert.deepEqual(await settingsOfOthers(), bareSettings)
    assert.ok(admin.isOpen)
    await waitUntil('the tunnel to end', () => !open.isOpen)
    const left =
      'ls -d /run/expose* /var/lib/expose* /var/lib/caddy /usr/sbin/policy-rc.d 2>/dev/null; pidof caddy; true'
    assert.equal(await world.server.sh(left), '')
    assert.match(await world.server.sh('id expose; id caddy; true'), /no such user\n.*no such user\n$/)
    assert.match((await world.ssh('expose', tunnelKey, [], 'id')).output, /Permission denied/)
    assert.match(
      (await world.script(admin).uninstall(never)).summary,
      /is not prepared, so nothing was changed/,
    )
  })
})
