import assert from 'node:assert/strict'
import { silentLog } from '../../../src/base/log'
import {
  fillIn,
  formatBind,
  isNamed,
  isPublicBind,
  portsOf,
  type OwnProfile,
  type TcpBind,
} from '../../../src/servers/profile'
import { configuredServer } from '../../../src/servers/server'
import { expandHome } from '../../../src/ssh/sshConfig'

const profile = (changes: Partial<OwnProfile> = {}): OwnProfile => ({
  kind: 'own',
  id: 'my-vps',
  ssh: 'ada@dev.example.com',
  destination: { user: 'ada', host: 'dev.example.com' },
  bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
  publicUrl: 'https://{name}.dev.example.com',
  tls: 'server',
  proxyProtocol: false,
  ...changes,
})

const tcp = (host: string, firstPort: number, lastPort = firstPort): TcpBind => ({
  kind: 'tcp',
  host,
  firstPort,
  lastPort,
})

describe('fillIn', () => {
  const name = 'my-app-3000'

  it('puts the name into the socket and the URL, wherever it stands', () => {
    const doubled = profile({
      bind: { kind: 'unix', path: '/run/{name}/{name}.sock' },
      publicUrl: 'https://{name}.dev.example.com/{name}',
    })
    assert.deepEqual(fillIn(doubled, { name }), {
      bind: { kind: 'unix', path: '/run/my-app-3000/my-app-3000.sock' },
      publicUrl: 'https://my-app-3000.dev.example.com/my-app-3000',
      tls: 'server',
      proxyProtocol: false,
    })
  })

  it('leaves an address as it is', () => {
    const one = profile({ bind: tcp('127.0.0.1', 8080), publicUrl: 'https://dev.example.com' })
    const { bind, publicUrl } = fillIn(one, { name })
    assert.deepEqual(bind, { kind: 'tcp', host: '127.0.0.1', port: 8080 })
    assert.equal(publicUrl, 'https://dev.example.com')
  })

  it('takes the first port of a range, or the one that was free, for both', () => {
    const ranged = profile({
      bind: tcp('127.0.0.1', 20000, 20099),
      publicUrl: 'https://p{port}.dev.example.com',
    })
    const first = fillIn(ranged, { name })
    assert.deepEqual(first.bind, { kind: 'tcp', host: '127.0.0.1', port: 20000 })
    assert.equal(first.publicUrl, 'https://p20000.dev.example.com')
    const free = fillIn(ranged, { name, port: 20042 })
    assert.deepEqual(free.bind, { kind: 'tcp', host: '127.0.0.1', port: 20042 })
    assert.equal(free.publicUrl, 'https://p20042.dev.example.com')
  })

  it('hands on where HTTPS ends, and with which certificate', () => {
    const here = profile({ tls: 'here', certificate: 'acme', proxyProtocol: true })
    const { tls, certificate, proxyProtocol } = fillIn(here, { name })
    assert.deepEqual(
      { tls, certificate, proxyProtocol },
      {
        tls: 'here',
        certificate: 'acme',
        proxyProtocol: true,
      },
    )
  })

  it('takes the 107 bytes of a unix socket’s path, and no more, counted as bytes', () => {
    const path = (text: string) => profile({ bind: { kind: 'unix', path: text } })
    assert.ok(fillIn(path(`/${'x'.repeat(100)}/{name}`), { name: 'n'.repeat(5) }))
    for (const [text, long] of [
      [`/${'x'.repeat(100)}/{name}`, 'n'.repeat(6)],
      [`/${'é'.repeat(54)}`, 'n'],
    ] as const) {
      assert.throws(() => fillIn(path(text), { name: long }), {
        kind: 'socket-path-too-long',
        hop: 'settings',
        canHeal: false,
        advice: /"my-vps"/,
      })
    }
  })
})

describe('isNamed', () => {
  it('is so when each tunnel has a URL of its own', () => {
    assert.equal(isNamed(profile()), true)
    assert.equal(isNamed(profile({ publicUrl: 'https://dev.example.com' })), false)
    assert.equal(isNamed(profile({ publicUrl: 'tcp://dev.example.com:{port}' })), true)
  })
})

describe('portsOf', () => {
  it('counts both ends of a range, in order', () => {
    assert.deepEqual(portsOf(tcp('127.0.0.1', 20000, 20002)), [20000, 20001, 20002])
    assert.deepEqual(portsOf(tcp('127.0.0.1', 8080)), [8080])
    assert.deepEqual(portsOf({ kind: 'unix', path: '/run/a.sock' }), [])
  })
})

describe('formatBind', () => {
  const rows: [OwnProfile['bind'], string][] = [
    [tcp('127.0.0.1', 8080), '127.0.0.1:8080'],
    [tcp('0.0.0.0', 20000, 20099), '0.0.0.0:{20000-20099}'],
    [tcp('::', 20000, 20099), '[::]:{20000-20099}'],
    [{ kind: 'unix', path: '/run/expose/{name}.sock' }, '/run/expose/{name}.sock'],
  ]
  for (const [bind, text] of rows) {
    it(`writes ${text} as it stands in the settings`, () => assert.equal(formatBind(bind), text))
  }
})

describe('isPublicBind', () => {
  const rows: [host: string, isPublic: boolean][] = [
    ['127.0.0.1', false],
    ['127.1.2.3', false],
    ['localhost', false],
    ['::1', false],
    ['0.0.0.0', true],
    ['::', true],
    ['*', true],
    ['10.0.0.1', true],
    ['dev.example.com', true],
  ]
  for (const [host, isPublic] of rows) {
    it(`says that ${host} is ${isPublic ? '' : 'not '}reached from elsewhere`, () =>
      assert.equal(isPublicBind(tcp(host, 8080)), isPublic))
  }
  it('says that no socket is', () => assert.equal(isPublicBind({ kind: 'unix', path: '/a' }), false))
})

describe('configuredServer', () => {
  it('offers only the key that the profile names', async () => {
    const settings = await configuredServer(profile({ identityFile: '~/.ssh/the one' }), silentLog).settings()
    assert.deepEqual(settings.identityFiles, [expandHome('~/.ssh/the one')])
    assert.equal(settings.identitiesOnly, true)
    assert.equal(settings.user, 'ada')
  })

  it('leaves the keys to ssh_config where the profile names none', async () => {
    const settings = await configuredServer(profile(), silentLog).settings()
    assert.equal(settings.hostName, 'dev.example.com')
    assert.notDeepEqual(settings.identityFiles, [])
  })
})
