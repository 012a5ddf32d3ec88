import assert from 'node:assert/strict'
import { formatBind } from '../../../../src/servers/profile'
import { readServers } from '../../../../src/servers/validation'

const read = (entry: object) => readServers({ s: { ssh: 'deploy@dev.example.com', ...entry } })

describe('the ways of being public', () => {
  type Row = [what: string, bind: string, publicUrl: string, tls: string]
  const rows: Row[] = [
    ['nginx in front of one port', '127.0.0.1:8080', 'https://dev.example.com:8888', 'server'],
    ['named URLs', '/run/expose/{name}.sock', 'https://{name}.dev.example.com', 'server'],
    ['numbered names', '127.0.0.1:{20000-20099}', 'https://p{port}.dev.example.com', 'server'],
    ['a public port, the app speaks HTTPS', '0.0.0.0:8888', 'https://dev.example.com:8888', 'app'],
    ['a public port, HTTPS ended here', '0.0.0.0:443', 'https://dev.example.com', 'here'],
    ['TLS passed through by name', '/run/expose/{name}.sock', 'https://{name}.e2e.example.com', 'here'],
    ['plain TCP', '0.0.0.0:{20000-20099}', 'tcp://dev.example.com:{port}', 'none'],

    ['plain TCP at one port', '0.0.0.0:5432', 'tcp://dev.example.com:5432', 'none'],
    ['plain TCP behind a proxy', '/run/expose/db.sock', 'tcp://dev.example.com:5432', 'none'],
    ['plain HTTP, written knowingly', '0.0.0.0:8080', 'http://dev.example.com:8080', 'none'],
    ['plain HTTP by name in an own network', '/run/expose/{name}.sock', 'http://{name}.lan', 'none'],
    ['a range, each with HTTPS of the app', '*:{20000-20099}', 'https://dev.example.com:{port}', 'app'],
    ['the app’s HTTPS passed through by name', '/run/{name}.sock', 'https://{name}.example.com', 'app'],
    ['TLS passed through to loopback', '127.0.0.1:8443', 'https://dev.example.com', 'here'],
    ['HTTPS ended here for a name of no DNS', '0.0.0.0:443', 'https://dev.localhost', 'here'],
    ['a proxy on another machine of its network', '10.0.0.1:8080', 'https://dev.example.com', 'server'],
    ['one port in a URL with {port}', '127.0.0.1:8080', 'https://p{port}.dev.example.com', 'server'],
  ]
  for (const [what, bind, publicUrl, tls] of rows) {
    it(`has ${what}`, () => {
      const { profiles, problems } = read({ bind, publicUrl, tls })
      assert.deepEqual(problems, [])
      const [profile] = profiles
      assert.ok(profile?.kind === 'own')
      assert.deepEqual([formatBind(profile.bind), profile.publicUrl, profile.tls], [bind, publicUrl, tls])
      assert.equal(profile.certificate, tls === 'here' ? 'acme' : undefined)
      assert.equal(profile.proxyProtocol, false)
    })
  }

  const named = { bind: '/run/expose/{name}.sock', publicUrl: 'https://{name}.dev.example.com' }
  const open = { bind: '0.0.0.0:443', publicUrl: 'https://dev.example.com' }
  const inside = { bind: '127.0.0.1:8080', publicUrl: 'https://dev.example.com' }
  const files = { key: '~/certs/dev.key', cert: '/etc/ssl/dev.pem' }

  it('takes the certificate from files, and the visitor’s address from the proxy', () => {
    const { profiles } = read({ ...named, tls: 'here', certificate: files, proxyProtocol: true })
    const [profile] = profiles
    assert.ok(profile?.kind === 'own')
    assert.deepEqual([profile.certificate, profile.proxyProtocol], [files, true])
  })

  const accepted: [what: string, entry: object][] = [
    [
      'an address whose certificate is in files',
      { bind: '0.0.0.0:443', publicUrl: 'https://192.0.2.1', tls: 'here', certificate: files },
    ],
    [
      'files of Windows',
      { ...open, tls: 'here', certificate: { key: 'C:\\certs\\a.key', cert: '~\\a.pem' } },
    ],
    ['ACME, written out', { ...open, tls: 'here', certificate: 'acme' }],
    ['no PROXY protocol, written out', { ...inside, proxyProtocol: false }],
    ['PROXY protocol behind a proxy on loopback', { ...inside, tls: 'here', proxyProtocol: true }],
    [
      'PROXY protocol behind a proxy of its network',
      { ...inside, bind: '10.0.0.1:8443', tls: 'here', proxyProtocol: true },
    ],
  ]
  for (const [what, entry] of accepted) {
    it(`accepts ${what}`, () => assert.deepEqual(read(entry).problems, []))
  }

  const refused: [what: string, entry: object, field: string, says: string][] = [
    [
      'HTTP where nothing says who may read it',
      { ...inside, publicUrl: 'http://dev.example.com' },
      'publicUrl',
      'must begin with https://, because "tls" is "server" unless you write another; if everybody may read what passes, write "tls": "none"',
    ],
    [
      'HTTP behind a proxy that ends HTTPS',
      { ...inside, publicUrl: 'http://dev.example.com', tls: 'server' },
      'publicUrl',
      'must begin with https://, because "tls" is "server";',
    ],
    [
      'TCP behind a proxy that ends HTTPS',
      { ...inside, publicUrl: 'tcp://dev.example.com:1' },
      'publicUrl',
      'write "tls": "none"',
    ],
    [
      'HTTP that ends here',
      { ...open, publicUrl: 'http://dev.example.com', tls: 'here' },
      'publicUrl',
      'must begin with https://, because "tls" is "here"',
    ],
    [
      'TCP that ends in the app',
      { ...open, publicUrl: 'tcp://dev.example.com:443', tls: 'app' },
      'publicUrl',
      'must begin with https://, because "tls" is "app"',
    ],
    [
      'a public port beside the proxy',
      { ...inside, bind: '0.0.0.0:8080' },
      'bind',
      'would be public without HTTPS beside the reverse proxy; write "127.0.0.1:8080", or where else HTTPS ends: "tls": "here", "app" or "none"',
    ],
    [
      'a public address beside the proxy',
      { ...inside, bind: '203.0.113.5:8080' },
      'bind',
      'write "127.0.0.1:8080"',
    ],
    [
      'a public range beside the proxy',
      { bind: '*:{20000-20099}', publicUrl: 'https://p{port}.example.com' },
      'bind',
      'write "127.0.0.1:{20000-20099}"',
    ],
    [
      'HTTPS that nobody ends, in public',
      { ...open, tls: 'none' },
      'tls',
      'is "none", so nothing would end the HTTPS that "publicUrl" promises; write "here" (this extension ends it) or "app" (your app does), or begin "publicUrl" with tcp:// or http://',
    ],
    ['HTTPS that nobody ends', { ...inside, tls: 'none' }, 'tls', 'write "server", "here" or "app"'],

    [
      'a name that plain TCP cannot carry',
      { bind: named.bind, publicUrl: 'tcp://{name}.example.com:{port}', tls: 'none' },
      'publicUrl',
      '{name} cannot work with tcp://',
    ],
    [
      'plain TCP without a port',
      { bind: '0.0.0.0:5432', publicUrl: 'tcp://dev.example.com', tls: 'none' },
      'publicUrl',
      'needs a port; write "tcp://dev.example.com:{port}"',
    ],
    [
      'names that all reach one port',
      { ...inside, publicUrl: named.publicUrl },
      'publicUrl',
      '{name} needs a "bind" with {name}',
    ],
    [
      'names that all reach one port, to the app',
      { ...open, publicUrl: named.publicUrl, tls: 'app' },
      'publicUrl',
      '{name} needs a "bind" with {name}',
    ],
    [
      'names that the URL lacks',
      { ...inside, bind: named.bind },
      'publicUrl',
      'must hold {name}, because "bind" does',
    ],
    [
      'a port of a socket',
      { ...named, publicUrl: 'https://{name}.dev.example.com:{port}' },
      'publicUrl',
      '{port} needs a "bind" with ports',
    ],
    [
      'a range with one URL',
      { ...inside, bind: '127.0.0.1:{20000-20099}' },
      'publicUrl',
      'must hold {port}, because "bind" has several',
    ],
    [
      'a label with little room',
      { ...named, publicUrl: `https://${'a'.repeat(44)}{name}.example.com` },
      'publicUrl',
      'leaves 19 characters for {name}, and it takes 20; a label has at most 63',
    ],
    [
      'a socket’s path with little room',
      { ...named, bind: `/${'a'.repeat(87)}{name}` },
      'bind',
      'leaves 19 characters for {name}, and it takes 20; a socket’s path has at most 107 bytes',
    ],

    [
      'a certificate that nobody shows',
      { ...inside, certificate: 'acme' },
      'certificate',
      'works with "tls": "here" only; remove it',
    ],
    [
      'PROXY protocol that nobody reads',
      { ...inside, proxyProtocol: true },
      'proxyProtocol',
      'works with "tls": "here" only; remove it',
    ],
    [
      'PROXY protocol from anybody',
      { ...open, tls: 'here', proxyProtocol: true },
      'proxyProtocol',
      'needs a proxy in front, but visitors reach "bind" themselves',
    ],
    [
      'an address that ACME cannot certify',
      { ...open, publicUrl: 'https://192.0.2.1', tls: 'here' },
      'certificate',
      'cannot come by ACME',
    ],
    [
      'an IPv6 address that ACME cannot certify',
      { ...open, publicUrl: 'https://[2001:db8::1]', tls: 'here', certificate: 'acme' },
      'certificate',
      'cannot come by ACME',
    ],
    [
      'a certificate that is a path',
      { ...open, tls: 'here', certificate: '~/a.pem' },
      'certificate',
      'must be "acme" or { "key": "~/certs/dev.key", "cert": "~/certs/dev.pem" }',
    ],
    [
      'a certificate that is a list',
      { ...open, tls: 'here', certificate: ['acme'] },
      'certificate',
      'must be "acme" or {',
    ],
    [
      'a certificate that is null',
      { ...open, tls: 'here', certificate: null },
      'certificate',
      'must be "acme" or {',
    ],
    [
      'a certificate without its key',
      { ...open, tls: 'here', certificate: { cert: '/a' } },
      'certificate',
      'must be "acme" or {',
    ],
    [
      'a certificate with more',
      { ...open, tls: 'here', certificate: { ...files, chain: '/a' } },
      'certificate',
      'must be "acme" or {',
    ],
    [
      'a certificate beside nobody knows what',
      { ...open, tls: 'here', certificate: { ...files, cert: 'dev.pem' } },
      'certificate',
      'needs the whole path of "cert"',
    ],
    [
      'a home that is a word',
      { ...open, tls: 'here', certificate: { ...files, key: '~dev.key' } },
      'certificate',
      'needs the whole path of "key"',
    ],
    [
      'proxyProtocol that is a text',
      { ...open, tls: 'here', proxyProtocol: 'v2' },
      'proxyProtocol',
      'must be true or false',
    ],
  ]
  for (const [what, entry, field, says] of refused) {
    it(`refuses ${what}, and says what to write`, () => {
      const { profiles, problems } = read(entry)
      assert.deepEqual(profiles, [])
      assert.deepEqual(
        problems.map((problem) => problem.field),
        [field],
        JSON.stringify(problems),
      )
      assert.ok(problems[0]?.message.includes(says), problems[0]?.message)
    })
  }

  const noted: [what: string, entry: object, field: string, says: string][] = [
    ['a port that only root may take', { ...open, tls: 'here' }, 'bind', 'ip_unprivileged_port_start=443'],
    [
      'a range that begins where only root may',
      { bind: '127.0.0.1:{1000-1099}', publicUrl: 'https://p{port}.example.com' },
      'bind',
      'only root may listen on port 1000',
    ],
    [
      'a port that something must pass on',
      { bind: '0.0.0.0:8888', publicUrl: 'https://dev.example.com', tls: 'app' },
      'publicUrl',
      'is called at port 443, and sshd listens on 8888',
    ],
    [
      'a port of plain HTTP that something must pass on',
      { bind: '0.0.0.0:8888', publicUrl: 'http://dev.example.com', tls: 'none' },
      'publicUrl',
      'is called at port 80',
    ],
    [
      'a certificate that is checked at another port',
      { bind: '0.0.0.0:8443', publicUrl: 'https://dev.example.com:8443', tls: 'here' },
      'certificate',
      'checks the name at port 443',
    ],
  ]
  for (const [what, entry, field, says] of noted) {
    it(`notes ${what}, and works`, () => {
      const { profiles, notes } = read(entry)
      assert.equal(profiles.length, 1)
      assert.deepEqual(
        notes.map((note) => [note.server, note.field]),
        [['s', field]],
        JSON.stringify(notes),
      )
      assert.ok(notes[0]?.message.includes(says), notes[0]?.message)
    })
  }

  it('notes nothing about what will just work', () => {
    for (const entry of [
      named,
      inside,
      { ...named, tls: 'here' },
      { ...inside, bind: '127.0.0.1:1024' },
      { bind: '0.0.0.0:8888', publicUrl: 'https://dev.example.com:8888', tls: 'app' },
    ]) {
      assert.deepEqual(read(entry).notes, [])
    }
  })
})
