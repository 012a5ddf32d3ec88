import assert from 'node:assert/strict'
import { readCaddyRoutes } from '../../../src/servers/look/caddyRoutes'
import type { ProxyReading } from '../../../src/servers/look/evidence'
import { digitRange, isDomain, readHostPattern } from '../../../src/servers/look/names'
import { readNginxConfig } from '../../../src/servers/look/nginxConfig'
import { readNginxRoutes } from '../../../src/servers/look/nginxRoutes'
import { programOf } from '../../../src/servers/look/outside'
import { readProxies } from '../../../src/servers/look/proxies'
import { sectionsOf, textOf } from '../../../src/servers/look/script'
import { formatBind } from '../../../src/servers/profile'

const waysOf = ({ routes }: ProxyReading) =>
  routes.map(({ publicHost, httpsPort, bind }) => `${publicHost}:${httpsPort} ${formatBind(bind)}`)

describe('what nginx is configured to do', () => {
  const nginx = (text: string, files: Record<string, string> = {}) => {
    const all = new Map(Object.entries({ '/etc/nginx/nginx.conf': text, ...files }))
    return readNginxRoutes(readNginxConfig('/etc/nginx/nginx.conf', all))
  }
  const server = (names: string, target: string, more = 'listen 443 ssl;') =>
    nginx(`http { server { ${more} server_name ${names}; location / { proxy_pass ${target}; } } }`)

  const cases: readonly (readonly [names: string, target: string, expected: string | undefined])[] = [
    ['dev.example.com', 'http://127.0.0.1:8080', 'dev.example.com:443 127.0.0.1:8080'],
    ['dev.example.com', 'http://127.0.0.1:8080/', 'dev.example.com:443 127.0.0.1:8080'],
    ['Dev.Example.com www.example.com', 'http://localhost:8080', 'dev.example.com:443 127.0.0.1:8080'],
    ['dev.example.com', 'http://[::1]:8080', 'dev.example.com:443 [::1]:8080'],
    ['dev.example.com', 'http://unix:/run/app.sock', 'dev.example.com:443 /run/app.sock'],
    ['dev.example.com', 'http://unix:/run/app.sock:/', 'dev.example.com:443 /run/app.sock'],
    ['*.dev.example.com', 'http://127.0.0.1:8080', 'app.dev.example.com:443 127.0.0.1:8080'],
    ['.example.com', 'http://127.0.0.1:8080', 'app.example.com:443 127.0.0.1:8080'],
    ['_', 'http://127.0.0.1:8080', '*:443 127.0.0.1:8080'],
    [
      String.raw`"~^(?<expose_name>[a-z0-9][a-z0-9-]{0,62})\.dev\.example\.com$"`,
      'http://unix:/run/expose/$expose_name.sock',
      '{name}.dev.example.com:443 /run/expose/{name}.sock',
    ],
    [
      String.raw`'~^app-(?P<n>[^.]+)\.example\.com$'`,
      'http://unix:/srv/${n}/http.sock:',
      'app-{name}.example.com:443 /srv/{name}/http.sock',
    ],
    [
      String.raw`~^(.+)\.example\.com$`,
      'http://unix:/run/$1.sock',
      '{name}.example.com:443 /run/{name}.sock',
    ],
    [
      String.raw`~^p(?<port>20\d\d\d)\.example\.com$`,
      'http://127.0.0.1:$port',
      'p{port}.example.com:443 127.0.0.1:{20000-20999}',
    ],
    [String.raw`~^p(?<port>200\d\d)\.`, 'http://127.0.0.1:$port', 'p{port}.*:443 127.0.0.1:{20000-20099}'],
    // What leads elsewhere, or cannot be told, is nobody's way.
    ['dev.example.com', 'http://192.0.2.1:8080', undefined],
    ['dev.example.com', 'https://127.0.0.1:8443', undefined],
    ['dev.example.com', 'http://127.0.0.1:8080/app/', undefined],
    ['dev.example.com', 'http://backend', undefined],
    [String.raw`~^(?<n>a|b)(c)\.example\.com$`, 'http://unix:/run/$n.sock', undefined],
    [String.raw`~^(?<n>.+)\.example\.com$`, 'http://unix:/run/$other.sock', undefined],
    [String.raw`~^(?<p>\d+)\.example\.com$`, 'http://127.0.0.1:$p', undefined],
    // Nor what would be more than one word in lines to paste.
    ['dev.example.com', '"http://unix:/run/a;reboot"', undefined],
    ['dev.example.com', '"http://unix:/run/a\nd /etc 0777"', undefined],
    [String.raw`~^(?<n>.+)\.example\.com$`, '"http://unix:/run/$(reboot)/$n.sock"', undefined],
  ]
  for (const [names, target, expected] of cases) {
    it(`${names} → ${target}`, () => {
      assert.deepEqual(waysOf(server(names, target)), expected === undefined ? [] : [expected])
    })
  }

  it('takes the port from listen, and no block without TLS', () => {
    for (const [listen, port] of [
      ['listen [::]:8443 ssl http2;', 8443],
      ['listen 80; listen 192.0.2.1:444 ssl;', 444],
      ['listen 8443; ssl on;', 8443],
    ] as const) {
      assert.equal(server('a.example.com', 'http://127.0.0.1:1', listen).routes[0]?.httpsPort, port)
    }
    for (const listen of ['listen 80;', '', 'listen unix:/run/x.sock ssl;']) {
      assert.deepEqual(server('a.example.com', 'http://127.0.0.1:1', listen).routes, [])
    }
  })

  it('reads included files, upstreams, quotes, comments, and what try_files falls back to', () => {
    const reading = nginx(
      `user www-data; # a comment; with { signs }
       http { client_max_body_size 0; include conf.d/*.conf; include "/srv/sites/*"; include missing.conf; }`,
      {
        '/etc/nginx/conf.d/a.conf': 'upstream app { server 127.0.0.1:3000 max_fails=0; keepalive 4; }',
        '/etc/nginx/conf.d/b.conf': `server { listen 443 ssl; server_name "a.example.com";
          ssl_certificate /c.pem; ssl_certificate_key '/k.pem';
          location / { try_files $uri @app; } location @app { proxy_pass http://app; } }`,
        '/etc/nginx/other/c.conf': 'server { listen 443 ssl; server_name no.example.com; }',
        '/srv/sites/one': `server { listen 443 ssl; server_name b.example.com;
          location /api/ { proxy_pass http://127.0.0.1:1; } location = / { proxy_pass http://127.0.0.1:2; } }`,
      },
    )
    assert.deepEqual(waysOf(reading), ['a.example.com:443 127.0.0.1:3000'])
    assert.equal(reading.user, 'www-data')
    assert.deepEqual(reading.certificates, [{ names: ['a.example.com'], cert: '/c.pem', key: '/k.pem' }])
  })

  it('knows a block that lets everything through from a lone proxy_pass', () => {
    assert.equal(server('a.example.com', 'http://127.0.0.1:1').routes[0]?.passesEverything, false)
    const whole = nginx(`http { client_max_body_size 0; server { listen 443 ssl; server_name a.example.com;
      location / { proxy_pass http://127.0.0.1:1; proxy_http_version 1.1; proxy_buffering off;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c; } } }`)
    assert.equal(whole.routes[0]?.passesEverything, true)
  })

  it('TLS passed through by name', () => {
    const { routes } = nginx(`stream { map $ssl_preread_server_name $to {
        ~^(?<n>[a-z0-9-]+)\\.e2e\\.example\\.com$ unix:/run/expose/$n.sock; default 127.0.0.1:8443; }
      server { listen 443; ssl_preread on; proxy_protocol on; proxy_pass $to; } }`)
    assert.deepEqual(
      routes.map(({ publicHost, bind, tls, proxyProtocol }) => [
        publicHost,
        formatBind(bind),
        tls,
        proxyProtocol,
      ]),
      [['{name}.e2e.example.com', '/run/expose/{name}.sock', 'here', true]],
    )
  })

  it('takes nothing into lines to paste that would be more than one word there', () => {
    const reading = nginx(`http {
      server { listen 443 ssl; ssl_certificate "/c.pem; include /tmp/x"; ssl_certificate_key /k.pem; }
      server { listen "443; include /tmp/x" ssl; } }`)
    assert.deepEqual([reading.certificates, reading.tlsListens], [[], ['443']])
  })

  it('survives what is no configuration, and includes in circles', () => {
    for (const text of [
      'include nginx.conf;'.repeat(5000),
      `include ${'*x'.repeat(50)};`,
      '{'.repeat(100_000),
      '',
      '}}}',
      'http { server {',
      '"',
      'http { include nginx.conf; }',
      '\\',
      'a'.repeat(100_000),
    ]) {
      assert.deepEqual(nginx(text).routes, [])
    }
  })
})

