import assert from 'node:assert/strict'
import { tunnelName } from '../../../../src/servers/name'
import { longestNameIn } from '../../../../src/servers/nameRoom'
import { fillIn, isPublicBind, portsOf, type OwnProfile } from '../../../../src/servers/profile'
import { isOpenToAll } from '../../../../src/servers/reach'
import { formatProblem, readServers } from '../../../../src/servers/validation'
import { random, type Random } from '../random'

describe('readServers, whatever it is given', () => {
  it('never throws, and says of each server either what it is or what is wrong', () => {
    const pick = random(1)
    for (let round = 0; round < 2000; round++) {
      const value = anyJson(pick, 3)
      const { profiles, problems } = readServers(value)
      const wrong = new Set(problems.map((problem) => problem.server))
      for (const problem of problems) assert.ok(formatProblem(problem).length < 1000)
      if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
      const ids = [...profiles.map((profile) => profile.id), ...wrong]
      assert.deepEqual(ids.sort(), Object.keys(value).sort())
    }
  })

  it('takes no server of one’s own that cannot be filled in, or that is public in a way it does not say', () => {
    const pick = random(2)
    let accepted = 0
    for (let round = 0; round < 8000; round++) {
      const entry = anyServer(pick)
      const { profiles, problems } = readServers({ s: entry })
      assert.equal(profiles.length, problems.length === 0 ? 1 : 0, JSON.stringify(entry))
      const [profile] = profiles
      if (profile?.kind !== 'own') continue
      accepted++
      holds(profile, JSON.stringify(entry))
    }
    // Otherwise nothing has been looked at.
    assert.ok(accepted > 300, String(accepted))
  })
})

function holds(profile: OwnProfile, what: string): void {
  const { bind, tls } = profile
  const room = longestNameIn(profile)
  const ports = portsOf(bind)
  const tunnels = [
    { name: 'a', port: ports[0] },
    {
      name: tunnelName('a-folder-with-a-name-that-is-long-enough-to-be-shortened', 65535, room),
      port: ports.at(-1),
    },
    { name: 'n'.repeat(room), port: ports.at(-1) },
  ]
  const ways = tunnels.map(({ name, port }) =>
    fillIn(profile, port === undefined ? { name } : { name, port }),
  )
  for (const way of ways) {
    assert.doesNotMatch(way.publicUrl, /[{}\s]/, what)
    const url = new URL(way.publicUrl)
    assert.ok(url.host !== '' && url.username === '' && url.search === '' && url.hash === '', what)
    if (!url.hostname.startsWith('['))
      for (const label of url.hostname.split('.')) assert.match(label, label63, what)
    assert.ok(url.hostname.length <= 253, what)
    if (way.bind.kind === 'unix') assert.match(way.bind.path, /^\/[^{}\0]*[^{}\0/]$/, what)
    else assert.ok(way.bind.port >= 1 && way.bind.port <= 65535, what)
    assert.equal(url.protocol === 'https:', tls !== 'none', what)
    if (url.protocol === 'tcp:') assert.notEqual(url.port, '', what)
  }
  assert.ok(ports.length <= 1000, what)
  // Two tunnels never get one URL with two addresses, nor one address with two URLs.
  const addresses = new Set(ways.map((way) => JSON.stringify(way.bind))).size
  const urls = new Set(ways.map((way) => way.publicUrl)).size
  if (ports.length !== 1) assert.equal(addresses, urls, what)
  if (tls === 'server') assert.ok(bind.kind === 'unix' || !isOpenToAll(bind.host), what)
  if (profile.proxyProtocol)
    assert.ok(tls === 'here' && !(isPublicBind(bind) && isOpenToAll(hostOf(bind))), what)
  assert.equal(profile.certificate !== undefined, tls === 'here', what)
}

const label63 = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

function hostOf(bind: OwnProfile['bind']): string {
  return bind.kind === 'tcp' ? bind.host : ''
}

const fields = [
  'ssh',
  'bind',
  'publicUrl',
  'tls',
  'certificate',
  'proxyProtocol',
  'identityFile',
  'service',
  'domain',
]
const words = [
  ...[
    'server',
    'here',
    'app',
    'none',
    'acme',
    'sish',
    'pinggy',
    'a@b',
    '127.0.0.1:1',
    '/a',
    'https://a.b',
    '',
  ],
  ...[
    '{name}',
    '{port}',
    '__proto__',
    'constructor',
    'toString',
    'x',
    '\0',
    '\ud800',
    '🚀',
    'https://',
    '[::]:1',
  ],
]

function anyJson(pick: Random, depth: number): unknown {
  const kinds = depth === 0 ? 4 : 7
  switch (pick.below(kinds)) {
    case 0:
      return pick.from(words)
    case 1:
      return pick.from([0, 1, -1, 1.5, 1e99])
    case 2:
      return pick.from([true, false, null] as const)
    case 3:
      return pick.from(words) + pick.from(words)
    case 4:
      return Array.from({ length: pick.below(3) }, () => anyJson(pick, depth - 1))
    default: {
      const keys = Array.from({ length: pick.below(6) }, () =>
        pick.from(pick.below(2) === 0 ? fields : words),
      )
      // As a parser makes it: `__proto__` is a key like any other.
      const pairs = [...new Set(keys)].map(
        (key) => `${JSON.stringify(key)}:${JSON.stringify(anyJson(pick, depth - 1))}`,
      )
      return JSON.parse(`{${pairs.join(',')}}`)
    }
  }
}

/** Near enough to a right one that a part of them is: each choice is mostly an ordinary one. */
function anyServer(pick: Random): Record<string, unknown> {
  const mostly = (usual: readonly string[], odd: readonly string[]) =>
    pick.from(pick.below(6) === 0 ? odd : usual)
  const long = (text: string, most: number) => text.repeat(pick.below(most))
  const host = mostly(
    ['127.0.0.1', '0.0.0.0', '[::]', '10.0.0.1'],
    ['*', 'localhost', '0', '[::1]', '203.0.113.5'],
  )
  const port = mostly(
    ['8080', '{20000-20099}', '443'],
    ['{20000-20001}', '0', '{1-1001}', '{1-1000}', '{5-5}'],
  )
  const name = mostly(['{name}', 'app-{name}'], [`${long('a', 64)}{name}`, '{name}-{name}', 'x', ''])
  const label = mostly([name, 'p{port}', 'dev'], ['Dev', 'büro', long('a', 66), '{name}.{name}', '*'])
  const domain = mostly(['example.com'], ['localhost', 'a_b.example', 'a.', `${long('abcdefg.', 33)}com`])
  const publicHost = mostly([`${label}.${domain}`], ['[::1]', '192.0.2.1'])
  const publicPort = mostly(['', ':8888', ':{port}'], [':0', ':65536', ':'])
  const path = mostly([''], ['/', '/app', '/{name}', '/{port}', '?a', '#a'])
  const scheme = mostly(['https', 'https', 'http', 'tcp'], ['HTTPS', 'ftp'])
  const folder = mostly(['/run/expose'], [`/${long('d', 110)}`, 'run', ''])
  return {
    ssh: mostly(['deploy@dev.example.com'], ['dev', 'a b']),
    bind: pick.from([`${host}:${port}`, `${folder}/${name}.sock`]),
    publicUrl: `${scheme}://${publicHost}${publicPort}${path}`,
    tls: pick.from(['server', 'here', 'app', 'none']),
    ...pick.from([{}, {}, {}, { certificate: 'acme' }, { certificate: { key: '/k', cert: '/c' } }]),
    ...pick.from([{}, {}, {}, { proxyProtocol: true }, { proxyProtocol: false }]),
  }
}
