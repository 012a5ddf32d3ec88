import assert from 'node:assert/strict'
import { readServers } from '../../../../src/servers/validation'
import { commandIds } from '../../../../src/ui/commandIds'
import { serverItems, type ServerFacts } from '../../../../src/ui/views/serverItems'
import type { ViewItem } from '../../../../src/ui/views/viewItem'
import { failure, open, shownTunnel } from './tunnel'

const vps = {
  ssh: 'me@dev.example.com',
  bind: '/run/expose/{name}.sock',
  publicUrl: 'https://{name}.dev.example.com',
  tls: 'server',
}
const rows = (servers: unknown, facts: Partial<ServerFacts> = {}): readonly ViewItem[] =>
  serverItems({
    servers: readServers(servers),
    defaultServer: undefined,
    tunnels: [],
    lastRefusal: () => undefined,
    ...facts,
  })
const only = (servers: unknown, facts: Partial<ServerFacts> = {}): ViewItem => {
  const [first, ...more] = rows(servers, facts)
  assert.deepEqual(more, [])
  return first ?? assert.fail()
}
const parts = (item: ViewItem): Record<string, string | undefined> =>
  Object.fromEntries((item.children ?? []).map(({ label, description }) => [label, description]))

describe('the rows of the view Servers', () => {
  it('are none without a server, so that the welcome shows', () => {
    assert.deepEqual(rows(undefined), [])
    assert.deepEqual(rows({}), [])
  })

  it('say how each server makes ports public, and who can read', () => {
    const own = only({ vps })
    assert.deepEqual([own.label, own.description, own.icon], ['vps', 'me@dev.example.com', 'server'])
    assert.deepEqual(parts(own), {
      'Public URL': 'https://{name}.dev.example.com',
      'Who can read': 'HTTPS ends on the server dev.example.com: whoever runs it can read the traffic.',
      Now: 'not in use',
    })
    assert.equal(
      parts(only({ gate: { ssh: 'expose@dev.example.com' } }))['Public URL'],
      'as the gateway says',
    )
    const service = only({ free: { service: 'localhost.run' } })
    assert.deepEqual(
      [service.description, parts(service)['Public URL']],
      ['localhost.run', 'as the service says'],
    )
    const domain = only({ mine: { service: 'ngrok', domain: 'bot.example.com' } })
    assert.equal(parts(domain)['Public URL'], 'bot.example.com')
  })

  it('never show whom a service knows one as', () => {
    const item = only({ paid: { service: 'pinggy', ssh: 'SECRET-TOKEN@pro.pinggy.io' } })
    assert.doesNotMatch(JSON.stringify(item), /SECRET/)
  })

  it('say which one is taken without asking, and which one is in use', () => {
    assert.equal(only({ vps }, { defaultServer: 'vps' }).description, 'default · me@dev.example.com')
    const tunnels = [
      shownTunnel(),
      shownTunnel({ id: 8 }),
      shownTunnel({ state: { kind: 'connecting', hop: 'TCP' } }),
    ]
    const used = only({ vps }, { tunnels })
    assert.deepEqual([used.description, used.color], ['connected · me@dev.example.com', 'testing.iconPassed'])
    assert.equal(parts(used)['Now'], '2 open tunnels')
    assert.equal(only({ other: vps }, { tunnels }).description, 'me@dev.example.com')
    assert.equal(used.id, only({ vps }).id)
  })

  it('tell the last problem, of a tunnel that is there or of one that could not be opened', () => {
    const ways: [string, Partial<ServerFacts>][] = [
      ['failed', { tunnels: [shownTunnel({ state: { kind: 'failed', failure } })] }],
      ['waiting', { tunnels: [shownTunnel({ state: { kind: 'waiting', failure, retryAt: 0 } })] }],
      ['not public', { tunnels: [shownTunnel({ state: { ...open, check: failure } })] }],
      ['refused', { lastRefusal: (id) => (id === 'vps' ? failure : undefined) }],
    ]
    for (const [what, facts] of ways) {
      const item = only({ vps }, facts)
      assert.match(item.description ?? '', /^last problem: TCP · /, what)
      assert.deepEqual([item.icon, item.color], ['warning', 'list.warningForeground'], what)
      const [first] = item.children ?? []
      assert.equal(first?.label, 'The server was lost.', what)
      assert.match(first.tooltip ?? '', /ECONNRESET\n\nLook at it\./, what)
      assert.equal(only({ other: vps }, facts).icon, 'server', what)
    }
  })

  it('mark what is wrong in the settings, once for each server, and a click opens them', () => {
    const [good, wrong, ...more] = rows({ vps, office: { ...vps, bind: '8080', tls: 'nowhere' } })
    assert.deepEqual([good?.id, wrong?.id, more], ['server:vps', 'wrong:office', []])
    assert.deepEqual(
      [wrong?.icon, wrong?.color, wrong?.command],
      ['error', 'list.errorForeground', commandIds.editServers],
    )
    assert.match(wrong?.description ?? '', /"bind": needs an address too/)
    assert.match(wrong?.description ?? '', /"tls": /)
    assert.match(wrong?.spoken ?? '', /^Server office cannot be used: /)
    assert.equal(only('all wrong').label, 'exposePort.servers')
  })

  it('can all be edited', () => {
    for (const item of rows({ vps, office: {} })) assert.equal(item.contextValue, 'server')
  })
})
