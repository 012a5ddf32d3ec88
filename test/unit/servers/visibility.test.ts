import assert from 'node:assert/strict'
import type { OwnProfile, ServerProfile, ServiceName, TlsEnd } from '../../../src/servers/profile'
import { whoCanRead } from '../../../src/servers/visibility'

describe('who can read what visitors send', () => {
  const reached = { id: 'vps', ssh: 'me@vps', destination: { host: 'vps.example.com', user: 'me' } }
  const own = (tls: TlsEnd, changes: Partial<OwnProfile> = {}): OwnProfile => ({
    kind: 'own',
    ...reached,
    bind: { kind: 'unix', path: '/run/expose/{name}.sock' },
    publicUrl: 'https://{name}.example.com',
    tls,
    proxyProtocol: false,
    ...changes,
  })
  const service = (name: ServiceName, host: string): ServerProfile => ({
    kind: 'service',
    ...reached,
    destination: { host },
    service: name,
    ...(name === 'sish' ? { sishHost: host } : {}),
  })

  type Row = readonly [what: string, profile: ServerProfile, says: string]
  const rows: readonly Row[] = [
    [
      'a reverse proxy',
      own('server'),
      'HTTPS ends on the server vps.example.com: whoever runs it can read the traffic.',
    ],
    [
      'this machine',
      own('here'),
      'HTTPS ends on this machine: the server vps.example.com passes it on and cannot read it.',
    ],
    ['the app', own('app'), 'HTTPS ends in the app itself: nobody on the way can read the traffic.'],
    [
      'nowhere',
      own('none', {
        bind: { kind: 'tcp', host: '0.0.0.0', firstPort: 1, lastPort: 9 },
        publicUrl: 'tcp://x:{port}',
      }),
      'Not encrypted between visitors and vps.example.com: anyone on their way can read the traffic.',
    ],
    [
      'a gateway',
      { kind: 'gateway', ...reached },
      'HTTPS ends on the server vps.example.com: whoever runs it can read the traffic.',
    ],
    ...(
      [
        ['localhost.run', 'ssh.localhost.run', 'localhost.run'],
        ['pinggy', 'a.pinggy.io', 'pinggy.io'],
        ['serveo', 'serveo.net', 'serveo.net'],
        ['tuns.sh', 'tuns.sh', 'tuns.sh'],
        ['ngrok', 'connect.ngrok-agent.com', 'ngrok'],
      ] as const
    ).map(
      ([name, host, known]) =>
        [
          name,
          service(name, host),
          `All traffic passes through ${known}, a service run by others: HTTPS ends there, and they can read and change everything that passes.`,
        ] as const,
    ),
    [
      // A sish has no name of its own: whose host it is says who runs it.
      'sish',
      service('sish', 'sish.example.org'),
      'HTTPS ends at sish.example.org: whoever runs that server can read and change everything that passes.',
    ],
  ]
  for (const [what, profile, says] of rows) {
    it(`${what}: ${says}`, () => {
      assert.equal(whoCanRead(profile), says)
    })
  }
})