describe('what Caddy is configured to do', () => {
  const caddyTo = (dial: string) =>
    JSON.stringify({
      apps: {
        http: {
          servers: {
            one: {
              listen: [':443'],
              routes: [
                {
                  match: [{ host: ['dev.example.com'] }],
                  handle: [{ handler: 'reverse_proxy', upstreams: [{ dial }] }],
                },
              ],
            },
          },
        },
      },
    })
  // As `caddy adapt` of 2.6.2 prints it, shortened.
  const site = (hosts: string[], dial: string, extra: object = {}, match?: object) => ({
    match: [{ host: hosts }],
    handle: [
      {
        handler: 'subroute',
        routes: [
          {
            handle: [{ handler: 'reverse_proxy', upstreams: [{ dial }], flush_interval: -1 }],
            ...(match === undefined ? {} : { match: [match] }),
          },
        ],
      },
    ],
    terminal: true,
    ...extra,
  })
  const caddy = (routes: object[], { server = {}, apps = {}, listen = [':443'] } = {}) =>
    readCaddyRoutes(
      JSON.stringify({ apps: { http: { servers: { srv0: { listen, routes, ...server } } }, ...apps } }),
    )

  it('a name, every name, and numbered names', () => {
    const labels = '{http.request.host.labels.3}'
    const numbered = { header_regexp: { Host: { name: 'port', pattern: '^p(20\\d\\d\\d)\\.' } } }
    assert.deepEqual(
      waysOf(
        caddy([
          site(['dev.example.com'], 'localhost:8080'),
          site(['*.dev.example.com'], `unix//run/expose/${labels}.sock`),
          site(['*.n.example.com'], '127.0.0.1:{http.regexp.port.1}', {}, numbered),
          site(['*.one.example.com'], ':9000'),
          site(['app.example.com'], 'unix//run/app.sock'),
        ]),
      ),
      [
        'dev.example.com:443 127.0.0.1:8080',
        '{name}.dev.example.com:443 /run/expose/{name}.sock',
        'p{port}.n.example.com:443 127.0.0.1:{20000-20999}',
        'app.one.example.com:443 127.0.0.1:9000',
        'app.example.com:443 /run/app.sock',
      ],
    )
  })

  it('leaves out what leads elsewhere, a part of a site, another label, and what has no TLS', () => {
    const path = { path: ['/api/*'] }
    assert.deepEqual(
      waysOf(
        caddy([
          site(['a.example.com'], '192.0.2.1:80'),
          site(['b.example.com'], 'localhost:80', {}, path),
          site(['*.c.example.com'], 'unix//run/{http.request.host.labels.0}.sock'),
          site(['*.d.example.com'], '127.0.0.1:{http.regexp.port.1}'),
        ]),
      ),
      [],
    )
    const plain = [site(['a.example.com'], 'localhost:80')]
    assert.deepEqual(caddy(plain, { listen: [':80'] }).routes, [])
    assert.deepEqual(caddy(plain, { server: { automatic_https: { disable: true } } }).routes, [])
    assert.deepEqual(caddy(plain, { server: { automatic_https: { skip: ['a.example.com'] } } }).routes, [])
  })

  it('tells which certificates are issued on demand', () => {
    const policies = [{ subjects: ['*.dev.example.com'], on_demand: true }, { issuers: [] }]
    const apps = { tls: { automation: { policies } } }
    const routes = ['*.dev.example.com', 'other.example.com'].map((host) => site([host], 'localhost:1'))
    assert.deepEqual(
      caddy(routes, { apps }).routes.map(({ issuesOnDemand }) => issuesOnDemand),
      [true, false],
    )
  })

  it('survives what is no configuration', () => {
    assert.equal(readCaddyRoutes(caddyTo('unix//run/a.sock')).routes.length, 1)
    for (const text of [
      '',
      '[]',
      '{"apps":{"http":{"servers":[]}}}',
      '{"apps":3}',
      '{"apps":{"http":{"servers":{"a":null}}}}',
      caddyTo('unix//run/a;reboot'),
    ])
      assert.deepEqual(readCaddyRoutes(text).routes, [])
  })
})

