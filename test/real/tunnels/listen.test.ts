import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { Cancelled, Failure } from '../../../src/base/failure'
import type { OwnProfile, ServerProfile, TlsEnd } from '../../../src/servers/profile'
import type { Server } from '../../../src/servers/server'
import type { SshSettings } from '../../../src/ssh/settings'
import { Neighbours } from '../../../src/tunnels/neighbours'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import type { TunnelMemory } from '../../../src/tunnels/rememberedAddresses'
import type { Tunnels } from '../../../src/tunnels/tunnels'
import { startEchoApp, type EchoApp } from '../../support/apps'
import { freePort, isFree } from '../../support/freePort'
import { startNginx } from '../../support/nginx'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('where a real sshd listens for a tunnel', () => {
  let scope: Scope
  let world: World
  let app: EchoApp
  const signal = new AbortController().signal

  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function start(config: readonly string[] = []): Promise<void> {
    world = await startWorld(scope, { config })
    app = await startEchoApp(scope)
  }

  /** A server whose profile says this, of its own ways. */
  function serverWith(
    { bind, publicUrl, tls }: Pick<OwnProfile, 'bind' | 'publicUrl'> & { tls?: TlsEnd },
    settings: Partial<SshSettings> = {},
  ): Server {
    const server = world.oneUrl(settings)
    return { ...server, profile: { ...server.profile, bind, publicUrl, tls: tls ?? 'server' } }
  }

  const expose = (tunnels: Tunnels, server: Server, options: { name?: string; signal?: AbortSignal } = {}) =>
    tunnels.open({
      app: { host: 'localhost', port: app.port, protocol: 'http' },
      server,
      name: options.name ?? 'listen',
      signal: options.signal ?? signal,
    })

  const isHealed = ({ state }: Tunnel) => state.kind === 'open' && state.check === 'passed'
  const remarksOf = ({ state }: Tunnel) => (state.kind === 'open' ? state.remarks : undefined)
  const heals = (tunnel: Tunnel) =>
    waitUntil(
      () => `the tunnel to heal: ${JSON.stringify(tunnel.state)}\n${world.log.text}`,
      () => isHealed(tunnel),
    )

  async function failureOf(opening: Promise<unknown>): Promise<Failure> {
    const error: unknown = await opening.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof Failure, `expected a failure, got ${String(error)}`)
    return error
  }

  const nothingListens = () =>
    waitUntil('sshd to listen for nobody', async () => (await world.sshd.listeners()).length === 0)

  /** Some other program on the server. */
  async function listen(port: number, host = '127.0.0.1'): Promise<NetServer> {
    const other = createServer((socket) => socket.on('error', () => undefined).end('mine'))
    await once(other.listen(port, host), 'listening')
    scope.add(() => other.close())
    return other
  }

  /** Ports in a row that were free a moment ago; answers with the first. */
  async function freeRange(count: number): Promise<number> {
    for (;;) {
      const first = await freePort()
      const ports = Array.from({ length: count }, (_, index) => first + index)
      const free = await Promise.all(ports.map((port) => isFree(port)))
      if (free.every((one) => one)) return first
    }
  }

  describe('on a public address', () => {
    // Linux has all of 127.0.0.0/8: whoever comes by 127.0.0.2 finds what listens on every address, and not what
    // listens on 127.0.0.1.
    const publicServer = (port: number) =>
      serverWith({
        bind: { kind: 'tcp', host: '0.0.0.0', firstPort: port, lastPort: port },
        publicUrl: `http://127.0.0.2:${port}`,
        tls: 'none',
      })

    it('says which line of sshd_config is missing, leaves nothing, and works once it is there', async () => {
      await start()
      const port = await freePort()
      const tunnels = world.tunnels()
      const failure = await failureOf(expose(tunnels, publicServer(port)))
      assert.equal(failure.kind, 'bound-to-loopback')
      assert.equal(failure.hop, 'remote forward')
      assert.equal(
        failure.message,
        `Asked for 0.0.0.0:${port}, 127.0.0.1 would listen on loopback only, where no visitor comes.`,
      )
      assert.match(
        failure.advice,
        /"GatewayPorts clientspecified" into its sshd_config.*"sshd -t".*reload sshd/,
      )
      assert.equal(failure.canHeal, false)
      assert.deepEqual(tunnels.all, [])
      assert.deepEqual(await world.sshd.listeners(), [])
      assert.ok(await isFree(port))

      await world.sshd.reload(['GatewayPorts clientspecified'])
      // At once: a session that still stood would know nothing of the new line.
      const tunnel = await expose(tunnels, publicServer(port))
      assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
      assert.deepEqual(await world.sshd.listeners(), [`0.0.0.0:${port}`])
      assert.equal((await visit(`${tunnel.publicUrl}/hello`)).status, 200)
      assert.deepEqual(app.requests, [{ method: 'GET', url: '/hello' }])
      await tunnel.stop()
      assert.deepEqual(await world.sshd.listeners(), [])
    })

    it('is reached with GatewayPorts yes, and nobody is asked what they asked for themselves', async () => {
      await start(['GatewayPorts yes'])
      const port = await freePort()
      const tunnel = await expose(world.tunnels(), publicServer(port))
      assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
      const listeners = await world.sshd.listeners()
      assert.ok(listeners.includes(`0.0.0.0:${port}`), listeners.join())
      assert.ok(
        listeners.every((address) => address.endsWith(`:${port}`)),
        `nothing is left of the question: ${listeners.join()}`,
      )
      assert.equal((await visit(`${tunnel.publicUrl}/hello`)).status, 200)
      await tunnel.stop()
      assert.deepEqual(await world.sshd.listeners(), [])
    })

    it('fails with the reason when a server that was public is so no more, and heals when it is again', async () => {
      await start(['GatewayPorts clientspecified'])
      const port = await freePort()
      const tunnel = await expose(world.tunnels(), publicServer(port))
      await world.sshd.reload(['GatewayPorts no'])
      await world.sshd.restart()
      await waitUntil('the failure', () => tunnel.state.kind === 'failed')
      assert.equal(tunnel.state.kind === 'failed' && tunnel.state.failure.kind, 'bound-to-loopback')
      assert.deepEqual(await world.sshd.listeners(), [])
      await world.sshd.reload(['GatewayPorts clientspecified'])
      tunnel.retryNow()
      await heals(tunnel)
      assert.equal((await visit(`${tunnel.publicUrl}/hello`)).status, 200)
      await tunnel.stop()
    })
  })

  describe('on every address, though asked for loopback', () => {
    const config = ['GatewayPorts yes']

    /** What somebody gets who comes by any address of the server; empty when they are turned away. */
    async function comeTo(port: number): Promise<string> {
      const visitor = connect({ host: '127.0.0.2', port })
      visitor.on('error', () => undefined)
      let got = ''
      visitor.setEncoding('utf8').on('data', (text: string) => (got += text))
      visitor.write('GET /inside HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
      await once(visitor, 'close')
      return got
    }

    it('asks too about an address of a private network', async () => {
      await start(config)
      const prompts = scriptedPrompts({ becamePublic: () => Promise.resolve(false) })
      const port = await freePort()
      const server = serverWith({
        bind: { kind: 'tcp', host: '10.255.0.1', firstPort: port, lastPort: port },
        publicUrl: `http://127.0.0.2:${port}`,
        tls: 'none',
      })
      await assert.rejects(expose(world.tunnels(prompts), server), Cancelled)
      assert.deepEqual(prompts.asked, [
        { kind: 'becamePublic', address: `10.255.0.1:${port}`, server: '127.0.0.1' },
      ])
      assert.deepEqual(await world.sshd.listeners(), [])
    })

    it('refuses where anybody could forge the header that says who calls', async () => {
      await start(config)
      const one = world.oneUrl()
      const server = { ...one, profile: { ...one.profile, proxyProtocol: true } }
      await assert.rejects(expose(world.tunnels(), server), { kind: 'proxy-header-forgeable' })
      assert.deepEqual(await world.sshd.listeners(), [])
    })

    it('asks first: who comes meanwhile is turned away, and a yes lets visitors in', async () => {
      await start(config)
      const { port } = world.tcpBind
      const while_ = { direct: '?', byProxy: 0 }
      const prompts = scriptedPrompts({
        becamePublic: async () => {
          while_.direct = await comeTo(port)
          while_.byProxy = (await visit(world.nginx.url('dev.localhost'), { ca: world.ca })).status
          return true
        },
      })
      const tunnel = await expose(world.tunnels(prompts), world.oneUrl())
      assert.deepEqual(prompts.asked, [
        { kind: 'becamePublic', address: `127.0.0.1:${port}`, server: '127.0.0.1' },
      ])
      assert.deepEqual(while_, { direct: '', byProxy: 502 })
      assert.deepEqual(app.requests, [])

      assert.ok(isHealed(tunnel), JSON.stringify(tunnel.state))
      assert.equal(remarksOf(tunnel)?.length, 1)
      assert.match(
        remarksOf(tunnel)?.[0] ?? '',
        new RegExp(`Asked for 127.0.0.1:${port}, 127.0.0.1 listens on every address.*clientspecified`),
      )
      assert.match(await comeTo(port), /^HTTP\/1\.1 200/, 'it is as the remark says')
      assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)

      await world.sshd.restart()
      await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
      await heals(tunnel)
      assert.equal(prompts.asked.length, 1, 'asked once')
      assert.equal(remarksOf(tunnel)?.length, 1)
      await tunnel.stop()
    })

    it('a no is a cancel, and nothing listens', async () => {
      await start(config)
      const tunnels = world.tunnels(scriptedPrompts({ becamePublic: () => Promise.resolve(false) }))
      await assert.rejects(expose(tunnels, world.oneUrl()), Cancelled)
      assert.deepEqual(tunnels.all, [])
      // At once: the connection itself stays for a moment.
      assert.deepEqual(await world.sshd.listeners(), [])
      assert.deepEqual(app.requests, [])
    })

    it('a cancel while the question is open ends it, and a late yes opens nothing', async () => {
      await start(config)
      const abort = new AbortController()
      let answer: (agreed: boolean) => void = () => undefined
      const becamePublic = () => {
        setImmediate(() => abort.abort(new Cancelled()))
        return new Promise<boolean>((resolve) => (answer = resolve))
      }
      const tunnels = world.tunnels(scriptedPrompts({ becamePublic }))
      await assert.rejects(expose(tunnels, world.oneUrl(), { signal: abort.signal }), Cancelled)
      answer(true)
      await nothingListens()
      assert.deepEqual(tunnels.all, [])
      assert.ok(await isFree(world.tcpBind.port))
    })

    it('asks when the server becomes so while the tunnel stands; a no ends the tunnel', async () => {
      await start()
      let agrees = true
      const prompts = scriptedPrompts({ becamePublic: () => Promise.resolve(agrees) })
      const tunnels = world.tunnels(prompts)
      const tunnel = await expose(tunnels, world.oneUrl())
      assert.deepEqual(remarksOf(tunnel), [])
      await world.sshd.reload(config)
      await world.sshd.restart()
      await waitUntil('the question', () => prompts.asked.length === 1)
      await heals(tunnel)
      assert.equal(remarksOf(tunnel)?.length, 1)
      await tunnel.stop()

      await world.sshd.reload([])
      agrees = false
      const other = await expose(world.tunnels(prompts), world.oneUrl())
      await world.sshd.reload(config)
      await world.sshd.restart()
      await waitUntil('the end', () => other.state.kind === 'closed')
      assert.equal(prompts.asked.length, 2)
      await nothingListens()
    })
  })

  describe('where a key may listen on "localhost" only', () => {
    it('asks for that, and is reached at 127.0.0.1', async () => {
      await start()
      const { port } = world.tcpBind
      const key = await world.sshd.newClientKey({
        options: `restrict,port-forwarding,permitlisten="localhost:${port}"`,
      })
      const tunnel = await expose(world.tunnels(), world.oneUrl({ identityFiles: [key.path] }))
      assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: true, check: 'passed', remarks: [] })
      assert.ok((await world.sshd.listeners()).includes(`127.0.0.1:${port}`))
      assert.equal((await visit(`${tunnel.publicUrl}/hello`, { ca: world.ca })).status, 200)
      await tunnel.stop()
      await nothingListens()
    })

    it('says that it may not listen where that is not allowed either', async () => {
      await start()
      const { port } = world.tcpBind
      const key = await world.sshd.newClientKey({ options: 'permitlisten="localhost:1"' })
      const failure = await failureOf(expose(world.tunnels(), world.oneUrl({ identityFiles: [key.path] })))
      assert.equal(failure.kind, 'forward-not-permitted')
      assert.match(failure.message, new RegExp(`127\\.0\\.0\\.1:${port}`))
    })

    it('goes on to the next port of a range when one is taken', async () => {
      await start()
      const first = await freeRange(2)
      const permitted = [first, first + 1].map((port) => `permitlisten="localhost:${port}"`).join(',')
      const key = await world.sshd.newClientKey({ options: permitted })
      for (const host of ['127.0.0.1', '::1']) await listen(first, host)
      const server = serverWith(
        {
          bind: { kind: 'tcp', host: '127.0.0.1', firstPort: first, lastPort: first + 1 },
          publicUrl: 'http://127.0.0.1:{port}',
          tls: 'none',
        },
        { identityFiles: [key.path] },
      )
      const tunnel = await expose(world.tunnels(), server)
      assert.equal(tunnel.publicUrl, `http://127.0.0.1:${first + 1}`)
      assert.ok(isHealed(tunnel), JSON.stringify(tunnel.state))
      await tunnel.stop()
    })
  })

  describe('on one of several ports', () => {
    let first: number
    let urlOf: (port: number) => string
    let server: Server

    async function startRange(): Promise<void> {
      await start()
      first = await freeRange(3)
      const ports = [first, first + 1, first + 2]
      const servers = ports.map((port) => ({
        kind: 'port' as const,
        name: `p${port}.dev.localhost`,
        upstreamPort: port,
      }))
      const nginx = await startNginx(scope, { ca: world.ca, servers })
      urlOf = (port) => nginx.url(`p${port}.dev.localhost`)
      server = serverWith({
        bind: { kind: 'tcp', host: '127.0.0.1', firstPort: first, lastPort: first + 2 },
        publicUrl: nginx.url('p{port}.dev.localhost'),
      })
    }

    function memoryIn(store: Map<string, unknown>): TunnelMemory {
      return {
        get: (key) => store.get(key),
        update: (key, value) => {
          store.set(key, value)
          return Promise.resolve()
        },
      }
    }

    it('takes the first that is free, the next for the next, and says when all are taken', async () => {
      await startRange()
      await listen(first)
      const tunnels = world.tunnels()
      const one = await expose(tunnels, server, { name: 'one' })
      const two = await expose(tunnels, server, { name: 'two' })
      assert.deepEqual([one.publicUrl, two.publicUrl], [urlOf(first + 1), urlOf(first + 2)])
      for (const tunnel of [one, two]) {
        assert.ok(isHealed(tunnel), JSON.stringify(tunnel.state))
        assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
      }
      const failure = await failureOf(expose(tunnels, server, { name: 'three' }))
      assert.equal(failure.kind, 'range-taken')
      assert.equal(failure.message, `No port of 127.0.0.1:{${first}-${first + 2}} is free on 127.0.0.1.`)
      assert.deepEqual(tunnels.all, [one, two])
      assert.ok([one, two].every(isHealed))
      await one.stop()
      const three = await expose(tunnels, server, { name: 'three' })
      assert.equal(three.publicUrl, urlOf(first + 1))
      await tunnels.stopAll()
    })

    it('takes a port for each that opens at the same time', async () => {
      await startRange()
      const tunnels = world.tunnels()
      const names = ['a', 'b', 'c']
      const all = await Promise.all(names.map((name) => expose(tunnels, server, { name })))
      const urls = all.map(({ publicUrl }) => publicUrl).sort()
      assert.deepEqual(urls, [urlOf(first), urlOf(first + 1), urlOf(first + 2)])
      assert.ok(all.every(isHealed))
      await tunnels.stopAll()
    })

    it('has the port it had last time, after a restart too', async () => {
      await startRange()
      const store = new Map<string, unknown>()
      const other = await listen(first)
      const before = world.tunnels(scriptedPrompts(), { memory: memoryIn(store) })
      await expose(before, server, { name: 'one' })
      await before.stopAll()
      await once(other.close(), 'close')

      const after = world.tunnels(scriptedPrompts(), { memory: memoryIn(store) })
      assert.equal(after.expectedUrl(server.profile, 'one'), urlOf(first + 1))
      assert.equal(after.expectedUrl(server.profile, 'two'), urlOf(first))
      const one = await expose(after, server, { name: 'one' })
      assert.equal(one.publicUrl, urlOf(first + 1))
      const two = await expose(after, server, { name: 'two' })
      assert.equal(two.publicUrl, urlOf(first))
      await after.stopAll()

      // Somebody else has it now: another is as good, and is the one remembered.
      await listen(first + 1)
      const last = await expose(after, server, { name: 'one' })
      assert.equal(last.publicUrl, urlOf(first))
      assert.equal(after.expectedUrl(server.profile, 'one'), urlOf(first))
      await after.stopAll()
    })

    it('comes back on the same port, and waits for it rather than change the URL', async () => {
      await startRange()
      const other = await listen(first)
      const tunnel = await expose(world.tunnels(), server)
      await once(other.close(), 'close')
      await world.sshd.restart()
      await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
      await heals(tunnel)
      assert.equal(tunnel.publicUrl, urlOf(first + 1))

      await world.sshd.stop()
      await waitUntil('the port to be free', () => isFree(first + 1))
      const squatter = await listen(first + 1)
      await world.sshd.restart()
      const reason = () => (tunnel.state.kind === 'waiting' ? tunnel.state.failure.kind : '')
      await waitUntil('the refusal', () => reason() === 'forward-address-taken')
      assert.equal(tunnel.publicUrl, urlOf(first + 1))
      await once(squatter.close(), 'close')
      tunnel.retryNow()
      await heals(tunnel)
      assert.equal((await visit(urlOf(first + 1), { ca: world.ca })).status, 200)
      await tunnel.stop()
    })
  })

  it('on one port that another window has: that window is named', async () => {
    await start()
    const directory = scope.tempDir('windows')
    // Both have to be processes that run.
    const neighboursOf = (window: string, pid: number) =>
      new Neighbours({ directory, window, log: world.log, pid })
    const theirs = neighboursOf('shop', process.ppid)
    const there = world.tunnels(scriptedPrompts(), { neighbours: theirs })
    const here = world.tunnels(scriptedPrompts(), { neighbours: neighboursOf('blog', process.pid) })
    const held = await expose(there, world.oneUrl())
    const address = `127.0.0.1:${world.tcpBind.port}`
    const ssh = held.server.profile.ssh
    await waitUntil('others to be told', async () => {
      return (await neighboursOf('blog', process.pid).holderOf(ssh, address)) !== undefined
    })
    const failure = await failureOf(expose(here, world.oneUrl()))
    assert.equal(failure.kind, 'held-by-another-window')
    assert.equal(
      failure.message,
      `${address} is in use by the window "shop", for its port ${app.port} at ${held.publicUrl}.`,
    )
    assert.match(failure.advice, /Stop it there/)
    assert.ok(isHealed(held))
    assert.equal((await visit(held.publicUrl!, { ca: world.ca })).status, 200)
    await held.stop()
    const ours = await expose(here, world.oneUrl())
    assert.ok(isHealed(ours))
    await ours.stop()
  })

  it('at a gateway: what its banner says, and the next time that is expected', async () => {
    const directory = scope.tempDir('gateway')
    writeFileSync(join(directory, 'banner'), `expose-gateway v=1 base=dev.localhost dir=${directory}\n`)
    await start([`Banner ${join(directory, 'banner')}`])
    const own = world.namedUrls()
    const { id, ssh, destination } = own.profile
    const profile: ServerProfile = { kind: 'gateway', id, ssh, destination }
    const store = new Map<string, unknown>()
    const memory: TunnelMemory = {
      get: (key) => store.get(key),
      update: (key, value) => Promise.resolve(void store.set(key, value)),
    }
    const tunnels = world.tunnels(scriptedPrompts(), { memory })
    assert.equal(tunnels.expectedUrl(profile, 's'), undefined)
    // A name that stands in "https" too.
    const tunnel = await expose(tunnels, { ...own, profile }, { name: 's' })
    assert.equal(tunnel.publicUrl, 'https://s.dev.localhost')
    assert.deepEqual(await world.sshd.listeners(), [join(directory, 's.sock')])
    const again = world.tunnels(scriptedPrompts(), { memory })
    assert.equal(again.expectedUrl(profile, 's'), 'https://s.dev.localhost')
    assert.equal(again.expectedUrl(profile, 'other'), 'https://other.dev.localhost')
    await tunnel.stop()
  })
})
