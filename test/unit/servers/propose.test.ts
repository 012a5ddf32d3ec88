import assert from 'node:assert/strict'
import type {
  CertificateShown,
  DomainEvidence,
  ProxyEvidence,
  RouteEvidence,
  ServerEvidence,
  ShellEvidence,
} from '../../../src/servers/look/evidence'
import { describeEvidence } from '../../../src/servers/look/describe'
import type { Proposal } from '../../../src/servers/propose/proposal'
import { propose } from '../../../src/servers/propose/propose'
import { readServers } from '../../../src/servers/validation'

const good: CertificateShown = {
  kind: 'certificate',
  distrust: undefined,
  coversName: true,
  validTo: Date.UTC(2030, 0, 1),
  names: ['*.dev.example.com', 'dev.example.com'],
  status: 200,
  server: 'nginx/1.22.1',
}
const domain: DomainEvidence = {
  name: 'dev.example.com',
  leadsHere: 'yes',
  belowLeadsHere: 'yes',
  addresses: ['203.0.113.5'],
  shown: { kind: 'nobody' },
  belowShown: { kind: 'nobody' },
}
const shell: ShellEvidence = {
  isRoot: false,
  groups: ['deploy'],
  sshd: new Map([
    ['port', '22'],
    ['allowtcpforwarding', 'yes'],
    ['allowstreamlocalforwarding', 'yes'],
    ['disableforwarding', 'no'],
    ['permitlisten', 'any'],
    ['streamlocalbindunlink', 'no'],
    ['streamlocalbindmask', '0177'],
  ]),
  listeners: [],
  firstUnprivilegedPort: 1024,
  proxies: [],
}
const nginx: ProxyEvidence = {
  kind: 'nginx',
  isRunning: true,
  user: 'www-data',
  userGroups: ['www-data'],
  configFile: '/etc/nginx/nginx.conf',
  hasGlobalOptions: false,
  ports: [443],
  tlsListens: ['443'],
  certificates: [{ names: ['*.dev.example.com'], cert: '/c.pem', key: '/k.pem' }],
}
const directory = {
  path: '/run/expose',
  isThere: true,
  isWritable: true,
  mode: 0o2750,
  owner: 'deploy',
  group: 'www-data',
}
const named: RouteEvidence = {
  proxy: 'nginx',
  publicHost: '{name}.dev.example.com',
  httpsPort: 443,
  bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
  tls: 'server',
  proxyProtocol: false,
  issuesOnDemand: false,
  passesEverything: true,
  configFile: '/etc/nginx/nginx.conf',
  leadsHere: 'yes',
  shown: good,
  isBusy: false,
  mayListen: 'yes',
}
const single: RouteEvidence = {
  ...named,
  publicHost: 'dev.example.com',
  bind: { kind: 'tcp', host: '127.0.0.1', firstPort: 8080, lastPort: 8080 },
}
const bare: ServerEvidence = {
  ssh: 'deploy@dev.example.com',
  hostName: 'dev.example.com',
  user: 'deploy',
  address: '203.0.113.5',
  gateway: undefined,
  gatewayPorts: 'no',
  forwards: { tcp: 'yes', sockets: 'yes' },
  sftp: true,
  shell,
  routes: [],
  domain,
  front: { kind: 'nobody', holdsHttps: 'no' },
  socketDirectories: [{ ...directory, isThere: false, isWritable: false, mode: undefined, group: undefined }],
  httpsPort: { port: 443, canBind: 'unknown', isReached: 'unknown' },
  rawPort: { port: 20_042, canBind: 'unknown', isReached: 'unknown' },
}
const behindNginx: ServerEvidence = {
  ...bare,
  shell: { ...shell, proxies: [nginx] },
  front: { kind: 'nginx', holdsHttps: 'yes' },
  domain: { ...domain, shown: good, belowShown: good },
  socketDirectories: [directory],
}
const open: Partial<ServerEvidence> = {
  gatewayPorts: 'clientspecified',
  httpsPort: { port: 443, canBind: 'yes', isReached: 'yes' },
  rawPort: { port: 20_042, canBind: 'yes', isReached: 'yes' },
}

/** `named URLs: ready`, or what it still needs and where. */
const outline = ({ way, missing }: Proposal) =>
  `${way}: ${missing.length === 0 ? 'ready' : missing.map(({ where }) => where).join(' ')}`
const linesOf = ({ missing }: Proposal) => missing.flatMap(({ lines }) => lines).join('\n')