describe('host names and numbers in regular expressions', () => {
  for (const [part, expected] of [
    ['20\\d\\d\\d', [20_000, 20_999]],
    ['200[0-9][0-9]', [20_000, 20_099]],
    ['2\\d{4}', [20_000, 29_999]],
    ['2[0-3]\\d\\d', [2000, 2399]],
    ['8080', [8080, 8080]],
    ['1999\\d|200\\d\\d', [19_990, 20_099]],
    ['200\\d5', undefined],
    ['\\d+', undefined],
    ['2000\\d|2002\\d', undefined],
    ['9\\d{4}', undefined],
    ['', undefined],
  ] as const) {
    it(`ports: ${part}`, () => {
      const range = digitRange(part)
      assert.deepEqual(range && [range.first, range.last], expected)
    })
  }

  it('finds the group that a backslash or another group hides', () => {
    assert.deepEqual(readHostPattern('^a\\.((x|y)z)\\.b\\.c$')?.part, '(x|y)z')
    assert.equal(readHostPattern('^(a|b)+\\.c$')?.after, undefined)
    assert.equal(readHostPattern('^(?:a)\\.c$'), undefined)
    assert.equal(readHostPattern('^(a$'), undefined)
  })

  it('tells a domain from an address and from nonsense', () => {
    for (const domain of ['dev.example.com', 'a.localhost', 'x_y.example.co', 'xn--bcher-kva.example'])
      assert.equal(isDomain(domain), true, domain)
    for (const other of [
      'localhost',
      '192.0.2.1',
      '::1',
      'a..b',
      '-a.b',
      'a.b-',
      '*.a.b',
      '_',
      '',
      `${'a'.repeat(64)}.b`,
    ])
      assert.equal(isDomain(other), false, other)
  })

  it('reads the program from its header', () => {
    for (const [header, program] of [
      ['nginx/1.22.1', 'nginx'],
      ['openresty', 'nginx'],
      ['Caddy', 'caddy'],
      ['Apache/2.4.57 (Debian)', 'apache'],
      ['cloudflare', 'other'],
      [undefined, 'other'],
    ] as const)
      assert.equal(programOf(header), program)
  })
})

