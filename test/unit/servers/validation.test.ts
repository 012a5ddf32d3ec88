import assert from 'node:assert/strict'
import { formatProblem, readServers } from '../../../src/servers/validation'

const good = {
  ssh: 'deploy@dev.example.com',
  bind: '/run/expose/{name}.sock',
  publicUrl: 'https://{name}.dev.example.com',
  tls: 'server',
}
const one = { ...good, bind: '127.0.0.1:8080', publicUrl: 'https://dev.example.com' }
const profileOf = (entry: unknown) => readServers({ s: entry }).profiles[0]
const ownOf = (entry: unknown) => {
  const profile = profileOf(entry)
  assert.ok(profile?.kind === 'own', JSON.stringify(readServers({ s: entry }).problems))
  return profile
}

describe('readServers', () => {
  it('reads a named profile', () => {
    assert.deepEqual(readServers({ 'my-vps': { ...good, identityFile: '~/.ssh/id' } }), {
      problems: [],
      notes: [],
      profiles: [
        {
          kind: 'own',
          id: 'my-vps',
          ssh: 'deploy@dev.example.com',
          destination: { user: 'deploy', host: 'dev.example.com' },
          bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
          publicUrl: 'https://{name}.dev.example.com',
          tls: 'server',
          proxyProtocol: false,
          identityFile: '~/.ssh/id',
        },
      ],
    })
  })

  it('takes tls for "server" where it is not written', () => {
    const { ssh, bind, publicUrl } = one
    assert.deepEqual(profileOf({ ssh, bind, publicUrl }), profileOf(one))
    assert.deepEqual(ownOf(one).bind, { kind: 'tcp', host: '127.0.0.1', firstPort: 8080, lastPort: 8080 })
    assert.equal('identityFile' in ownOf(one), false)
    assert.equal('certificate' in ownOf(one), false)
  })

  const accepted: [string, unknown][] = [
    ['a Host of ssh_config', { ...one, ssh: 'my-host' }],
    ['an ssh URI', { ...one, ssh: 'ssh://deploy@dev.example.com:2222' }],
    ['a name for the address', { ...one, bind: 'localhost:8080' }],
    ['IPv6', { ...one, bind: '[::1]:8080' }],
    ['an address of the server’s own network', { ...one, bind: '10.0.0.1:8080' }],
    ['a socket for one URL', { ...one, bind: '/run/expose/one.sock' }],
    ['a port in the URL', { ...one, publicUrl: 'https://dev.example.com:8888' }],
    ['a path in the URL', { ...one, publicUrl: 'https://dev.example.com/app/' }],
    ['a scheme in capitals', { ...good, publicUrl: 'HTTPS://{name}.dev.example.com' }],
    ['a name within a label', { ...good, publicUrl: 'https://app-{name}.dev.example.com' }],
    ['a name in both parts of the URL', { ...good, publicUrl: 'https://{name}.dev.example.com/{name}' }],
    ['a host in another script', { ...one, publicUrl: 'https://例え.example' }],
  ]
  for (const [what, entry] of accepted) {
    it(`accepts ${what}`, () => {
      assert.deepEqual(readServers({ s: entry }).problems, [])
      assert.ok(profileOf(entry))
    })
  }

  type Row = [what: string, entry: unknown, field: string | undefined, says: RegExp]
  const rows: Row[] = [
    ['a text', 'deploy@dev', undefined, /must be an object: \{ "ssh"/],
    ['a number', 1, undefined, /must be an object/],
    ['null', null, undefined, /must be an object/],
    ['true', true, undefined, /must be an object/],
    ['a list', [good], undefined, /must be an object/],
    ['an empty list', [], undefined, /must be an object/],

    ['no ssh', { ...one, ssh: undefined }, 'ssh', /is missing; write "deploy@dev\.example\.com"/],
    ['ssh that is a number', { ...one, ssh: 22 }, 'ssh', /must be a text such as/],
    ['ssh that is an object', { ...one, ssh: { host: 'dev' } }, 'ssh', /must be a text/],
    ['empty ssh', { ...one, ssh: '' }, 'ssh', /must be a text/],
    [
      'ssh with an option',
      { ...one, ssh: '-oProxyCommand=id' },
      'ssh',
      /"-oProxyCommand=id" is not a destination/,
    ],
    [
      'ssh with a hidden option',
      { ...one, ssh: 'ssh://%2DoProxyCommand=id@dev' },
      'ssh',
      /is not a destination/,
    ],
    ['ssh with a space', { ...one, ssh: 'ssh deploy@dev' }, 'ssh', /write user@host/],
    ['ssh with a bad port', { ...one, ssh: 'dev:99999' }, 'ssh', /is not a destination/],
    ['ssh of another scheme', { ...one, ssh: 'https://dev' }, 'ssh', /is not a destination/],

    ['no bind', { ...one, bind: undefined }, 'bind', /is missing; write "127\.0\.0\.1:8080"/],
    ['bind that is null', { ...one, bind: null }, 'bind', /must be a text/],
    ['empty bind', { ...one, bind: '' }, 'bind', /must be a text/],
    ['bind that is a number', { ...one, bind: 8080 }, 'bind', /must be a text/],
    [
      'bind that is a port',
      { ...one, bind: '8080' },
      'bind',
      /needs an address too; write "127\.0\.0\.1:8080"/,
    ],
    ['bind without a port', { ...one, bind: '127.0.0.1' }, 'bind', /is not an address/],
    ['bind with port 0', { ...one, bind: '127.0.0.1:0' }, 'bind', /is not an address/],
    ['bind with a port too high', { ...one, bind: '127.0.0.1:65536' }, 'bind', /is not an address/],
    ['bind without an address', { ...one, bind: ':8080' }, 'bind', /is not an address/],
    ['bind with a space', { ...one, bind: ' 127.0.0.1:8080' }, 'bind', /is not an address/],
    ['bind with a user', { ...one, bind: 'ada@127.0.0.1:8080' }, 'bind', /is not an address/],
    ['bind that is a URL', { ...one, bind: 'http://127.0.0.1:8080' }, 'bind', /is not an address/],
    ['bind that is a relative path', { ...one, bind: 'run/a.sock' }, 'bind', /is not an address/],
    ['bind in a home directory', { ...one, bind: '~/a.sock' }, 'bind', /is not an address/],
    [
      'bind that is a directory',
      { ...good, bind: '/run/expose/' },
      'bind',
      /write \/run\/expose\/\{name\}\.sock/,
    ],
    ['bind to all', { ...one, bind: '0.0.0.0:8080' }, 'bind', /would be public.*write "127\.0\.0\.1:8080"/],
    ['bind to all of IPv6', { ...one, bind: '[::]:8080' }, 'bind', /would be public/],
    ['bind to all by a star', { ...one, bind: '*:8080' }, 'bind', /would be public/],
    ['bind to all by a zero', { ...one, bind: '0:8080' }, 'bind', /would be public/],
    ['bind to all in hexadecimal', { ...one, bind: '0x0:8080' }, 'bind', /would be public/],
    ['bind to all written out', { ...one, bind: '[0:0:0:0:0:0:0:0]:8080' }, 'bind', /would be public/],
    ['bind with a name in an address', { ...good, bind: '{name}:8080' }, 'bind', /is not an address/],
    [
      'bind with an unknown placeholder',
      { ...good, bind: '/run/{port}.sock' },
      'bind',
      /\{port\} cannot be filled in/,
    ],
    ['bind with an open placeholder', { ...good, bind: '/run/{name' }, 'bind', /\{name cannot be filled in/],

    ['no publicUrl', { ...one, publicUrl: undefined }, 'publicUrl', /is missing; write "https:/],
    ['publicUrl that is a list', { ...one, publicUrl: ['https://dev'] }, 'publicUrl', /must be a text/],
    ['publicUrl without a scheme', { ...one, publicUrl: 'dev.example.com' }, 'publicUrl', /is not a URL/],
    [
      'publicUrl without slashes',
      { ...one, publicUrl: 'https:dev.example.com' },
      'publicUrl',
      /is not a URL/,
    ],
    ['publicUrl without a host', { ...one, publicUrl: 'https://' }, 'publicUrl', /is not a URL/],
    [
      'publicUrl with spaces around',
      { ...one, publicUrl: ' https://dev.example.com ' },
      'publicUrl',
      /is not a URL/,
    ],
    [
      'publicUrl with a line break',
      { ...one, publicUrl: 'https://dev.example.com/\n' },
      'publicUrl',
      /is not a URL/,
    ],
    [
      'publicUrl of http',
      { ...one, publicUrl: 'http://dev.example.com' },
      'publicUrl',
      /must begin with https:/,
    ],
    ['publicUrl of javascript', { ...one, publicUrl: 'javascript:alert(1)' }, 'publicUrl', /is not a URL/],
    ['publicUrl of command', { ...one, publicUrl: 'command:x' }, 'publicUrl', /is not a URL/],
    [
      'publicUrl with a user',
      { ...one, publicUrl: 'https://ada@dev.example.com' },
      'publicUrl',
      /may hold no user/,
    ],
    [
      'publicUrl with a password alone',
      { ...one, publicUrl: 'https://:p@dev.example.com' },
      'publicUrl',
      /may hold no/,
    ],
    [
      'publicUrl with a query',
      { ...one, publicUrl: 'https://dev.example.com/?a=1' },
      'publicUrl',
      /may hold no/,
    ],
    [
      'publicUrl with a fragment',
      { ...one, publicUrl: 'https://dev.example.com/#a' },
      'publicUrl',
      /may hold no/,
    ],
    [
      'a name in the path alone',
      { ...good, publicUrl: 'https://dev.example.com/{name}' },
      'publicUrl',
      /in the host name/,
    ],
    [
      'a name that one address cannot tell apart',
      { ...one, publicUrl: good.publicUrl },
      'publicUrl',
      /\{name\} needs a "bind" with/,
    ],
    ['a name that the URL lacks', { ...good, publicUrl: one.publicUrl }, 'publicUrl', /must hold \{name\}/],
    ['a name as port', { ...good, publicUrl: 'https://dev.example.com:{name}' }, 'publicUrl', /is not a URL/],

    [
      'tls that does not exist',
      { ...one, tls: 'Server' },
      'tls',
      /must be "server", "here", "app" or "none"/,
    ],
    ['tls that is true', { ...one, tls: true }, 'tls', /must be "server", "here", "app" or "none"/],

    [
      'identityFile that is a list',
      { ...one, identityFile: ['a'] },
      'identityFile',
      /must be a text such as "~\/\.ssh/,
    ],
    ['empty identityFile', { ...one, identityFile: '' }, 'identityFile', /must be a text/],

    ['identityFile with a line break', { ...one, identityFile: 'a\nb' }, 'identityFile', /must be a path/],

    ['an unknown field', { ...one, hostname: 'x' }, 'hostname', /is not a field; the fields are ssh, bind/],
    ['a field in capitals', { ...one, SSH: 'x' }, 'SSH', /is not a field/],
    ['a field called toString', { ...one, toString: 'x' }, 'toString', /is not a field/],
    ['a field called constructor', { ...one, constructor: 'x' }, 'constructor', /is not a field/],
    [
      'a field called __proto__',
      JSON.parse(`{"__proto__":{"ssh":"a"},"bind":"x"}`),
      '__proto__',
      /is not a field/,
    ],
  ]
  for (const [what, entry, field, says] of rows) {
    it(`names the place of ${what}, and the others keep working`, () => {
      const { profiles, problems } = readServers({ before: good, wrong: entry, after: one })
      assert.deepEqual(
        profiles.map((profile) => profile.id),
        ['before', 'after'],
      )
      assert.ok(problems.every((problem) => problem.server === 'wrong'))
      const problem = problems.find((each) => each.field === field)
      assert.ok(problem, JSON.stringify(problems))
      assert.match(problem.message, says)
      const place = field === undefined ? '' : ` › "${field}"`
      assert.ok(formatProblem(problem).startsWith(`exposePort.servers › "wrong"${place}: `))
    })
  }

  it('asks for a name where a server has none', () => {
    const { profiles, problems } = readServers({ '': one, named: one })
    assert.deepEqual(
      profiles.map((profile) => profile.id),
      ['named'],
    )
    assert.match(
      formatProblem(problems[0]!),
      /^exposePort\.servers: a server needs a name; write "my-server"/,
    )
  })

  it('takes nothing that a prototype lends', () => {
    const lent = readServers(JSON.parse(`{"s":{"__proto__":${JSON.stringify(one)}}}`))
    assert.deepEqual(lent.profiles, [])
    assert.deepEqual(
      lent.problems.map((problem) => problem.field),
      ['__proto__', 'ssh'],
    )
    assert.equal(({} as Record<string, unknown>)['ssh'], undefined)
  })

  it('reads a server that is called __proto__ or constructor', () => {
    const { profiles } = readServers(
      JSON.parse(`{"__proto__":${JSON.stringify(one)},"constructor":${JSON.stringify(one)}}`),
    )
    assert.deepEqual(
      profiles.map((profile) => profile.id),
      ['__proto__', 'constructor'],
    )
  })

  it('names every problem of a server at once', () => {
    const { problems } = readServers({
      s: { ssh: '-x', bind: '8080', publicUrl: 'dev', tls: 'nowhere', extra: 1 },
    })
    assert.deepEqual(problems.map((problem) => problem.field).sort(), [
      'bind',
      'extra',
      'publicUrl',
      'ssh',
      'tls',
    ])
    assert.deepEqual(
      readServers({ s: {} }).problems.map((problem) => problem.field),
      ['ssh'],
    )
  })

  it('comes to an end with very long values, and does not repeat them', () => {
    const long = 1_000_000
    const texts = ['a', '{', '/', ':', '@', '[', ' ', '{name}', '{1', '{1-2}', 'https://'].map((text) =>
      text.repeat(long / text.length),
    )
    for (const text of texts) {
      for (const field of ['ssh', 'bind', 'publicUrl', 'identityFile', 'tls', 'other']) {
        for (const problem of readServers({ s: { ...good, [field]: text } }).problems) {
          assert.ok(problem.message.length < 400, `${field} ${text.slice(0, 8)}: ${problem.message.length}`)
        }
      }
    }
  })

  const whole: [string, unknown, number][] = [
    ['nothing', undefined, 0],
    ['null', null, 0],
    ['an empty object', {}, 0],
    ['a list', [good], 1],
    ['a text', 'deploy@dev', 1],
    ['a number', 3, 1],
    ['false', false, 1],
  ]
  for (const [what, value, problems] of whole) {
    it(`reads a setting that is ${what} without a server`, () => {
      const result = readServers(value)
      assert.deepEqual(result.profiles, [])
      assert.equal(result.problems.length, problems)
      for (const problem of result.problems)
        assert.match(formatProblem(problem), /^exposePort\.servers: must be an object/)
    })
  }
})
