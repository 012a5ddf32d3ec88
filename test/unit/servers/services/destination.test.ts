import assert from 'node:assert/strict'
import type { ServiceName } from '../../../../src/servers/profile'
import { serviceDestination } from '../../../../src/servers/services/destination'

type Options = Parameters<typeof serviceDestination>[1]

const rows: [ServiceName, Options, ssh: string | undefined, domain?: string][] = [
  ['localhost.run', {}, 'nokey@localhost.run'],
  ['localhost.run', { identityFile: '~/.ssh/id' }, 'localhost.run'],
  ['localhost.run', { ssh: 'plan@localhost.run' }, 'plan@localhost.run'],
  ['localhost.run', { ssh: 'localhost.run' }, 'localhost.run'],
  ['serveo', {}, 'serveo.net'],
  ['tuns.sh', {}, 'tuns.sh'],
  ['tuns.sh', { ssh: 'me@nue.tuns.sh' }, 'me@nue.tuns.sh'],
  ['pinggy', {}, 'http@free.pinggy.io:443'],
  ['pinggy', { ssh: 'TOKEN@pro.pinggy.io:443' }, 'TOKEN@pro.pinggy.io:443'],
  ['pinggy', { ssh: 'TOKEN+force@pro.pinggy.io' }, 'TOKEN+force@pro.pinggy.io:443'],
  ['pinggy', { ssh: 'eu.free.pinggy.io' }, 'http@eu.free.pinggy.io:443'],
  ['ngrok', {}, 'v2@connect.ngrok-agent.com'],
  ['ngrok', { ssh: 'connect.eu.ngrok-agent.com' }, 'v2@connect.eu.ngrok-agent.com'],
  ['sish', { sishHost: 'my.sish.test' }, 'my.sish.test', 'my.sish.test'],
  ['sish', { sishHost: 'me@my.sish.test:2222' }, 'me@my.sish.test:2222', 'my.sish.test'],
  ['sish', { sishHost: 'my.sish.test', ssh: 'alias' }, 'alias', 'my.sish.test'],
  [
    'sish',
    { sishHost: 'my.sish.test', ssh: 'ssh://me@[2001:db8::1]:22' },
    'me@[2001:db8::1]:22',
    'my.sish.test',
  ],
  ['sish', {}, undefined],
  ['sish', { sishHost: 'no host' }, undefined],
  ['ngrok', { ssh: 'no host' }, undefined],
  ['ngrok', { ssh: '-oProxyCommand=x' }, undefined],
]

describe('serviceDestination', () => {
  for (const [service, options, ssh, domain] of rows) {
    it(`${service} with ${JSON.stringify(options)} is ${ssh ?? 'none'}`, () => {
      const reached = serviceDestination(service, options)
      assert.equal(reached?.ssh, ssh)
      assert.equal(reached?.domain, domain)
    })
  }

  it('answers the same as a destination', () => {
    assert.deepEqual(serviceDestination('pinggy', { ssh: 'TOKEN@pro.pinggy.io' })?.destination, {
      user: 'TOKEN',
      host: 'pro.pinggy.io',
      port: 443,
    })
    assert.deepEqual(serviceDestination('serveo')?.destination, { host: 'serveo.net' })
  })
})
