import assert from 'node:assert/strict'
import { caddySite } from '../../../src/servers/lines/caddyLines'
import { nginxServer } from '../../../src/servers/lines/nginxLines'
import { portPattern, publicHostOf } from '../../../src/servers/lines/publicHost'
import { quoted } from '../../../src/base/shellWord'
import { socketDirectoryLines } from '../../../src/servers/lines/shellLines'
import { sshdMatch } from '../../../src/servers/lines/sshdLines'
import { digitRange } from '../../../src/servers/look/names'
import { readNginxConfig } from '../../../src/servers/look/nginxConfig'
import { readNginxRoutes } from '../../../src/servers/look/nginxRoutes'
import type { Bind } from '../../../src/servers/profile'

describe('lines for a server', () => {
  const socket: Bind = { kind: 'unix', path: '/run/expose/{name}.sock' }
  const range: Bind = { kind: 'tcp', host: '127.0.0.1', firstPort: 19_990, lastPort: 20_099 }
  const port: Bind = { kind: 'tcp', host: '127.0.0.1', firstPort: 8080, lastPort: 8080 }
  const place = { certificate: { cert: '/c.pem', key: '/k.pem' }, listen: ['443', '[::]:443'] }

  for (const [bind, publicUrl] of [
    [socket, 'https://{name}.dev.example.com'],
    [socket, 'https://x-{name}.dev.example.com'],
    [range, 'https://p{port}.dev.example.com'],
    [port, 'https://dev.example.com'],
  ] as const) {
    it(`nginx: what is written for ${publicUrl} is read back as the same`, () => {
      const text = `http { ${nginxServer({ bind, publicUrl }, place).join('\n')} }`
      const { routes, certificates } = readNginxRoutes(
        readNginxConfig('/n.conf', new Map([['/n.conf', text]])),
      )
      assert.equal(routes.length, 1)
      const [route] = routes
      assert.deepEqual(route?.bind, bind)
      assert.equal(`https://${route.publicHost}`, publicUrl)
      assert.equal(route.passesEverything, true)
      assert.deepEqual(certificates[0]?.cert, '/c.pem')
    })
  }

  it('nginx: listens where it is told', () => {
    const lines = nginxServer({ bind: port, publicUrl: 'https://dev.example.com' }, place)
    assert.deepEqual(
      lines.filter((line) => line.includes('listen')),
      ['    listen 443 ssl http2;', '    listen [::]:443 ssl http2;'],
    )
  })

  it('Caddy: a certificate on demand only for names, whose sockets can be asked for', () => {
    const named = caddySite({ bind: socket, publicUrl: 'https://{name}.dev.example.com' }, { askPort: 9123 })
    assert.deepEqual(named.globalOptions, ['on_demand_tls {', '\task http://127.0.0.1:9123', '}'])
    assert.equal(named.sites[0], '*.dev.example.com {')
    assert.ok(named.sites.includes('\treverse_proxy unix//run/expose/{labels.3}.sock {'))
    const one = caddySite({ bind: port, publicUrl: 'https://dev.example.com:8888' }, { askPort: 9123 })
    assert.deepEqual(one, {
      globalOptions: [],
      sites: [
        'dev.example.com:8888 {',
        '\treverse_proxy 127.0.0.1:8080 {',
        '\t\tflush_interval -1',
        '\t}',
        '}',
      ],
    })
    const numbered = caddySite(
      { bind: range, publicUrl: 'https://p{port}.dev.example.com' },
      { askPort: 9123 },
    )
    assert.deepEqual(numbered.globalOptions, [])
    assert.ok(numbered.sites.includes('\t@expose header_regexp expose Host ^p(1999\\d|200\\d\\d)\\.'))
  })

  it('a regular expression for any range of ports is read back as the range', () => {
    for (const [first, last] of [
      [20_000, 20_099],
      [20_000, 20_000],
      [1, 65_535],
      [8_080, 8_099],
      [19_999, 20_101],
    ] as const) {
      const pattern = portPattern(first, last)
      assert.deepEqual(digitRange(pattern), { first, last }, pattern)
      const whole = new RegExp(`^(${pattern})$`)
      for (let number = 0; number <= 65_536; number += 1)
        assert.equal(whole.test(String(number)), number >= first && number <= last)
    }
  })

  it('takes a public URL apart', () => {
    assert.deepEqual(publicHostOf('https://p{port}.dev.example.com:8443/x'), {
      ...{
        host: 'p{port}.dev.example.com',
        before: 'p',
        after: '.dev.example.com',
        port: 8443,
        varies: 'port',
      },
    })
    assert.deepEqual(publicHostOf('http://dev.example.com').port, 80)
    assert.throws(() => publicHostOf('nonsense'))
  })

  it('shell and sshd take odd names for one word', () => {
    assert.equal(quoted("it's"), `'it'\\''s'`)
    assert.deepEqual(socketDirectoryLines('/srv/my sockets', 'me', 'web'), [
      "sudo install -d -m 2750 -o me -g web '/srv/my sockets'",
    ])
    assert.equal(
      socketDirectoryLines('/run/expose', 'me', 'web').length,
      2,
      'what is below /run goes at a restart',
    )
    assert.equal(sshdMatch('DOM\\me', ['A b'])[0], 'Match User "DOM\\me"')
  })
})
