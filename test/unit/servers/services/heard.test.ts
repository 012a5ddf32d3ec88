import assert from 'node:assert/strict'
import type { ServiceName } from '../../../../src/servers/profile'
import { adapterOf } from '../../../../src/servers/services/adapters'
import type { Heard } from '../../../../src/servers/services/heard'
import { cleanLine } from '../../../../src/servers/services/sessionText'

const esc = (code: number, text: string) => `\x1b[${code}m${text}\x1b[0m`
const url = (text: string): Heard => ({ kind: 'url', url: text })
const accepted = (address: string) => ({ event: 'tcpip-forward', authz_code: 'OK', address })

/** Lines as the services print them, or as their source would. */
const rows: [ServiceName, line: string, heard: Heard | undefined][] = [
  ['sish', `${esc(44, 'HTTPS')}: https://my-app.my.sish.test`, url('https://my-app.my.sish.test')],
  ['sish', `${esc(44, 'HTTPS')}: https://my-app.my.sish.test:8443`, url('https://my-app.my.sish.test:8443')],
  ['sish', `${esc(44, 'HTTP')}: http://my-app.my.sish.test`, undefined],
  [
    'sish',
    'Service console can be accessed here: https://a.my.sish.test/_sish/console?x-authorization=x',
    undefined,
  ],
  ['sish', esc(41, 'Press Ctrl-C to close the session.'), undefined],
  [
    'sish',
    '2026/01/02 - 03:04:05 | a.my.sish.test | 200 | 1ms | 203.0.113.7 | GET /HTTPS: https://b.my.sish.test',
    undefined,
  ],
  ['sish', 'HTTPS: https://a.my.sish.test and more', undefined],
  [
    'sish',
    `The subdomain ${esc(31, 'a.my.sish.test')} is unavailable. Assigning a random subdomain.`,
    { kind: 'note', reason: 'name taken' },
  ],
  [
    'sish',
    `The subdomain ${esc(31, 'a.my.sish.test')} is unavailable.`,
    { kind: 'refused', reason: 'name taken', text: 'The subdomain a.my.sish.test is unavailable.' },
  ],
  ['tuns.sh', `${esc(44, 'HTTPS')}: https://me-my-app.nue.tuns.sh`, url('https://me-my-app.nue.tuns.sh')],

  [
    'localhost.run',
    JSON.stringify(accepted('3b1d872d3c1d63.lhr.life')),
    url('https://3b1d872d3c1d63.lhr.life'),
  ],
  [
    'localhost.run',
    JSON.stringify({
      specversion: '1.0',
      id: 'localhost/01dafc11bae282.lhr.life',
      type: 'v1.tcpip_forward.register.accepted',
      source: 'ssh://localhost.run/',
      data: '01dafc11bae282.lhr.life tunneled with tls termination, https://01dafc11bae282.lhr.life\r\nQR',
    }),
    url('https://01dafc11bae282.lhr.life'),
  ],
  [
    'localhost.run',
    '47970a65005227.lhr.life tunneled with tls termination, https://47970a65005227.lhr.life',
    url('https://47970a65005227.lhr.life'),
  ],
  [
    'localhost.run',
    JSON.stringify({
      event: 'tcpip-forward',
      authz_code: 'DENIED',
      address: 'x.lhr.life',
      message: 'nope\nmore',
    }),
    { kind: 'refused', reason: 'other', text: 'nope' },
  ],
  [
    'localhost.run',
    JSON.stringify({ type: 'v1.tcpip_forward.register.rejected', id: 'x', data: 'no capacity\r\nmore' }),
    { kind: 'refused', reason: 'other', text: 'no capacity' },
  ],
  [
    'localhost.run',
    JSON.stringify({ event: 'tcpip-forward', authz_code: 'DENIED' }),
    { kind: 'refused', reason: 'other', text: '' },
  ],
  ['localhost.run', JSON.stringify({ event: 'tcpip-forward', authz_code: 'OK', address: 7 }), undefined],
  ['localhost.run', JSON.stringify({ event: 'authn', message: 'see https://x.lhr.life' }), undefined],
  [
    'localhost.run',
    JSON.stringify({ type: 'v1.notice', data: 'see https://admin.localhost.run' }),
    undefined,
  ],
  ['localhost.run', '{"event":"tcpip-forward","authz_code":"OK","address":"x.lhr', undefined],
  ['localhost.run', '[1]', undefined],
  ['localhost.run', 'null', undefined],
  ['localhost.run', 'tunnel config: inject-http-proxy-headers=false', undefined],
  [
    'localhost.run',
    'create an account and add your key, see https://localhost.run/docs/forever-free/',
    undefined,
  ],
  ['localhost.run', 'https://localhost.run/docs/', undefined],

  ['serveo', 'Forwarding HTTP traffic from https://relego.serveo.net', url('https://relego.serveo.net')],
  [
    'serveo',
    esc(32, 'Forwarding HTTP traffic from https://2757a812313bfa78-91-93-237-43.serveousercontent.com'),
    url('https://2757a812313bfa78-91-93-237-43.serveousercontent.com'),
  ],
  [
    'serveo',
    'To request a particular subdomain, you first need to register your SSH public key.',
    { kind: 'note', reason: 'key unknown' },
  ],
  ['serveo', 'https://console.serveo.net/ssh/keys?add=SHA256%3AWJDl', undefined],
  [
    'serveo',
    'Tip (1): Create an account to reserve names: https://console.serveo.net/settings?n=1',
    undefined,
  ],
  ['serveo', 'GET /Forwarding HTTP traffic from https://x.serveo.net', undefined],
  ['serveo', 'Press g to start a GUI session and ctrl-c to quit.', undefined],

  [
    'pinggy',
    '   https://rnzdf-184-182-85-60.a.free.pinggy.link',
    url('https://rnzdf-184-182-85-60.a.free.pinggy.link'),
  ],
  ['pinggy', '   http://rnzdf-184-182-85-60.a.free.pinggy.link', undefined],
  [
    'pinggy',
    'Your tunnel will expire in 60 minutes. Upgrade to Pinggy Pro to get unrestricted tunnels. https://dashboard.pinggy.io',
    undefined,
  ],
  ['pinggy', '> POST 403 Forbi…  /https://x.a.free.pinggy.link', undefined],

  ['ngrok', 'Forwarding  https://9490551445c1.ngrok-free.app', url('https://9490551445c1.ngrok-free.app')],
  ['ngrok', 'Forwarding  https://a.ngrok.app -> localhost:3000', url('https://a.ngrok.app')],
  ['ngrok', 'Forwarding  tcp://6.tcp.ngrok.io:12345', undefined],
  ['ngrok', 'Sign up at https://dashboard.ngrok.com/signup', undefined],
  ['ngrok', 'ERR_NGROK_108', { kind: 'refused', reason: 'already online', text: 'ERR_NGROK_108' }],
  ['ngrok', 'no. ERR_NGROK_1', { kind: 'refused', reason: 'other', text: 'no. ERR_NGROK_1' }],
]

describe('what a service says', () => {
  for (const [service, line, heard] of rows) {
    it(`${service}: ${JSON.stringify(line).slice(0, 90)} is ${JSON.stringify(heard ?? 'nothing')}`, () => {
      assert.deepEqual(adapterOf(service).read(cleanLine(line)), heard)
    })
  }
})