describe('what a script printed', () => {
  const h = '\n==expose-look== '
  it('is told apart at its headings, whatever stands before them', () => {
    const sections = sectionsOf(`Welcome!\n${h}user\nme\n${h}file /a b\ntext\n\nmore${h}end`)
    assert.deepEqual(
      sections.map(({ name, detail }) => [name, detail]),
      [
        ['user', ''],
        ['file', '/a b'],
        ['end', ''],
      ],
    )
    assert.equal(textOf(sections, 'file', '/a b'), 'text\n\nmore')
    assert.deepEqual(sectionsOf('This account is currently not available.\n'), [])
  })

  it('tells who opens the sockets of each proxy', () => {
    const conf = 'http { server { listen 443 ssl; } }'
    const proxies = (processes: string, nginx: string, caddyfile = '') =>
      readProxies(
        sectionsOf(
          `${h}processes\n${processes}\n${h}groupsof www\nwww web\n${h}nginxconfig /n.conf\n${h}file /n.conf\n${nginx}` +
            `${h}caddyconfig /Caddyfile\n${h}file /Caddyfile\n${caddyfile}${h}end\n`,
        ),
      ).map(({ proxy }) => proxy)
    const running =
      'root nginx: master process nginx -c /n.conf\nwww nginx: worker process\ncaddy /usr/bin/caddy run --config /Caddyfile\nroot /usr/sbin/apache2 -k start'
    const [nginx, caddy, apache] = proxies(running, conf, '# a\n\n{\n\tadmin off\n}\n')
    assert.deepEqual([nginx?.user, nginx?.userGroups, nginx?.isRunning], ['www', ['www', 'web'], true])
    assert.deepEqual([caddy?.user, caddy?.hasGlobalOptions], ['caddy', true])
    assert.deepEqual([apache?.kind, apache?.configFile], ['apache', undefined])
    assert.equal(proxies(running, `user nobody;\n${conf}`)[0]?.user, 'nobody', 'its own word comes first')
    assert.equal(proxies('me nginx: master process nginx -c /n.conf', `user nobody;\n${conf}`)[0]?.user, 'me')
    const [idle, site] = proxies('', conf, 'example.com {\n}\n')
    assert.deepEqual([idle?.isRunning, site?.hasGlobalOptions], [false, false])
  })
})
