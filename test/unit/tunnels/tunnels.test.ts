import assert from 'node:assert/strict'
import { Failure } from '../../../src/base/failure'
import { silentLog } from '../../../src/base/log'
import { Redactor } from '../../../src/base/redactor'
import type { Bind, OwnProfile, ServerProfile } from '../../../src/servers/profile'
import { secretsOf } from '../../../src/servers/services/secrets'
import { readServers } from '../../../src/servers/validation'
import type { TunnelMemory } from '../../../src/tunnels/rememberedAddresses'
import { Tunnels } from '../../../src/tunnels/tunnels'
import { FakeClock } from '../../support/fakeClock'
import { scriptedPrompts } from '../../support/scriptedPrompts'

describe('Tunnels.expectedUrl', () => {
  const reached = { id: 'vps', ssh: 'me@vps', destination: { host: 'vps', user: 'me' } }
  const own = (bind: Bind, publicUrl: string): OwnProfile => ({
    kind: 'own',
    ...reached,
    bind,
    publicUrl,
    tls: 'server',
    proxyProtocol: false,
  })
  const ports = (firstPort: number, lastPort = firstPort): Bind => ({
    kind: 'tcp',
    host: '127.0.0.1',
    firstPort,
    lastPort,
  })
  const range = own(ports(20_000, 20_099), 'https://p{port}.dev.example.com')

  function expected(
    profile: ServerProfile,
    remembered: Readonly<Record<string, unknown>> = {},
  ): string | undefined {
    const memory: TunnelMemory = { get: (key) => remembered[key], update: () => Promise.resolve() }
    const tunnels = new Tunnels({
      prompts: scriptedPrompts(),
      clock: new FakeClock(),
      log: silentLog,
      memory,
    })
    try {
      return tunnels.expectedUrl(profile, 'my-app-3000')
    } finally {
      tunnels.dispose()
    }
  }

  const rows: [
    what: string,
    profile: ServerProfile,
    remembered: Record<string, unknown>,
    url: string | undefined,
  ][] = [
    ['one URL', own(ports(8080), 'https://dev.example.com:8888'), {}, 'https://dev.example.com:8888'],
    [
      'a name',
      own({ kind: 'unix', path: '/run/expose/{name}.sock' }, 'https://{name}.dev.example.com'),
      {},
      'https://my-app-3000.dev.example.com',
    ],
    ['a range: its first port', range, {}, 'https://p20000.dev.example.com'],
    [
      'a range: the port it had last time',
      range,
      { 'port vps my-app-3000': 20_042 },
      'https://p20042.dev.example.com',
    ],
    [
      'a range: not that of another name',
      range,
      { 'port vps other-3000': 20_042 },
      'https://p20000.dev.example.com',
    ],
    [
      'a range that no longer has that port',
      range,
      { 'port vps my-app-3000': 30_000 },
      'https://p20000.dev.example.com',
    ],
    [
      'one port, that was a range before',
      own(ports(8080), 'https://dev.example.com:{port}'),
      { 'port vps my-app-3000': 20_042 },
      'https://dev.example.com:8080',
    ],
    [
      'a range: nonsense in the memory',
      range,
      { 'port vps my-app-3000': '20042' },
      'https://p20000.dev.example.com',
    ],
    ['a gateway that was never heard', { kind: 'gateway', ...reached }, {}, undefined],
    [
      'a gateway that was heard',
      { kind: 'gateway', ...reached },
      { 'gateway vps me@vps': 'https://{name}.dev.example.com' },
      'https://my-app-3000.dev.example.com',
    ],
    [
      'a gateway: what another said that had its name in the settings before',
      { kind: 'gateway', ...reached },
      { 'gateway vps me@former': 'https://{name}.dev.example.com' },
      undefined,
    ],
    [
      'a gateway: nonsense in the memory',
      { kind: 'gateway', ...reached },
      { 'gateway vps me@vps': { url: 'https://{name}.dev.example.com' } },
      undefined,
    ],
    ['a service', { kind: 'service', ...reached, service: 'localhost.run' }, {}, undefined],
  ]
  for (const [what, profile, remembered, url] of rows) {
    it(`${what}: ${url ?? 'not known yet'}`, () => {
      assert.equal(expected(profile, remembered), url)
    })
  }

  it('says which directory is too long', () => {
    const bind: Bind = { kind: 'unix', path: `/${'d'.repeat(100)}/{name}.sock` }
    assert.throws(() => expected(own(bind, 'https://{name}.dev.example.com')), {
      kind: 'socket-path-too-long',
    })
  })
})

describe('Tunnels.lastRefusal', () => {
  it('tells why nothing could be opened through a server, and says so by the event', async () => {
    const { profiles } = readServers({
      vps: { ssh: 'me@vps', bind: '127.0.0.1:8080', publicUrl: 'https://dev.example.com' },
    })
    const [profile] = profiles
    assert.ok(profile)
    const tunnels = new Tunnels({ prompts: scriptedPrompts(), clock: new FakeClock(), log: silentLog })
    const failure = new Failure({ kind: 'k', hop: 'settings', message: 'm', advice: 'a', canHeal: false })
    const told: unknown[] = []
    tunnels.onDidChange((all) => told.push([all.length, tunnels.lastRefusal('vps')]))
    const opening = tunnels.open({
      app: { host: 'localhost', port: 3000, protocol: 'http' },
      server: { profile, settings: () => Promise.reject(failure) },
      name: 'my-app-3000',
      signal: new AbortController().signal,
    })
    assert.equal(tunnels.lastRefusal('vps'), undefined)
    await assert.rejects(opening, failure)
    assert.deepEqual(told.at(-1), [0, failure])
    assert.equal(tunnels.lastRefusal('other'), undefined)
    tunnels.dispose()
  })
})

describe('the token in a profile', () => {
  const pinggy = (ssh: string): ServerProfile => {
    const [profile] = readServers({ free: { service: 'pinggy', ssh } }).profiles
    assert.ok(profile)
    return profile
  }

  it('does not come out in the log, once the service is logged in to', async () => {
    const redactor = new Redactor()
    const tunnels = new Tunnels({
      prompts: scriptedPrompts(),
      clock: new FakeClock(),
      log: silentLog,
      redactor,
    })
    const server = {
      profile: pinggy('s3cretT0ken+force@pro.pinggy.io'),
      settings: () => Promise.reject(new Error('the network is down')),
    }
    const { signal } = new AbortController()
    await assert.rejects(tunnels.connect(server, { signal, onHop: () => undefined }))
    const line = redactor.redact('connected to s3cretT0ken+force@pro.pinggy.io by http')
    assert.equal(line, 'connected to •••+force@pro.pinggy.io by http')
    tunnels.dispose()
  })

  it('is nothing but the token', () => {
    assert.deepEqual(secretsOf(pinggy('http@a.pinggy.io')), [])
    assert.deepEqual(secretsOf(pinggy('tlstcp+s3cretT0ken+force@a.pinggy.io')), ['s3cretT0ken'])
    const [plain] = readServers({ own: { ssh: 'a-long-name@dev.example.com' } }).profiles
    assert.deepEqual(plain && secretsOf(plain), [])
  })
})
