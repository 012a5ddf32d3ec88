import assert from 'node:assert/strict'
import type { PublicWay } from '../../../src/servers/profile'
import { sshCommandOf } from '../../../src/servers/sshCommand'
import { readServers } from '../../../src/servers/validation'

describe('sshCommandOf', () => {
  const way: PublicWay = {
    bind: { kind: 'unix', path: '/run/expose/bot.sock' },
    publicUrl: 'https://bot.dev.example.com',
    tls: 'server',
    proxyProtocol: false,
  }
  const of = (
    entry: object,
    changes: Partial<PublicWay> = {},
    protocol: 'http' | 'https' | 'tcp' = 'http',
  ) => {
    const [profile] = readServers({ mine: entry }).profiles
    assert.ok(profile)
    const app = { host: 'localhost', port: 3000, protocol }
    return sshCommandOf({ profile, way: { ...way, ...changes }, name: 'bot', app })
  }
  const own = (tls: string) => ({ ssh: 'me@vps', bind: '127.0.0.1:1', publicUrl: 'https://vps', tls })

  const rows: [what: string, entry: object, changes: Partial<PublicWay>, command: string][] = [
    [
      'a gateway',
      { ssh: 'expose@vps' },
      {},
      'ssh -nN -o ExitOnForwardFailure=yes -R /run/expose/bot.sock:localhost:3000 expose@vps',
    ],
    [
      'the port that was taken of a range',
      { ...own('server'), bind: '127.0.0.1:{20000-20099}', publicUrl: 'https://p{port}.vps' },
      { bind: { kind: 'tcp', host: '127.0.0.1', port: 20_042 } },
      'ssh -nN -o ExitOnForwardFailure=yes -R 127.0.0.1:20042:localhost:3000 me@vps',
    ],
    [
      'sish',
      { service: { sish: 'my.sish.host:2222' } },
      {},
      'ssh -T -o ExitOnForwardFailure=yes -p 2222 -R bot:80:localhost:3000 my.sish.host',
    ],
    [
      'localhost.run',
      { service: 'localhost.run' },
      {},
      'ssh -T -o ExitOnForwardFailure=yes -R localhost:80:localhost:3000 nokey@localhost.run -- --output json',
    ],
    [
      'pinggy',
      { service: 'pinggy' },
      {},
      'ssh -T -o ExitOnForwardFailure=yes -p 443 -R localhost:0:localhost:3000 http@free.pinggy.io',
    ],
    [
      'ngrok, with a domain',
      { service: 'ngrok', domain: 'bot.ngrok.app' },
      {},
      'ssh -T -o ExitOnForwardFailure=yes -R bot.ngrok.app:443:localhost:3000 v2@connect.ngrok-agent.com -- http',
    ],
  ]
  for (const [what, entry, changes, command] of rows) {
    it(`${what}: ${command}`, () => assert.deepEqual(of(entry, changes), { command, lacks: undefined }))
  }

  it('says what ssh alone does not do', () => {
    assert.match(of(own('here'), { tls: 'here' }).lacks ?? '', /ending it.* is left to the app/)
    assert.match(of(own('server'), {}, 'https').lacks ?? '', /speaks HTTPS/)
    assert.equal(of(own('app'), { tls: 'app' }, 'https').lacks, undefined)
  })
})
