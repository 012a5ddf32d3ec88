import assert from 'node:assert/strict'
import { serviceNames } from '../../../../src/servers/profile'
import { readServers } from '../../../../src/servers/validation'

describe('a gateway', () => {
  it('needs nothing but a way to log in', () => {
    assert.deepEqual(readServers({ gate: { ssh: 'expose@dev.example.com', identityFile: '~/.ssh/id' } }), {
      profiles: [
        {
          kind: 'gateway',
          id: 'gate',
          ssh: 'expose@dev.example.com',
          destination: { user: 'expose', host: 'dev.example.com' },
          identityFile: '~/.ssh/id',
        },
      ],
      problems: [],
      notes: [],
    })
  })

  const halves: [what: string, entry: object, field: string, says: RegExp][] = [
    [
      'where sshd listens, and not the URL',
      { bind: '127.0.0.1:1' },
      'publicUrl',
      /^is missing; write "https:/,
    ],
    ['the URL, and not where sshd listens', { publicUrl: 'https://a.b' }, 'bind', /^is missing; write "127/],
    [
      'where HTTPS ends, and nothing to end',
      { tls: 'server' },
      'tls',
      /^needs "bind" and "publicUrl" beside it/,
    ],
    ['a certificate for nothing', { certificate: 'acme' }, 'certificate', /^needs "bind" and "publicUrl"/],
    ['a domain of its own', { domain: 'a.b' }, 'domain', /^works with a "service" only/],
    ['a header before nothing', { proxyProtocol: true }, 'proxyProtocol', /^needs "bind" and "publicUrl"/],
  ]
  for (const [what, entry, field, says] of halves) {
    it(`is not what says ${what}`, () => {
      const { profiles, problems } = readServers({ s: { ssh: 'a@b', ...entry } })
      assert.deepEqual(profiles, [])
      assert.deepEqual(
        problems.map((problem) => problem.field),
        [field],
      )
      assert.match(problems[0]!.message, says)
    })
  }
})

describe('a tunnel service', () => {
  const serviceOf = (entry: object) => {
    const { profiles, problems } = readServers({ s: entry })
    assert.deepEqual(problems, [])
    const [profile] = profiles
    assert.ok(profile?.kind === 'service')
    return profile
  }

  for (const service of serviceNames.filter((name) => name !== 'sish')) {
    it(`may be ${service}, which knows where to log in`, () => {
      const profile = serviceOf({ service })
      assert.equal(profile.service, service)
      assert.match(profile.destination.host, /\.(run|io|net|sh|com|org)$/)
      assert.ok(profile.ssh.includes(profile.destination.host))
    })
  }

  it('may be a sish of one’s own', () => {
    const profile = serviceOf({ service: { sish: 'My.Sish.Host' } })
    assert.deepEqual([profile.service, profile.destination], ['sish', { host: 'My.Sish.Host' }])
    assert.equal(profile.domain?.toLowerCase(), 'my.sish.host')
    const me = serviceOf({ service: { sish: 'me@my.sish.host:2222' } })
    assert.deepEqual(me.destination, { user: 'me', host: 'my.sish.host', port: 2222 })
    assert.equal(me.domain, 'my.sish.host')
  })

  it('lets the user say whom to log in as, and where', () => {
    const pro = serviceOf({ service: 'pinggy', ssh: 'token@pro.pinggy.io:443', identityFile: '~/.ssh/id' })
    assert.deepEqual(pro.destination, { user: 'token', host: 'pro.pinggy.io', port: 443 })
    assert.equal(pro.identityFile, '~/.ssh/id')
    const sish = serviceOf({ service: { sish: 'my.sish.host' }, ssh: 'ada@10.0.0.1:2222' })
    assert.deepEqual(sish.destination, { user: 'ada', host: '10.0.0.1', port: 2222 })
    assert.equal(sish.domain, 'my.sish.host')
  })

  it('takes a domain that the user has there', () => {
    assert.equal(serviceOf({ service: 'ngrok', domain: 'Bot.ngrok.app' }).domain, 'bot.ngrok.app')
    assert.equal(serviceOf({ service: { sish: 'ssh.sish.host' }, domain: 'sish.host' }).domain, 'sish.host')
    assert.equal('domain' in serviceOf({ service: 'ngrok' }), false)
  })

  const mustBe =
    'must be "localhost.run", "pinggy", "serveo", "tuns.sh", "ngrok" or { "sish": "my.sish.host" }'
  const refused: [what: string, entry: object, field: string, says: string][] = [
    ['one that does not exist', { service: 'localtunnel' }, 'service', mustBe],
    ['one in capitals', { service: 'Pinggy' }, 'service', mustBe],
    ['sish without a host', { service: 'sish' }, 'service', mustBe],
    ['an empty text', { service: '' }, 'service', mustBe],
    ['null', { service: null }, 'service', mustBe],
    ['a list', { service: ['pinggy'] }, 'service', mustBe],
    ['an empty object', { service: {} }, 'service', mustBe],
    ['two at once', { service: { sish: 'a.b', pinggy: 'c' } }, 'service', mustBe],
    ['a host that is a number', { service: { sish: 1 } }, 'service', mustBe],
    ['a host that is an option', { service: { sish: '-oProxyCommand=id' } }, 'service', 'is not a host;'],
    ['a host that is empty', { service: { sish: '' } }, 'service', 'is not a host;'],
    ['a host of labels without letters', { service: { sish: 'a..b' } }, 'service', 'is not a host;'],
    ['a destination that is an option', { service: 'pinggy', ssh: '-x' }, 'ssh', 'is not a destination'],
    ['a destination that is empty', { service: 'pinggy', ssh: '' }, 'ssh', 'must be a text'],
    [
      'a URL of one’s own',
      { service: 'pinggy', publicUrl: 'https://a.b' },
      'publicUrl',
      'is decided by the "service"',
    ],
    ['an address of one’s own', { service: 'pinggy', bind: 3 }, 'bind', 'is decided by the "service"'],
    [
      'an end of HTTPS',
      { service: 'pinggy', tls: 'nonsense' },
      'tls',
      'is decided by the "service"; remove one of the two',
    ],
    [
      'a certificate',
      { service: 'pinggy', certificate: 'acme' },
      'certificate',
      'is decided by the "service"',
    ],
    ['a header', { service: 'pinggy', proxyProtocol: false }, 'proxyProtocol', 'is decided by the "service"'],
    [
      'a domain that is a URL',
      { service: 'ngrok', domain: 'https://a.b' },
      'domain',
      'must be a host name such as',
    ],
    ['a domain that is empty', { service: 'ngrok', domain: '' }, 'domain', 'must be a text'],
    ['a field that does not exist', { service: 'pinggy', token: 'x' }, 'token', 'is not a field'],
  ]
  for (const [what, entry, field, says] of refused) {
    it(`is not ${what}`, () => {
      const { profiles, problems } = readServers({ s: entry })
      assert.deepEqual(profiles, [])
      assert.deepEqual(
        problems.map((problem) => problem.field),
        [field],
        JSON.stringify(problems),
      )
      assert.ok(problems[0]?.message.includes(says), problems[0]?.message)
    })
  }

  it('does not repeat a name that is very long', () => {
    for (const service of ['a'.repeat(1e6), { sish: 'a'.repeat(1e6) }, { sish: 'a.'.repeat(1e5) }]) {
      for (const { message } of readServers({ s: { service } }).problems) assert.ok(message.length < 400)
    }
  })
})
