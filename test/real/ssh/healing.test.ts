import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock, type Clock } from '../../../src/base/clock'
import { toDisposable } from '../../../src/base/disposable'
import { Emitter } from '../../../src/base/event'
import { silentLog } from '../../../src/base/log'
import { Failure } from '../../../src/base/failure'
import type { Server } from '../../../src/servers/server'
import type { NetworkEvent } from '../../../src/ssh/networkWatch'
import type { SshSettings } from '../../../src/ssh/settings'
import type { Tunnel } from '../../../src/tunnels/tunnel'
import { Tunnels, type TunnelsOptions } from '../../../src/tunnels/tunnels'
import { deterministicSha256, startEchoApp, type EchoApp } from '../../support/apps'
import { visit } from '../../support/publicFetch'
import { Scope } from '../../support/scope'
import { scriptedPrompts } from '../../support/scriptedPrompts'
import { startSwallowingProxy, type SwallowingProxy } from '../../support/swallowingProxy'
import { waitUntil } from '../../support/waitUntil'
import { startWorld, type World } from '../../support/world'

describe('a connection that is lost', () => {
  let scope: Scope
  let world: World
  let proxy: SwallowingProxy
  let app: EchoApp
  const signal = new AbortController().signal
  const network = new Emitter<NetworkEvent>()

  beforeEach(() => {
    scope = new Scope()
  })
  afterEach(() => scope.close())

  async function start(config: readonly string[] = []): Promise<void> {
    world = await startWorld(scope, { config })
    proxy = await startSwallowingProxy(scope, { targetPort: world.sshd.port })
    app = await startEchoApp(scope)
  }

  function newTunnels({
    clock = systemClock,
    log = world.log,
    prompts = scriptedPrompts(),
  }: Partial<Pick<TunnelsOptions, 'clock' | 'log' | 'prompts'>> = {}): Tunnels {
    const networkWatch = { onDidChange: network.event, hold: () => toDisposable(() => undefined) }
    const tunnels = new Tunnels({ prompts, clock, log, networkWatch })
    scope.add(async () => {
      await tunnels.stopAll()
      tunnels.dispose()
    })
    return tunnels
  }

  const throughProxy = (changes: Partial<SshSettings> = {}): Partial<SshSettings> => ({
    port: proxy.port,
    hostKeyAlias: `[127.0.0.1]:${world.sshd.port}`,
    ...changes,
  })
  const watchful = { serverAliveIntervalMs: 150, serverAliveCountMax: 2, connectTimeoutMs: 1000 }

  const expose = (tunnels: Tunnels, server: Server, name = 'heal') =>
    tunnels.open({ app: { host: 'localhost', port: app.port, protocol: 'http' }, server, name, signal })

  const stateOf = (tunnel: Tunnel) => () =>
    `the tunnel to heal: ${JSON.stringify(tunnel.state)}\n${world.log.text}`
  const isHealed = (tunnel: Tunnel) => tunnel.state.kind === 'open' && tunnel.state.check === 'passed'

  async function answersAgain(tunnel: Tunnel): Promise<void> {
    await waitUntil(stateOf(tunnel), () => isHealed(tunnel))
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 200)
  }

  async function nothingIsLeft(): Promise<void> {
    await waitUntil('sshd to hold no connection', () => world.sshd.sessionCount() === 0)
    assert.deepEqual(await world.sshd.listeners(), [])
    await waitUntil('the app to have no visitor', () => app.openConnections() === 0)
  }

  it('comes back when sshd was away for a while, and says at each moment what it is at', async () => {
    await start()
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.namedUrls())
    const states: string[] = []
    tunnel.onDidChange((state) => {
      const detail =
        state.kind === 'connecting'
          ? state.hop
          : state.kind === 'open'
            ? state.check === 'running' || state.check === 'passed'
              ? state.check
              : state.check.kind
            : state.kind === 'waiting' || state.kind === 'failed'
              ? state.failure.kind
              : ''
      const shown = `${state.kind} ${detail}`.trim()
      if (states.at(-1) !== shown) states.push(shown)
    })
    await world.sshd.stop()
    await waitUntil('a try that fails', () => states.includes('waiting server-refused-connection'))
    await world.sshd.restart()
    await answersAgain(tunnel)
    const inShort = states.filter((state, index) => states.indexOf(state) === index)
    assert.deepEqual(inShort, [
      'waiting connection-lost',
      'connecting DNS',
      'connecting TCP',
      'waiting server-refused-connection',
      'connecting SSH handshake',
      'connecting host key',
      'connecting authentication',
      'connecting remote forward',
      'open running',
      'open passed',
    ])
    await tunnels.stopAll()
    assert.equal(states.at(-1), 'closed')
    await nothingIsLeft()
  })

  it('comes back when the server had frozen past the keepalive', async () => {
    await start()
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.oneUrl(watchful))
    world.sshd.freeze()
    await waitUntil('the tunnel to notice', () => tunnel.state.kind === 'waiting')
    await sleep(500)
    world.sshd.thaw()
    await answersAgain(tunnel)
    await tunnels.stopAll()
    await nothingIsLeft()
  })

  it('comes back when the path was dark for a while, with the old listener still held', async () => {
    await start(['StreamLocalBindUnlink no'])
    const tunnels = newTunnels()
    const [socket, port] = [
      await expose(tunnels, world.namedUrls(throughProxy(watchful)), 'dark'),
      await expose(tunnels, world.oneUrl(throughProxy(watchful))),
    ]
    await waitUntil('the session to be known', () => /process for this connection: \d+/.test(world.log.text))
    proxy.goDark()
    for (const tunnel of [socket, port]) {
      await waitUntil('the tunnel to notice', () => tunnel.state.kind === 'waiting')
    }
    await sleep(1500)
    assert.equal((await world.sshd.listeners()).length, 2, 'sshd still holds both')
    proxy.restore()
    for (const tunnel of [socket, port]) await answersAgain(tunnel)
    await tunnels.stopAll()
    proxy.cut()
    await nothingIsLeft()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
  })

  it('is found within seconds when the machine wakes or its network changes; a live one is kept', async () => {
    await start()
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.namedUrls(throughProxy()))
    network.fire('woke from sleep')
    await sleep(200)
    assert.equal(proxy.accepted, 1)
    assert.ok(isHealed(tunnel))
    // The keepalives would need a minute.
    proxy.swallow()
    network.fire('network changed')
    await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
    await answersAgain(tunnel)
    assert.equal(proxy.accepted, 2)

    // Dark while it is being made again: the attempt would hang for the whole of ConnectTimeout.
    proxy.goDark()
    network.fire('network changed')
    await waitUntil('an attempt that hangs', () => tunnel.state.kind === 'connecting')
    proxy.restore()
    network.fire('woke from sleep')
    await answersAgain(tunnel)
    await tunnels.stopAll()
    proxy.cut()
    await nothingIsLeft()
  })

  it('takes its warning back when the proxy is there again, and still knows that the app is not', async () => {
    await start()
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.namedUrls(throughProxy()))
    await app.close()
    assert.equal((await visit(tunnel.publicUrl!, { ca: world.ca })).status, 502)
    await world.nginx.stop()
    proxy.cut()
    const checkOf = ({ state }: Tunnel) => (state.kind === 'open' ? state.check : undefined)
    await waitUntil('the warning', () => checkOf(tunnel) instanceof Failure)
    await world.nginx.start()
    await waitUntil(stateOf(tunnel), () => isHealed(tunnel))
    assert.deepEqual(tunnel.state, { kind: 'open', appAnswers: false, check: 'passed', remarks: [] })
    await tunnels.stopAll()
    await nothingIsLeft()
  })

  it('stops with the reason when it may no longer listen, and comes back on "Retry now"', async () => {
    await start()
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.oneUrl(throughProxy()))
    const { publicKey } = world.key
    world.sshd.revoke(publicKey)
    world.sshd.authorize(publicKey, 'permitlisten="127.0.0.1:1"')
    proxy.cut()
    await waitUntil('the failure', () => tunnel.state.kind === 'failed')
    assert.equal(tunnel.state.kind === 'failed' && tunnel.state.failure.kind, 'forward-not-permitted')
    const { accepted } = proxy
    world.sshd.revoke(publicKey)
    world.sshd.authorize(publicKey)
    await sleep(300)
    assert.deepEqual([tunnel.state.kind, proxy.accepted], ['failed', accepted])
    tunnel.retryNow()
    await answersAgain(tunnel)

    world.sshd.revoke(publicKey)
    proxy.cut()
    await waitUntil('the failure', () => tunnel.state.kind === 'failed')
    world.sshd.authorize(publicKey)
    tunnel.retryNow()
    await answersAgain(tunnel)
    await tunnels.stopAll()
    await nothingIsLeft()
  })

  it('brings ten tunnels back together, on one connection', async () => {
    await start(['StreamLocalBindUnlink no'])
    const tunnels = newTunnels()
    const server = world.namedUrls(throughProxy(watchful))
    const all: Tunnel[] = []
    for (let number = 0; number < 10; number++) all.push(await expose(tunnels, server, `ten-${number}`))
    await waitUntil(
      'the socket files to be known',
      () => !world.sshd.log().endsWith('subsystem request for sftp'),
    )
    await sleep(300)
    for (const lose of [() => proxy.cut(), () => proxy.swallow()]) {
      lose()
      await waitUntil('all to notice', () => all.every((tunnel) => tunnel.state.kind !== 'open'))
      for (const tunnel of all) await answersAgain(tunnel)
    }
    assert.equal(proxy.accepted, 3)
    await tunnels.stopAll()
    proxy.cut()
    await nothingIsLeft()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
  })

  it('leaves nothing when it is stopped at any moment of its healing', async () => {
    await start()
    const tunnels = newTunnels()
    const moments = [
      'waiting',
      'connecting TCP',
      'connecting authentication',
      'connecting remote forward',
      'open',
    ]
    for (const moment of moments) {
      const tunnel = await expose(tunnels, world.oneUrl(throughProxy()))
      const stopped = new Promise<void>((resolve, reject) => {
        tunnel.onDidChange((state) => {
          const shown = state.kind === 'connecting' ? `connecting ${state.hop}` : state.kind
          if (shown === moment) tunnel.stop().then(resolve, reject)
        })
      })
      proxy.cut()
      await stopped
      assert.deepEqual(tunnel.state, { kind: 'closed' }, moment)
      await tunnels.stopAll()
      await nothingIsLeft()
    }
  })

  it('leaves nothing when it is stopped while it waits for its address', async () => {
    await start(['MaxSessions 0'])
    const tunnels = newTunnels()
    const tunnel = await expose(tunnels, world.oneUrl(throughProxy(watchful)))
    proxy.swallow()
    await waitUntil(
      'the refusal',
      () => tunnel.state.kind === 'waiting' && tunnel.state.failure.kind === 'forward-address-taken',
    )
    await tunnel.stop()
    await tunnels.stopAll()
    proxy.cut()
    await nothingIsLeft()
  })

  it('ends a tunnel whose server is frozen, and the next one finds the server as it should be', async () => {
    await start()
    const prompts = scriptedPrompts({ takeOver: () => Promise.resolve(true) })
    const tunnels = newTunnels({ prompts })
    const tunnel = await expose(tunnels, world.namedUrls())
    world.sshd.freeze()
    await tunnel.stop()
    assert.deepEqual(tunnels.all, [])
    world.sshd.thaw()
    await nothingIsLeft()

    const server = world.namedUrls(throughProxy())
    const other = await expose(tunnels, server)
    proxy.swallow()
    await other.stop()
    assert.deepEqual(prompts.asked, [])
    const next = await expose(tunnels, server)
    assert.equal(prompts.asked.length, 1, 'the lost session still answers there')
    assert.equal((await visit(next.publicUrl!, { ca: world.ca })).status, 200)
    await tunnels.stopAll()
    proxy.cut()
    await nothingIsLeft()
  })

  it('closes the connection a moment after its last tunnel, and at once with all of them', async () => {
    await start()
    const tunnels = newTunnels()
    const server = world.namedUrls(throughProxy())
    await (await expose(tunnels, server)).stop()
    const next = await expose(tunnels, server)
    assert.equal(proxy.accepted, 1, 'the login is not made again')
    await next.stop()
    assert.equal(proxy.openConnections(), 1)
    await waitUntil('the connection to be closed', () => proxy.openConnections() === 0)
    await expose(tunnels, server)
    await tunnels.stopAll()
    // Had it been kept for a moment, it would be there now.
    await sleep(500)
    assert.equal(proxy.openConnections(), 0)
    await nothingIsLeft()
  })

  it('survives 200 cuts in a row while visitors send requests', async function () {
    this.timeout(240_000)
    await start()
    // The waits between tries are a tenth as long. What an answer may take, which is longer, stays as it is.
    const after: Clock['after'] = (ms, call) => systemClock.after(ms < 2000 ? ms / 10 : ms, call)
    const hasty: Clock = { now: () => Date.now(), after }
    // A log that keeps its lines would grow.
    const tunnels = newTunnels({ clock: hasty, log: silentLog })
    const tunnel = await expose(tunnels, world.namedUrls(throughProxy()))
    const size = 30_000
    const whole = deterministicSha256(size)
    const ends = { answered: 0, refused: 0, broken: 0 }
    const visitUntil = async (isOver: () => boolean) => {
      while (!isOver()) {
        const limit = AbortSignal.timeout(20_000)
        const options = { ca: world.ca, method: 'POST', body: Buffer.alloc(size), signal: limit }
        const result = await visit(`${tunnel.publicUrl}/bytes?n=${size}`, options).catch((error: unknown) => {
          assert.ok(!limit.aborted, `a visitor waits for ever: ${String(error)}`)
        })
        if (result === undefined) ends.broken += 1
        else if (result.status === 200) {
          ends.answered += 1
          assert.equal(sha256(result.body), whole, 'what is answered is whole')
        } else {
          ends.refused += 1
          await sleep(20)
          assert.ok([502, 504].includes(result.status), String(result.status))
        }
      }
    }
    const rounds: Holdings[] = []
    for (let round = 0; round < 4; round++) {
      let isOver = false
      const visitors = Promise.all([1, 2, 3].map(() => visitUntil(() => isOver)))
      const failed = visitors.then(() => undefined).catch((error: unknown) => error)
      for (let count = 0; count < 50; count++) {
        await waitUntil(stateOf(tunnel), () => isHealed(tunnel))
        await sleep(count % 7 === 0 ? 100 : (count * 13) % 40)
        proxy.cut()
        await waitUntil('the tunnel to notice', () => tunnel.state.kind !== 'open')
      }
      await answersAgain(tunnel)
      isOver = true
      assert.equal(await failed, undefined)
      await waitUntil('the app to have no visitor', () => app.openConnections() === 0)
      await waitUntil('sshd to hold one connection', () => world.sshd.sessionCount() === 1)
      assert.equal((await world.sshd.listeners()).length, 1)
      rounds.push(await holdings())
    }
    assert.ok(ends.answered > 200, JSON.stringify(ends))
    const [first, last] = [rounds[0]!, rounds[3]!]
    assert.ok(last.heap - first.heap < 5e6, `memory grew: ${JSON.stringify(rounds)}`)
    assert.ok(last.handles <= first.handles, `handles grew: ${JSON.stringify(rounds)}`)
    await tunnels.stopAll()
    await nothingIsLeft()
    assert.deepEqual(readdirSync(world.socketDirectory), [])
  })
})

interface Holdings {
  readonly heap: number
  readonly handles: number
}

/** What this process holds, once nothing is under way and the garbage has been collected. */
async function holdings(): Promise<Holdings> {
  await sleep(500)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return { heap: process.memoryUsage().heapUsed, handles: process.getActiveResourcesInfo().length }
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}
