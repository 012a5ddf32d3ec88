import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import type { Accept } from '../../../src/base/visitor'
import type { Proposal, Step, WayKind } from '../../../src/servers/propose/proposal'
import type { Transport } from '../../../src/ssh/transport'
import { startEchoApp, type Echo, type EchoApp } from '../../support/apps'
import { startCaddy } from '../../support/caddy'
import { freePort } from '../../support/freePort'
import { expose, startLookWorld, toApp, type LookWorld } from '../../support/lookWorld'
import { startNginx } from '../../support/nginx'
import { openSse, openWebSocket, visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { startSshd } from '../../support/sshd'

const run = promisify(execFile)

describe('looking at a server and proposing how to use it', () => {
  let scope: Scope
  let world: LookWorld
  let app: EchoApp
  let sockets: string

  beforeEach(async () => {
    scope = new Scope()
    world = await startLookWorld(scope)
    app = await startEchoApp(scope)
    sockets = join(scope.tempDir('sockets'), 'run')
  })
  afterEach(() => scope.close())

  /** Exposes the app in the way that was proposed, and calls it as a visitor. */
  async function answersThrough(
    transport: Transport,
    proposal: Proposal | undefined,
    {
      ca = world.ca.certPem,
      port = '',
      accept = toApp(app.port),
    }: { ca?: string; port?: string; accept?: Accept } = {},
  ) {
    assert.ok(proposal)
    assert.deepEqual(proposal.missing, [])
    const { publicUrl, forward } = await expose(transport, proposal, accept)
    const answer = await visit(`${publicUrl}${port}/hello`, { ca: { certPem: ca } })
    assert.equal(answer.status, 200, answer.body.toString())
    assert.equal((JSON.parse(answer.body.toString()) as Echo).url, '/hello')
    return { publicUrl, end: () => forward.cancel() }
  }

  const find = (proposals: readonly Proposal[], way: WayKind) => proposals.find((each) => each.way === way)
  const linesFor = (steps: readonly Step[], where: Step['where']) =>
    steps.filter((step) => step.where === where).flatMap(({ lines }) => lines)
  const entryOf = (transport: Transport) => {
    const { user, hostName, port } = transport.settings
    return { ssh: `${user}@${hostName}:${port}` }
  }

  /** Runs the lines that make a directory, as root would who pastes them; what reaches further does nothing. */
  async function paste(steps: readonly Step[]): Promise<void> {
    const lines = linesFor(steps, 'shell').filter((line) => /install -d|tmpfiles/.test(line))
    assert.notDeepEqual(lines, [])
    const apart = [
      'sudo() { "$@"; }',
      'tee() { cat >/dev/null; }',
      // Who runs the tests may not give files away.
      'install() { for last; do :; done; command install "$@" 2>/dev/null || mkdir -p -m 2750 "$last"; }',
    ]
    await run('sh', ['-e', '-c', [...apart, ...lines].join('\n')])
  }

  it('1. nginx with a wildcard certificate and a block for sockets: a name for each port, as it stands', async () => {
    mkdirSync(sockets)
    const nginx = await startNginx(scope, {
      ca: world.ca,
      servers: [
        { kind: 'port', name: world.domain, upstreamPort: await freePort() },
        { kind: 'sockets', baseDomain: world.domain, socketDirectory: sockets },
      ],
    })
    const transport = await world.login(await startSshd(scope, { config: ['StreamLocalBindUnlink yes'] }))
    const { proposals } = await world.look(transport)
    assert.deepEqual(proposals[0]?.entry, {
      ...entryOf(transport),
      bind: `${sockets}/{name}.sock`,
      publicUrl: nginx.url(`{name}.${world.domain}`),
      tls: 'server',
    })
    assert.equal(proposals[0].title, `Each port gets its own name below ${world.domain}`)
    assert.match(
      proposals[0].detail,
      /https:\/\/my-app-3000\.look.* nginx .*whoever runs it can read the traffic/,
    )
    assert.deepEqual(proposals[0].better, [])
    await (await answersThrough(transport, proposals[0])).end()
    assert.equal(proposals[1]?.way, 'one URL', 'the other block is the alternative')
    await answersThrough(transport, proposals[1])
  })

  it('2. nginx with one name in front of one port: one URL; and what is missing for names', async () => {
    const upstreamPort = await freePort()
    const nginx = await startNginx(scope, {
      ca: world.ca,
      httpsPort: world.ports.https,
      servers: [{ kind: 'port', name: world.domain, upstreamPort }],
    })
    const transport = await world.login(await startSshd(scope))
    const { proposals } = await world.look(transport)
    assert.deepEqual(proposals[0]?.entry, {
      ...entryOf(transport),
      bind: `127.0.0.1:${upstreamPort}`,
      publicUrl: nginx.url(world.domain),
      tls: 'server',
    })
    await answersThrough(transport, proposals[0])
    const names = find(proposals, 'named URLs')
    assert.deepEqual(
      names?.missing.map(({ where }) => where),
      ['sshd_config', 'shell', 'shell', 'shell', 'nginx', 'shell'],
      'sshd, the directory, a wildcard certificate, a server block',
    )
    assert.match(linesFor(names.missing, 'shell').join('\n'), /certbot certonly .*-d '\*\.look-/)
    assert.equal(find(proposals, 'public port, HTTPS here'), undefined, 'nginx holds its port')
  })

  it('2b. nginx with a wildcard certificate and no block for names: the lines that it gives work', async () => {
    // Who the workers are matters for the sockets; only root can choose.
    chmodSync(dirname(sockets), 0o711)
    const others = process.getuid?.() === 0 ? { workerUser: 'nobody' } : {}
    const { certPath, keyPath } = await world.ca.issue({ names: [`*.${world.domain}`, world.domain] })
    const nginx = await startNginx(scope, {
      ca: world.ca,
      httpsPort: world.ports.https,
      servers: [],
      ...others,
    })
    const present = join(nginx.includeDirectory, 'present.conf')
    mkdirSync(dirname(present))
    const listen = `listen 127.0.0.1:${nginx.httpsPort} ssl;`
    const files = `ssl_certificate ${certPath}; ssl_certificate_key ${keyPath};`
    writeFileSync(present, `server { ${listen} server_name ${world.domain}; ${files} return 404; }`)
    await nginx.reload()
    const before = await world.login(await startSshd(scope))
    const wanted = find((await world.look(before, { socketDirectory: sockets })).proposals, 'named URLs')
    assert.ok(wanted)
    const block = wanted.missing.find(({ where }) => where === 'nginx')
    const file = /A new file, (\S+), /.exec(block?.what ?? '')?.[1] ?? ''
    assert.equal(file, join(nginx.includeDirectory, 'expose.conf'))
    assert.doesNotMatch(linesFor(wanted.missing, 'shell').join('\n'), /certbot/, 'the certificate is there')

    writeFileSync(file, block!.lines.join('\n'))
    await nginx.reload()
    await paste(wanted.missing)
    const after = await world.login(
      await startSshd(scope, { config: linesFor(wanted.missing, 'sshd_config') }),
    )
    const { proposals } = await world.look(after, { socketDirectory: sockets })
    assert.equal(proposals[0]?.entry.publicUrl, wanted.entry.publicUrl)
    const { publicUrl, end } = await answersThrough(after, proposals[0])

    const ca = { certPem: world.ca.certPem }
    const webSocket = await openWebSocket(`${publicUrl}/ws`, { ca })
    webSocket.send('through nginx')
    assert.equal((await webSocket.next()).toString(), 'through nginx')
    await webSocket.close()
    const events = await openSse(`${publicUrl}/sse`, { ca })
    for await (const event of events) if (event.data !== '') break
    events.close()
    const upload = await visit(`${publicUrl}/sink`, { ca, method: 'POST', body: Buffer.alloc(5_000_000) })
    assert.equal((JSON.parse(upload.body.toString()) as { bytes: number }).bytes, 5_000_000)
    await end()
    const closed = await visit(publicUrl, { ca })
    assert.equal(closed.status, 502)
    assert.match(closed.body.toString(), /Nothing is exposed here now/)
  })

  it('2c. nginx with a certificate for one name: a URL at another port, by lines for nginx alone', async () => {
    const { certPath, keyPath } = await world.ca.issue({ names: [world.domain] })
    const nginx = await startNginx(scope, { ca: world.ca, httpsPort: world.ports.https, servers: [] })
    const present = join(nginx.includeDirectory, 'present.conf')
    mkdirSync(dirname(present))
    const listen = `listen 127.0.0.1:${nginx.httpsPort} ssl;`
    const files = `ssl_certificate ${certPath}; ssl_certificate_key ${keyPath};`
    writeFileSync(present, `server { ${listen} server_name ${world.domain}; ${files} return 404; }`)
    await nginx.reload()
    const transport = await world.login(await startSshd(scope))
    const wanted = find((await world.look(transport)).proposals, 'one URL')
    assert.deepEqual(
      wanted?.missing.map(({ where }) => where),
      ['nginx', 'shell'],
    )
    writeFileSync(join(nginx.includeDirectory, 'expose.conf'), linesFor(wanted.missing, 'nginx').join('\n'))
    await nginx.reload()
    const { proposals } = await world.look(transport)
    assert.deepEqual(proposals[0]?.entry, wanted.entry)
    await answersThrough(transport, proposals[0])
  })

  it('2d. nginx with a lone proxy_pass: it works, and lines that let WebSocket through work too', async () => {
    const upstreamPort = await freePort()
    const nginx = await startNginx(scope, {
      ca: world.ca,
      servers: [{ kind: 'port', name: `bare.${world.domain}`, upstreamPort, bare: true }],
    })
    const transport = await world.login(await startSshd(scope))
    const [bare] = (await world.look(transport)).proposals
    const { publicUrl, end } = await answersThrough(transport, bare)
    const ca = { certPem: world.ca.certPem }
    await assert.rejects(openWebSocket(`${publicUrl}/ws`, { ca }))
    const [map, settings] = (bare?.better ?? []).map(({ lines }) => lines)
    const { certPath, keyPath } = await world.ca.issue({ names: [`bare.${world.domain}`] })
    mkdirSync(nginx.includeDirectory)
    writeFileSync(
      join(nginx.includeDirectory, 'mended.conf'),
      [
        ...map!,
        `server { listen 127.0.0.1:${nginx.httpsPort} ssl; server_name bare.${world.domain};`,
        `ssl_certificate ${certPath}; ssl_certificate_key ${keyPath};`,
        `location / { proxy_pass http://127.0.0.1:${upstreamPort};`,
        ...settings!,
        '} }',
      ].join('\n'),
    )
    await nginx.reload([])
    const webSocket = await openWebSocket(`${publicUrl}/ws`, { ca })
    webSocket.send('mended')
    assert.equal((await webSocket.next()).toString(), 'mended')
    await webSocket.close()
    await end()
    const [mended] = (await world.look(transport)).proposals
    assert.deepEqual(mended?.better, [])
  })

  it('3. Caddy with sockets: a name for each port, as it stands', async () => {
    mkdirSync(sockets)
    const caddy = await startCaddy(scope, {
      ca: world.ca,
      sites: [{ kind: 'sockets', baseDomain: world.domain, socketDirectory: sockets }],
    })
    const transport = await world.login(await startSshd(scope))
    const { proposals } = await world.look(transport)
    assert.deepEqual(proposals[0]?.entry, {
      ...entryOf(transport),
      bind: `${sockets}/{name}.sock`,
      publicUrl: caddy.url(`{name}.${world.domain}`),
      tls: 'server',
    })
    assert.match(proposals[0].detail, /Caddy on the server/)
    await answersThrough(transport, proposals[0])
  })

  it('3b. Caddy that serves something else: the lines for names work, with a certificate for open tunnels only', async () => {
    const other = { kind: 'lines', lines: [`${world.domain} {`, '\trespond 404', '}'] } as const
    const caddy = await startCaddy(scope, { httpsPort: world.ports.https, sites: [other] })
    const ca = await caddy.rootPem()
    const before = await world.login(await startSshd(scope))
    const looked = await world.look(before, { socketDirectory: sockets, ca })
    const wanted = find(looked.proposals, 'named URLs')
    assert.ok(wanted)
    const [options, sites] = wanted.missing.filter(({ where }) => where === 'Caddyfile')
    assert.match(options?.what ?? '', /^Inside the braces at the top of /)
    await caddy.reload({
      globalOptions: options!.lines,
      sites: [other, { kind: 'lines', lines: sites!.lines }],
    })
    await paste(wanted.missing)
    const after = await world.login(
      await startSshd(scope, { config: linesFor(wanted.missing, 'sshd_config') }),
    )
    const { proposals } = await world.look(after, { socketDirectory: sockets, ca })
    assert.deepEqual(proposals[0]?.entry.publicUrl, wanted.entry.publicUrl)
    await answersThrough(after, proposals[0], { ca })
    await assert.rejects(visit(caddy.url(`nobody.${world.domain}`), { ca: { certPem: ca } }), /alert|SSL/)
  })

  it('4. a prepared gateway that runs no commands: it says itself what to use', async () => {
    mkdirSync(sockets)
    const nginx = await startNginx(scope, {
      ca: world.ca,
      servers: [{ kind: 'sockets', baseDomain: world.domain, socketDirectory: sockets }],
    })
    const banner = join(scope.tempDir('banner'), 'banner')
    writeFileSync(banner, `expose-gateway v=1 base=${world.domain} dir=${sockets}\n`)
    const config = [`Banner ${banner}`, 'MaxSessions 0', 'PermitListen none', 'GatewayPorts no']
    const transport = await world.login(await startSshd(scope, { config }))
    const { proposals } = await world.look(transport)
    assert.deepEqual(
      proposals.map(({ entry, way }) => ({ entry, way })),
      [{ entry: entryOf(transport), way: 'gateway' }],
    )
    assert.match(proposals[0]?.detail ?? '', /prepared/)
    await answersThrough(transport, proposals[0], { port: `:${nginx.httpsPort}` })
    const elsewhere = await world.look(transport, { resolver: () => Promise.resolve(['192.0.2.9']) })
    assert.deepEqual(elsewhere.proposals[0]?.missing[0]?.lines, [`*.${world.domain}. A 127.0.0.1`])
  })

  it('5. bare sshd that may listen for everybody: HTTPS ends here, and ports without it are the alternative', async () => {
    const config = ['GatewayPorts clientspecified']
    const transport = await world.login(await startSshd(scope, { config }))
    const { proposals } = await world.look(transport)
    assert.deepEqual(proposals[0]?.entry, {
      ...entryOf(transport),
      bind: `0.0.0.0:${world.ports.https}`,
      publicUrl: `https://${world.domain}:${world.ports.https}`,
      tls: 'here',
      certificate: 'acme',
    })
    assert.match(proposals[0].detail, /cannot read it/)
    const { keyPem, certPem } = await world.ca.issue({ names: [world.domain] })
    const accept: Accept = (visitor) => {
      const stream = new TLSSocket(visitor.stream, { isServer: true, key: keyPem, cert: certPem })
      toApp(app.port)({ ...visitor, stream: stream.on('error', () => undefined) })
    }
    await answersThrough(transport, proposals[0], { accept })
    const raw = find(proposals, 'public ports')
    assert.equal(raw?.entry.publicUrl, `http://${world.domain}:{port}`)
    assert.match(raw.detail, /Not encrypted/)
    await answersThrough(transport, raw)
    const names = find(proposals, 'named URLs')
    assert.ok(
      linesFor(names?.missing ?? [], 'Caddyfile').includes(`*.${world.domain}:${world.ports.https} {`),
    )
  })

  it('6. bare sshd: nothing is ready, and the lines for Caddy, the directory and sshd make names work', async () => {
    const before = await world.login(await startSshd(scope))
    const looked = await world.look(before, { socketDirectory: sockets })
    assert.deepEqual(
      looked.proposals.filter(({ missing }) => missing.length === 0),
      [],
    )
    assert.deepEqual(looked.evidence.front.holdsHttps, 'no')
    const [wanted] = looked.proposals
    assert.equal(wanted?.way, 'named URLs')
    const [options, sites] = wanted.missing.filter(({ where }) => where === 'Caddyfile')
    assert.ok(options && sites, JSON.stringify(looked.evidence.front))
    const caddy = await startCaddy(scope, {
      httpsPort: world.ports.https,
      globalOptions: options.what.startsWith('At the very top') ? options.lines.slice(1, -1) : options.lines,
      sites: [{ kind: 'lines', lines: sites.lines }],
    })
    await paste(wanted.missing)
    const after = await world.login(
      await startSshd(scope, { config: linesFor(wanted.missing, 'sshd_config') }),
    )
    const { proposals } = await world.look(after, { socketDirectory: sockets })
    assert.deepEqual(proposals[0]?.entry.publicUrl, wanted.entry.publicUrl)
    await answersThrough(after, proposals[0], { ca: await caddy.rootPem() })
  })

  it('6b. bare sshd: the line for GatewayPorts makes ports public', async () => {
    const before = await world.login(await startSshd(scope))
    const raw = find((await world.look(before)).proposals, 'public ports')
    const lines = linesFor(raw?.missing ?? [], 'sshd_config')
    assert.deepEqual(lines, [`Match User ${before.settings.user}`, '    GatewayPorts clientspecified'])
    const after = await world.login(await startSshd(scope, { config: lines }))
    const { proposals } = await world.look(after)
    assert.equal(proposals[0]?.way, 'public port, HTTPS here')
    await answersThrough(after, find(proposals, 'public ports'))
  })

  for (const [what, config] of [
    ['7. forwards are disabled', ['AllowTcpForwarding no']],
    ['7b. everything of the kind is disabled', ['DisableForwarding yes', 'PermitListen none']],
  ] as const) {
    it(`${what}: the proxy's own way comes first with the lines for sshd, and they are enough`, async () => {
      const upstreamPort = await freePort()
      await startNginx(scope, { ca: world.ca, servers: [{ kind: 'port', name: world.domain, upstreamPort }] })
      const before = await world.login(await startSshd(scope, { config }))
      const { evidence, proposals } = await world.look(before)
      assert.equal(evidence.forwards.tcp, 'no')
      assert.deepEqual(
        proposals.filter(({ missing }) => missing.length === 0),
        [],
      )
      const way = find(proposals, 'one URL')
      assert.deepEqual(
        way?.missing.map(({ where }) => where),
        ['sshd_config', 'shell'],
      )
      const pasted = [...config, ...linesFor(way.missing, 'sshd_config')]
      const after = await world.login(await startSshd(scope, { config: pasted }))
      await answersThrough(after, (await world.look(after)).proposals[0])
    })
  }

  it('7c. the key itself may not forward: authorized_keys is named, not sshd_config', async () => {
    await startNginx(scope, {
      ca: world.ca,
      servers: [{ kind: 'port', name: world.domain, upstreamPort: await freePort() }],
    })
    const sshd = await startSshd(scope)
    const transport = await world.login(sshd, await sshd.newClientKey({ options: 'restrict' }))
    const way = find((await world.look(transport)).proposals, 'one URL')
    assert.deepEqual(
      way?.missing.map(({ where }) => where),
      ['authorized_keys'],
    )
    const [options] = linesFor(way.missing, 'authorized_keys')
    const mended = await world.login(sshd, await sshd.newClientKey({ options: options! }))
    await answersThrough(mended, (await world.look(mended)).proposals[0])
  })

  for (const proxy of ['nginx', 'Caddy'] as const) {
    it(`8. a port range behind numbered names, ${proxy}: as it stands`, async () => {
      const firstPort = (await freePort()) - 3
      const range = { kind: 'range', baseDomain: world.domain, firstPort, lastPort: firstPort + 7 } as const
      const { url } =
        proxy === 'nginx'
          ? await startNginx(scope, { ca: world.ca, servers: [range] }).then((nginx) => ({
              url: nginx.url(''),
            }))
          : await startCaddy(scope, { ca: world.ca, sites: [range] }).then((caddy) => ({
              url: caddy.url(''),
            }))
      const transport = await world.login(await startSshd(scope))
      const { proposals } = await world.look(transport)
      assert.deepEqual(proposals[0]?.entry, {
        ...entryOf(transport),
        bind: `127.0.0.1:{${firstPort}-${firstPort + 7}}`,
        publicUrl: url.replace('https://', `https://p{port}.${world.domain}`),
        tls: 'server',
      })
      const free = {
        ...proposals[0],
        entry: { ...proposals[0].entry, bind: `127.0.0.1:{${firstPort + 3}-${firstPort + 7}}` },
      }
      await answersThrough(transport, free)
    })
  }
})
