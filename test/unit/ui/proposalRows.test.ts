import assert from 'node:assert/strict'
import type { ServerEvidence } from '../../../src/servers/look/evidence'
import type { Proposal, Step } from '../../../src/servers/propose/proposal'
import { proposalRows } from '../../../src/ui/proposalRows'

describe('the proposals for a server', () => {
  const evidence: ServerEvidence = {
    ...{ ssh: 'me@vps', hostName: 'vps', user: 'me', address: '192.0.2.1', gateway: undefined },
    ...{ gatewayPorts: 'no', forwards: { tcp: 'yes', sockets: 'yes' }, sftp: true, routes: [] },
    shell: {
      ...{ isRoot: false, groups: [], sshd: undefined, listeners: [] },
      ...{ firstUnprivilegedPort: 1024, proxies: [] },
    },
    domain: undefined,
    front: { kind: 'nobody', holdsHttps: 'no' },
    socketDirectories: [],
    httpsPort: { port: 443, canBind: 'unknown', isReached: 'unknown' },
    rawPort: { port: 20000, canBind: 'unknown', isReached: 'unknown' },
  }
  const step: Step = { what: 'Do it.', where: 'shell', lines: ['true'] }
  const ready: Proposal = {
    way: 'one URL',
    entry: { ssh: 'me@vps', bind: '127.0.0.1:80', publicUrl: 'https://vps.example.com', tls: 'server' },
    title: 'One URL',
    detail: 'Visitors call it.',
    ...{ missing: [], better: [] },
  }
  const unready: Proposal = { ...ready, title: 'Names', missing: [step, step] }
  const shown = (proposals: Proposal[], changes: Partial<ServerEvidence> = {}) =>
    proposalRows(proposals, { ...evidence, ...changes }).map(({ label, description = '', group }) =>
      [label, description, group].join(' | '),
    )

  it('stand with what is ready first, and what else can be done last', () =>
    assert.deepEqual(shown([ready, unready]), [
      '$(check) One URL |  | ready',
      '$(tools) Names | 2 steps | steps needed',
      '$(search) Look for another domain… |  | more',
      '$(rocket) Prepare this server as a gateway… | installs Caddy; needs sudo; shows first what it does | more',
      '$(edit) Write it yourself | in settings.json, where suggestions offer each way filled in | more',
    ]))

  it('say who can read the traffic', () =>
    assert.equal(
      proposalRows([ready], evidence)[0]?.detail,
      'HTTPS ends on the server vps: whoever runs it can read the traffic.',
    ))

  it('say what works and could be better', () =>
    assert.match(
      shown([{ ...ready, better: [step] }])[0] ?? '',
      /^\$\(check\) One URL \| could be better \| ready$/,
    ))

  const offersPreparing: [string, Partial<ServerEvidence>, boolean][] = [
    ['where nothing holds the ports of the web', {}, true],
    ['where Caddy holds them', { front: { kind: 'caddy', holdsHttps: 'yes' } }, true],
    ['where nginx holds them', { front: { kind: 'nginx', holdsHttps: 'yes' } }, false],
    ['where no command may be run', { shell: undefined }, false],
    [
      'on a gateway',
      { gateway: { base: 'dev.example.com', directory: '/run/expose', leadsHere: 'yes' } },
      false,
    ],
  ]
  for (const [where, changes, isOffered] of offersPreparing) {
    it(`${isOffered ? 'offer' : 'do not offer'} to prepare the server ${where}`, () =>
      assert.equal(
        shown([ready], changes).some((row) => row.includes('gateway')),
        isOffered,
      ))
  }
})