describe('what is proposed for a server', () => {
  const cases: readonly (readonly [what: string, evidence: ServerEvidence, first: string])[] = [
    [
      'a gateway, whatever else',
      { ...bare, gateway: { base: 'dev.example.com', directory: '/run/expose', leadsHere: 'yes' } },
      'gateway: ready',
    ],
    [
      'a gateway whose names lead nowhere',
      { ...bare, gateway: { base: 'dev.example.com', directory: '/run/expose', leadsHere: 'no' } },
      'gateway: DNS',
    ],
    ['names and one URL', { ...behindNginx, routes: [single, named] }, 'named URLs: ready'],
    [
      'names passed through, and one URL',
      {
        ...behindNginx,
        routes: [single, { ...named, tls: 'here', shown: { kind: 'no certificate', said: '' } }],
      },
      'named URLs, HTTPS here: ready',
    ],
    [
      'numbered names, and one URL',
      {
        ...behindNginx,
        routes: [
          single,
          {
            ...named,
            publicHost: 'p{port}.dev.example.com',
            bind: { kind: 'tcp', host: '127.0.0.1', firstPort: 20_000, lastPort: 20_099 },
          },
        ],
      },
      'numbered URLs: ready',
    ],
    ['one URL', { ...behindNginx, routes: [single] }, 'one URL: ready'],
    [
      'one URL that somebody uses',
      { ...behindNginx, routes: [{ ...single, isBusy: true }] },
      'one URL: shell',
    ],
    [
      'names whose directory is another user’s',
      { ...behindNginx, routes: [named], socketDirectories: [{ ...directory, isWritable: false }] },
      'named URLs: shell',
    ],
    [
      'names whose directory the proxy may not enter',
      { ...behindNginx, routes: [named], socketDirectories: [{ ...directory, mode: 0o700 }] },
      'named URLs: shell',
    ],
    [
      'names, without SFTP',
      { ...behindNginx, routes: [named], sftp: false },
      'named URLs: sshd_config shell',
    ],
    [
      'names, without SFTP but with the settings of sshd',
      {
        ...behindNginx,
        routes: [named],
        sftp: false,
        shell: {
          ...shell,
          proxies: [nginx],
          sshd: new Map([...shell.sshd!, ['streamlocalbindunlink', 'yes'], ['streamlocalbindmask', '0117']]),
        },
      },
      'named URLs: ready',
    ],
    [
      'names that lead elsewhere',
      { ...behindNginx, routes: [{ ...named, leadsHere: 'no' }] },
      'named URLs: DNS',
    ],
    [
      'names with an expired certificate',
      { ...behindNginx, routes: [{ ...named, shown: { ...good, distrust: 'CERT_HAS_EXPIRED' } }] },
      'named URLs: shell',
    ],
    [
      'names whose proxy is down',
      { ...behindNginx, routes: [{ ...named, shown: { kind: 'nobody' } }] },
      'named URLs: shell',
    ],
    [
      'names with certificates on demand: none is there yet',
      {
        ...behindNginx,
        routes: [
          { ...named, issuesOnDemand: true, shown: { kind: 'no certificate', said: 'internal error' } },
        ],
      },
      'named URLs: ready',
    ],
    [
      'names that could not be looked at from here',
      { ...behindNginx, routes: [{ ...named, shown: { kind: 'unknown' }, leadsHere: 'unknown' }] },
      'named URLs: ready',
    ],
    [
      'a way that does not work, and one that does',
      { ...behindNginx, routes: [{ ...named, leadsHere: 'no' }, single] },
      'one URL: ready',
    ],
    ['nginx without a block for it', behindNginx, 'named URLs: sshd_config shell nginx shell'],
    [
      'nginx with a certificate for one name only',
      { ...behindNginx, domain: { ...domain, shown: good, belowShown: { ...good, coversName: false } } },
      'named URLs: sshd_config shell shell nginx shell',
    ],
    ['nothing in front, everything permitted', { ...bare, ...open }, 'public port, HTTPS here: ready'],
    [
      'nothing in front, but only ports above 1023',
      { ...bare, ...open, httpsPort: { port: 443, canBind: 'no', isReached: 'unknown' } },
      'public ports: ready',
    ],
    ['a bare server', bare, 'named URLs: sshd_config shell shell shell Caddyfile Caddyfile shell'],
    [
      'a bare server without a domain',
      { ...bare, hostName: '203.0.113.5', domain: undefined },
      'named URLs: DNS sshd_config shell shell shell Caddyfile Caddyfile shell',
    ],
    [
      'a bare server that runs no commands',
      { ...bare, shell: undefined, socketDirectories: [] },
      'named URLs: sshd_config shell shell shell Caddyfile Caddyfile shell',
    ],
    [
      'another program at the port of HTTPS',
      { ...bare, front: { kind: 'apache', holdsHttps: 'yes' } },
      'named URLs: sshd_config shell shell shell shell Caddyfile Caddyfile shell',
    ],
  ]
  for (const [what, evidence, first] of cases) {
    it(`${what} → ${first}`, () => {
      const { proposals } = propose(evidence)
      assert.equal(outline(proposals[0]!), first)
      const firstMissing = proposals.findIndex(({ missing }) => missing.length > 0)
      const afterwards = firstMissing < 0 ? [] : proposals.slice(firstMissing)
      assert.ok(
        afterwards.every(({ missing }) => missing.length > 0),
        'what is ready comes first',
      )
      for (const { entry, title, detail, missing, better } of proposals) {
        assert.deepEqual(readServers({ 'my-server': entry }).problems, [], JSON.stringify(entry))
        assert.ok(title !== '' && detail.endsWith('.'))
        for (const { what: sentence, lines } of [...missing, ...better]) {
          assert.ok(sentence.endsWith('.') && lines.length > 0)
          assert.doesNotMatch(lines.join('\n'), /undefined|\bnull\b|\[object/)
        }
      }
      const entries = proposals.map(({ entry }) => JSON.stringify(entry))
      assert.equal(new Set(entries).size, entries.length, 'none is said twice')
      assert.ok(describeEvidence(evidence).length > 0)
    })
  }

  const find = (evidence: ServerEvidence, way: Proposal['way']) => {
    const found = propose(evidence).proposals.find((each) => each.way === way)
    assert.ok(found, way)
    return found
  }

  it('says who can read what comes along', () => {
    assert.match(find({ ...behindNginx, routes: [named] }, 'named URLs').detail, /whoever runs it can read/)
    assert.match(find({ ...bare, ...open }, 'public port, HTTPS here').detail, /cannot read it/)
    assert.match(find({ ...bare, ...open }, 'public ports').detail, /Not encrypted/)
    assert.match(find({ ...bare, ...open }, 'public port, HTTPS in the app').detail, /in the app itself/)
  })

  it('writes the port of HTTPS where it is another than 443, and an address where there is no name', () => {
    assert.equal(
      find({ ...behindNginx, routes: [{ ...single, httpsPort: 8888 }] }, 'one URL').entry.publicUrl,
      'https://dev.example.com:8888',
    )
    const byAddress = { ...bare, hostName: '2001:db8::5', address: '2001:db8::5', domain: undefined }
    assert.equal(find(byAddress, 'public ports').entry.publicUrl, 'http://[2001:db8::5]:{port}')
    assert.match(linesOf(find(byAddress, 'named URLs')), /^\*\.dev\.example\.com\. AAAA 2001:db8::5$/m)
  })

  it('fills the lines with what is known of the server', () => {
    const text = linesOf(find(behindNginx, 'named URLs'))
    for (const line of [
      'Match User deploy',
      'StreamLocalBindUnlink yes',
      'StreamLocalBindMask 0117',
      'listen 443 ssl http2;',
      'ssl_certificate /c.pem;',
      'ssl_certificate_key /k.pem;',
      'proxy_pass http://unix:/run/expose/$expose_name.sock;',
    ])
      assert.ok(text.includes(line), line)
    const v6 = {
      ...behindNginx,
      domain: { ...behindNginx.domain!, addresses: ['203.0.113.5', '2001:db8::5'] },
    }
    const elsewhere = { ...v6, shell: { ...shell, proxies: [{ ...nginx, tlsListens: [] }] } }
    assert.match(linesOf(find(elsewhere, 'named URLs')), /listen 443 ssl http2;\n {4}listen \[::\]:443 ssl/)
    const taken = [8080, 8888, 9123].map((port) => ({ address: '127.0.0.1', port }))
    const busy = { ...behindNginx, shell: { ...shell, proxies: [nginx], listeners: taken } }
    assert.deepEqual(find(busy, 'one URL').entry.bind, '127.0.0.1:8081')
    assert.match(
      linesOf(find({ ...bare, shell: { ...shell, listeners: taken } }, 'named URLs')),
      /ask http:\/\/127.0.0.1:9124/,
    )
  })

  it('installs Caddy before it names its group', () => {
    const text = linesOf(find(bare, 'named URLs'))
    assert.ok(
      text.indexOf('install -y caddy') < text.indexOf('-g caddy') && text.includes('install -y caddy'),
    )
  })

  it('asks sshd for no more than is missing', () => {
    const settings = (changes: Record<string, string>, forwards: ServerEvidence['forwards']) => {
      const sshd = new Map([...shell.sshd!, ...Object.entries(changes)])
      const evidence = { ...behindNginx, forwards, shell: { ...shell, proxies: [nginx], sshd } }
      const route = { ...single, mayListen: 'no' as const }
      const { missing } = find({ ...evidence, routes: [route] }, 'one URL')
      return missing.flatMap(({ where, lines }) =>
        where.startsWith('s') && where !== 'shell' ? lines.slice(1) : where === 'shell' ? [] : lines,
      )
    }
    const no = { tcp: 'no', sockets: 'no' } as const
    assert.deepEqual(settings({ allowtcpforwarding: 'no' }, no), ['    AllowTcpForwarding remote'])
    assert.deepEqual(settings({ allowtcpforwarding: 'local' }, no), ['    AllowTcpForwarding yes'])
    assert.deepEqual(settings({ disableforwarding: 'yes' }, no), ['    DisableForwarding no'])
    assert.deepEqual(settings({ permitlisten: 'none' }, no), ['    PermitListen 127.0.0.1:8080'])
    assert.deepEqual(settings({ permitlisten: '127.0.0.1:9000' }, { tcp: 'limited', sockets: 'yes' }), [
      '    PermitListen 127.0.0.1:9000 127.0.0.1:8080',
    ])
    assert.deepEqual(settings({}, no), ['restrict,port-forwarding,permitlisten="127.0.0.1:8080"'])
  })

  it('names what keeps a free port from visitors: privilege, a holder, a firewall', () => {
    const port = 443
    const privilege = { ...bare, ...open, httpsPort: { port, canBind: 'no', isReached: 'unknown' } } as const
    assert.match(linesOf(find(privilege, 'public port, HTTPS here')), /ip_unprivileged_port_start=443/)
    const root = { ...privilege, shell: { ...shell, isRoot: true } }
    assert.match(linesOf(find(root, 'public port, HTTPS here')), /^sudo ss -ltnp 'sport = :443'$/)
    const walled = { ...bare, ...open, httpsPort: { port, canBind: 'yes', isReached: 'no' } } as const
    assert.match(linesOf(find(walled, 'public port, HTTPS here')), /^sudo ufw allow 443\/tcp$/)
    const raw = { ...bare, ...open, rawPort: { port: 20_001, canBind: 'yes', isReached: 'no' } } as const
    assert.match(linesOf(find(raw, 'public ports')), /^sudo ufw allow 20000:20099\/tcp$/)
    const closed = linesOf(find(bare, 'public port, HTTPS here'))
    assert.match(closed, /GatewayPorts clientspecified[\s\S]*ip_unprivileged_port_start=443/)
  })

  it('makes what works better: WebSocket behind a lone proxy_pass, a port that is public beside the proxy', () => {
    const lone = find({ ...behindNginx, routes: [{ ...single, passesEverything: false }] }, 'one URL')
    assert.deepEqual(
      lone.better.map(({ where }) => where),
      ['nginx', 'nginx', 'shell'],
    )
    const beside = find({ ...behindNginx, gatewayPorts: 'yes', routes: [single] }, 'one URL')
    assert.deepEqual(beside.better[0]?.lines, ['Match User deploy', '    GatewayPorts clientspecified'])
  })

  it('leaves out names that lead elsewhere and are of another domain', () => {
    const old = { ...named, publicHost: '{name}.old.example.org', leadsHere: 'no' as const }
    const { proposals } = propose({ ...behindNginx, routes: [old] })
    assert.equal(
      proposals.find(({ entry }) => entry.publicUrl?.includes('old')),
      undefined,
    )
    assert.equal(
      find({ ...behindNginx, routes: [old] }, 'named URLs').entry.publicUrl,
      'https://{name}.dev.example.com',
    )
    const unknown = propose({ ...behindNginx, domain: undefined, routes: [old] }).proposals
    assert.ok(unknown.some(({ entry }) => entry.publicUrl?.includes('old')))
  })

  it('names below a domain that the proxy does not serve yet are proposed beside those it serves', () => {
    const other = { ...domain, name: 'other.example.com' }
    const { proposals } = propose({ ...behindNginx, routes: [named], domain: other })
    const urls = proposals.filter(({ way }) => way === 'named URLs').map(({ entry }) => entry.publicUrl)
    assert.deepEqual(urls, ['https://{name}.dev.example.com', 'https://{name}.other.example.com'])
  })
})
